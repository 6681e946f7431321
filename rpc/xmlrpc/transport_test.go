package xmlrpc_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	kolo "github.com/kolo/xmlrpc"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// koloOver returns a kolo client over our Transport.
func koloOver(t testing.TB, url string, config xmlrpc.ClientConfig) (*kolo.Client, *xmlrpc.Transport) {
	t.Helper()
	transport, err := xmlrpc.NewTransport(url, config)
	if err != nil {
		t.Fatal(err)
	}
	c, err := kolo.NewClient("http://localhost/RPC2", transport)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		transport.Close()
	})
	return c, transport
}

func TestTransportForKolo(t *testing.T) {
	srv := &xmlrpc.Server{Handler: registry(t, map[string]any{
		"add":  func(a, b int) int { return a + b },
		"fail": func() error { return rpc.Errorf(42, "no luck") },
	})}
	c, _ := koloOver(t, srv.URL(serveAt(t, srv, "unix:"+socketPath(t))), xmlrpc.ClientConfig{GzipCalls: true})
	var sum int
	for range 3 {
		if err := c.Call("add", []any{3, 5}, &sum); err != nil || sum != 8 {
			t.Errorf("got %d, %v", sum, err)
		}
	}
	if err := c.Call("fail", nil, nil); err == nil || err.Error() != "Fault(42): no luck" {
		t.Errorf("got %v; want fault 42", err)
	}
	var names []string
	if err := c.Call("system.listMethods", nil, &names); err != nil || len(names) < 6 {
		t.Errorf("got %v, %v", names, err)
	}
}

// TestTransportGuardsKolo: answers that would harm a kolo client, or the one who
// uses it, do not reach it.
func TestTransportGuardsKolo(t *testing.T) {
	const head = "<methodResponse><params><param>"
	deep := head + strings.Repeat("<value><array><data>", 4000) + "<value>x</value>" + strings.Repeat("</data></array></value>", 4000) + "</param></params></methodResponse>"
	for name, test := range map[string]struct{ answer, want string }{
		"redirect":     {"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://evil.example/\r\nContent-Length: 0\r\n\r\n", "status 307"},
		"deep":         {ok(deep), "deep"},
		"deep fault":   {ok(strings.NewReplacer("<params><param>", "<fault>", "</param></params>", "</fault>").Replace(deep)), "more than 64 deep"},
		"cut off":      {ok(head + "<value><int>1</int></value>"), "the end of the document"},
		"large":        {ok(head + "<value>" + strings.Repeat("x", 1<<20) + "</value></param></params></methodResponse>"), "MaxAnswer"},
		"HTML":         {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>", "<html>"},
		"unauthorized": {"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", "status 401"},
	} {
		requests := 0
		url := script(t, func(_ int, c net.Conn) {
			r := bufio.NewReader(c)
			take(r)
			requests++
			io.WriteString(c, test.answer)
		})
		c, transport := koloOver(t, url, xmlrpc.ClientConfig{MaxAnswer: 500_000})
		var result any
		err := c.Call("f", nil, &result)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, %v; want %q", name, result, err, test.want)
		}
		if large := test.want == "MaxAnswer"; errors.Is(err, xmlrpc.ErrTooLarge) != large {
			t.Errorf("%s: got %v; want what is ErrTooLarge: %t", name, err, large)
		}
		if transport.Close(); requests != 1 {
			t.Errorf("%s: the server got %d requests; want 1", name, requests)
		}
	}
}

// TestTransportEndsCalls: a kolo client has no deadlines of its own, and waits
// for ever.
func TestTransportEndsCalls(t *testing.T) {
	url := script(t, func(_ int, c net.Conn) { io.Copy(io.Discard, c) })
	c, _ := koloOver(t, url, xmlrpc.ClientConfig{Timeout: 50 * time.Millisecond})
	start := time.Now()
	err := c.Call("f", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "no answer within 50ms, the default") || time.Since(start) > 2*time.Second {
		t.Errorf("got %v after %v", err, time.Since(start))
	}
}

// TestTransportHeaders: the headers of a request are sent, but for those that
// are the transport's.
func TestTransportHeaders(t *testing.T) {
	got := make(chan *http.Request, 1)
	url := script(t, func(_ int, c net.Conn) {
		req, _, _ := take(bufio.NewReader(c))
		got <- req
		io.WriteString(c, ok(yes))
	})
	transport, err := xmlrpc.NewTransport(url, xmlrpc.ClientConfig{User: "me", Password: "pass", Header: http.Header{"X-Both": {"ours"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer transport.Close()
	req, err := http.NewRequestWithContext(bounded(t), "POST", "http://elsewhere.example/x", strings.NewReader(document("f")))
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]string{"X-Own": "theirs", "X-Both": "theirs", "Idempotency-Key": "1", "Accept-Encoding": "br"} {
		req.Header.Set(name, v)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(resp.Body); !strings.Contains(string(body), "<boolean>1</boolean>") || int64(len(body)) != resp.ContentLength || err != nil {
		t.Errorf("got %q, %v", body, err)
	}
	sent := wait(t, got, "the request")
	user, _, _ := sent.BasicAuth()
	for what, pair := range map[string][2]string{
		"X-Own": {sent.Header.Get("X-Own"), "theirs"}, "X-Both": {sent.Header.Get("X-Both"), "ours"},
		"Idempotency-Key": {sent.Header.Get("Idempotency-Key"), ""}, "Accept-Encoding": {sent.Header.Get("Accept-Encoding"), ""},
		"user": {user, "me"}, "path": {sent.URL.Path, "/RPC2"}, "host": {"http://" + sent.Host, url},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: got %q; want %q", what, pair[0], pair[1])
		}
	}

	get, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := transport.RoundTrip(get); err == nil {
		t.Error("a GET was sent")
	}
	remote, err := xmlrpc.NewTransport("http://192.0.2.1", xmlrpc.ClientConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer remote.Close()
	req, _ = http.NewRequest("POST", "http://me:s3cret@192.0.2.1", strings.NewReader(document("f")))
	req.SetBasicAuth("me", "s3cret")
	if _, err := remote.RoundTrip(req); err == nil || !strings.Contains(err.Error(), "use https") {
		t.Errorf("a password beyond loopback: got %v", err)
	}
	transport.Close()
	req, _ = http.NewRequest("POST", url, strings.NewReader(document("f")))
	if _, err := transport.RoundTrip(req); !errors.Is(err, xmlrpc.ErrClosed) {
		t.Errorf("after Close: got %v; want ErrClosed", err)
	}
}

// TestThreatTransportChangesText: what looks like kolo's nil in a CDATA section is
// text, and arrives as it is.
func TestThreatTransportChangesText(t *testing.T) {
	reg := registry(t, map[string]any{"join": func(a string, b *int, c string) string { return fmt.Sprint(a, b == nil, c) }})
	transport, err := xmlrpc.NewTransport("http://"+serve(t, &xmlrpc.Server{Handler: reg}), xmlrpc.ClientConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { transport.Close() })
	call := `<methodCall><methodName>join</methodName><params><param><value><![CDATA[<param></param>]]></value></param><param></param><param><value>z</value></param></params></methodCall>`
	r, err := http.NewRequestWithContext(bounded(t), http.MethodPost, "http://localhost/RPC2", strings.NewReader(call))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(answer), "<string>&lt;param&gt;&lt;/param&gt;truez</string>") {
		t.Errorf("got %s, %v; want the text as it was sent", answer, err)
	}
}

// TestTransportEncoding: a call in another encoding is not said to be UTF-8, which
// for servers counts more than what the document says.
func TestTransportEncoding(t *testing.T) {
	got := make(chan string, 1)
	url := mount(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- r.Header.Get("Content-Type") + " " + string(body[len(body)-len("\xe9</value></param></params></methodCall>"):][:1])
		io.WriteString(w, yes)
	}))
	transport, err := xmlrpc.NewTransport(url, xmlrpc.ClientConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { transport.Close() })
	for sent, want := range map[string]string{"": "text/xml", "application/json": "text/xml", "text/xml": "text/xml", "text/xml; charset=iso-8859-1": "text/xml; charset=iso-8859-1"} {
		call := "<?xml version='1.0' encoding='iso-8859-1'?><methodCall><methodName>f</methodName><params><param><value>\xe9</value></param></params></methodCall>"
		r, err := http.NewRequestWithContext(bounded(t), http.MethodPost, "http://localhost/RPC2", strings.NewReader(call))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", sent)
		resp, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if header := wait(t, got, "a call"); header != want+" \xe9" {
			t.Errorf("%q: got %q; want %q", sent, header, want)
		}
	}
}
