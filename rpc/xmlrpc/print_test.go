package xmlrpc

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// openJar is a jar that prints what it holds.
type openJar map[string]string

func (openJar) Cookies(*url.URL) []*http.Cookie     { return nil }
func (openJar) SetCookies(*url.URL, []*http.Cookie) {}

// TestThreatPrintedPasswords: what clients log in with stands in no text that is
// made of them, nor in the errors about them.
func TestThreatPrintedPasswords(t *testing.T) {
	const password = "canary"
	authorization := "Basic " + base64.StdEncoding.EncodeToString([]byte("ann:"+password))
	config := ClientConfig{User: "ann", Password: password}
	inHeader := ClientConfig{Header: http.Header{"Authorization": {authorization}, "authorization": {authorization}}}
	client, err := NewClient("http://127.0.0.1:1/", config)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	byURL, err := NewClient("http://ann:"+password+"@127.0.0.1:1/", ClientConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer byURL.Close()
	transport, err := NewTransport("http://127.0.0.1:1/", config)
	if err != nil {
		t.Fatal(err)
	}
	defer transport.Close()
	things := map[string]any{
		"config": config, "header": inHeader, "pointer": &config, "client": client, "client of a URL": byURL,
		"jar":       ClientConfig{Jar: openJar{"session": password}},
		"transport": transport, "inside": struct{ Config ClientConfig }{config},
	}
	for _, target := range []string{
		"ann:canary@host", "ann:canary@host/RPC2", "//ann:canary@host", "ftp://ann:canary@host", "http:ann:canary@host",
		"http://ann:canary@host.example/", "http://ann:canary%zz@host/", "http://ann:canary@/",
	} {
		_, err := NewClient(target, ClientConfig{})
		if err == nil {
			t.Errorf("%s: got no error", target)
		}
		things[target] = err
	}
	for name, thing := range things {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			text := fmt.Sprintf(verb, thing)
			for _, secret := range []string{password, authorization[6:], fmt.Sprintf("%x", password), fmt.Sprintf("%x", authorization[6:])} {
				if strings.Contains(text, secret) {
					t.Errorf("%s of %s: got %q in %.300s", verb, name, secret, text)
				}
			}
		}
	}
}
