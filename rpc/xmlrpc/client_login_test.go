package xmlrpc_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// secret is a Secret for tests.
type secret string

func (s secret) Authorization() (string, error) {
	if s == "" {
		return "", errors.New("no secret today")
	}
	return string(s), nil
}

func TestClientLogin(t *testing.T) {
	key, err := auth.GenerateSecret("bot.k1")
	if err != nil {
		t.Fatal(err)
	}
	entry, err := key.Entry(auth.UseHTTP, "bot")
	if err != nil {
		t.Fatal(err)
	}
	credentials, err := auth.NewCredentials([]auth.Entry{entry}, auth.CredentialsConfig{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	addr := serve(t, &xmlrpc.Server{Auth: credentials, Handler: registry(t, map[string]any{"whoami": whoami})})
	const want = "bot by bot.k1 over xmlrpc"
	for name, config := range map[string]xmlrpc.ClientConfig{
		"Login":                 {Login: key},
		"the key as password":   {User: "bot.k1", Password: key.Reveal()},
		"a header of one's own": {Header: http.Header{"Authorization": {"Bearer " + key.Reveal()}}},
	} {
		if got, err := rpc.Invoke[string](bounded(t), newClient(t, "http://"+addr, config), "whoami"); got != want || err != nil {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, want)
		}
	}
	// Not logged in: it did not run, and programs need not know the transport.
	other, err := auth.GenerateSecret("bot.k1")
	if err != nil {
		t.Fatal(err)
	}
	for name, config := range map[string]xmlrpc.ClientConfig{"none": {}, "another key": {Login: other}} {
		_, err := rpc.Invoke[string](bounded(t), newClient(t, "http://"+addr, config), "whoami")
		if wantLink(t, err, rpc.NotSent); !errors.Is(err, &rpc.Fault{Code: rpc.CodeNotAuthenticated}) {
			t.Errorf("%s: got %v; want CodeNotAuthenticated", name, err)
		}
	}
	// What kolo's users drop in logs in as well.
	transport, err := xmlrpc.NewTransport("http://"+addr, xmlrpc.ClientConfig{Login: key})
	if err != nil {
		t.Fatal(err)
	}
	defer transport.Close()
	r, err := http.NewRequestWithContext(bounded(t), "POST", "http://example.invalid/", strings.NewReader(document("whoami")))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || !strings.Contains(string(body), want) {
		t.Errorf("a Transport: got %s, %v; want %q", body, err, want)
	}
}

func TestClientLoginMistakes(t *testing.T) {
	for _, test := range []struct {
		url    string
		config xmlrpc.ClientConfig
		want   string
	}{
		{"http://localhost", xmlrpc.ClientConfig{Login: secret("Bearer s3cret"), User: "u"}, "another login"},
		{"http://u:p@localhost", xmlrpc.ClientConfig{Login: secret("Bearer s3cret")}, "another login"},
		{"http://localhost", xmlrpc.ClientConfig{Login: secret("Bearer s3cret"), Header: http.Header{"authorization": {"x"}}}, "another login"},
		{"http://localhost", xmlrpc.ClientConfig{Login: secret("")}, "no secret today"},
		{"http://example.org", xmlrpc.ClientConfig{Login: secret("Bearer s3cret")}, "use https"},
	} {
		c, err := xmlrpc.NewClient(test.url, test.config)
		if err == nil {
			c.Close()
			t.Errorf("%s: was not refused", test.url)
			continue
		}
		if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: got %q; want %q", test.url, err, test.want)
		}
	}
}

// TestLoginIsNotRedirected: what a client logs in with goes where it was told to,
// whatever the server there says.
func TestLoginIsNotRedirected(t *testing.T) {
	var reached atomic.Int32
	evil := script(t, func(_ int, c net.Conn) {
		reached.Add(1)
		io.WriteString(c, ok(yes))
	})
	for _, status := range []string{"301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"} {
		url := script(t, func(_ int, c net.Conn) {
			if _, _, err := take(bufio.NewReader(c)); err == nil {
				io.WriteString(c, "HTTP/1.1 "+status+"\r\nLocation: "+evil+"/RPC2\r\nContent-Length: 0\r\n\r\n")
			}
		})
		c := newClient(t, url, xmlrpc.ClientConfig{Login: secret("Bearer s3cret")})
		_, err := rpc.Invoke[any](bounded(t), c, "f")
		var a *xmlrpc.AnswerError
		if !errors.As(err, &a) || a.Location != evil+"/RPC2" {
			t.Errorf("%s: got %v; want an AnswerError with the place", status, err)
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("the other server was reached %d times", n)
	}
}
