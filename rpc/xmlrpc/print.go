package xmlrpc

import (
	"fmt"
	"log/slog"
	"net/http"
)

// hidden stands for what logs in, where a Client or its configuration is printed.
const hidden = "[secret]"

// Format writes the configuration without the password and without the values of
// its headers, for every verb.
func (c ClientConfig) Format(s fmt.State, verb rune) {
	if c.Password != "" {
		c.Password = hidden
	}
	if c.Header != nil {
		names := make(http.Header, len(c.Header))
		for name := range c.Header {
			names[name] = []string{hidden}
		}
		c.Header = names
	}
	if c.Jar != nil {
		c.Jar = hiddenJar{}
	}
	type printed ClientConfig // without this method
	fmt.Fprintf(s, fmt.FormatString(s, verb), printed(c))
}

// hiddenJar stands for cookies, which log in as well.
type hiddenJar struct{ http.CookieJar }

func (hiddenJar) String() string { return hidden }

// LogValue is the configuration as Format writes it.
func (c ClientConfig) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("%+v", c)) }

// Format writes where the client's server is, and nothing of what the client logs
// in with, for every verb.
func (c *Client) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "xmlrpc.Client(%s)", c.target.name) }

// LogValue is the client as Format writes it.
func (c *Client) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }
