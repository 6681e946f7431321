package xmlrpc

import (
	"fmt"
	"net/http"
)

// redacted stands for a password, wherever one would be printed.
const redacted = "[secret]"

// Format prints the configuration without what it logs in with.
func (c ClientConfig) Format(s fmt.State, verb rune) {
	type plain ClientConfig // without this method
	shown := plain(c)
	if shown.Password != "" {
		shown.Password = redacted
	}
	shown.Header = shown.Header.Clone()
	for name := range shown.Header {
		if http.CanonicalHeaderKey(name) == "Authorization" {
			shown.Header[name] = []string{redacted}
		}
	}
	fmt.Fprintf(s, fmt.FormatString(s, verb), shown)
}
