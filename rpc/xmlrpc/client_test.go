package xmlrpc_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

func TestNewClient(t *testing.T) {
	for _, test := range []struct {
		url    string
		config xmlrpc.ClientConfig
		want   string // in the error; "" for none
	}{
		{"http://example.org", xmlrpc.ClientConfig{}, ""},
		{"https://example.org:8443/a/b?c=d", xmlrpc.ClientConfig{}, ""},
		{"http+unix:///run/s.sock", xmlrpc.ClientConfig{User: "u", Password: "p"}, ""},
		{"http+unix:///run/s.sock:/RPC2", xmlrpc.ClientConfig{}, ""},
		{"http://u:p@localhost:1/", xmlrpc.ClientConfig{}, ""},
		{"http://127.0.0.1:1/", xmlrpc.ClientConfig{User: "u", Password: "p"}, ""},
		{"http://[::1]:1/", xmlrpc.ClientConfig{User: "u", Password: "p"}, ""},
		{"https://u:p@example.org", xmlrpc.ClientConfig{}, ""},

		{"", xmlrpc.ClientConfig{}, "want http://"},
		{"example.org", xmlrpc.ClientConfig{}, "want http://"},
		{"ftp://example.org", xmlrpc.ClientConfig{}, "want http://"},
		{"http:///RPC2", xmlrpc.ClientConfig{}, "want http://"},
		{"http://u:s3cret@exa mple.org", xmlrpc.ClientConfig{}, "want http://"},
		{"ftp://u:s3cret@example.org", xmlrpc.ClientConfig{}, "want http://"},
		{"http+unix://run/s.sock", xmlrpc.ClientConfig{}, "want http+unix:///"},
		{"http://example.org", xmlrpc.ClientConfig{User: "u", Password: "s3cret"}, "use https"},
		{"http://u:s3cret@example.org", xmlrpc.ClientConfig{}, "use https"},
		{"http://127.0.0.1.example.org", xmlrpc.ClientConfig{User: "u", Password: "s3cret"}, "use https"},
		{"http://example.org", xmlrpc.ClientConfig{Header: http.Header{"authorization": {"Bearer s3cret"}}}, "use https"},
		{"http://a:s3cret@localhost", xmlrpc.ClientConfig{User: "b"}, "another one"},
		{"http://localhost", xmlrpc.ClientConfig{User: "a:b"}, "colon"},
		{"http://localhost", xmlrpc.ClientConfig{Header: http.Header{"Idempotency-Key": {"x"}}}, "twice"},
		{"http://localhost", xmlrpc.ClientConfig{Header: http.Header{"content-length": {"x"}}}, "cannot be set"},
		{"http://localhost", xmlrpc.ClientConfig{Timeout: -1}, "Timeout is negative"},
		{"http://localhost", xmlrpc.ClientConfig{MaxAnswer: -1}, "MaxAnswer is negative"},
		{"http://localhost", xmlrpc.ClientConfig{Values: xmlvalue.Options{MaxDepth: -1}}, "MaxDepth"},
	} {
		c, err := xmlrpc.NewClient(test.url, test.config)
		switch {
		case err == nil:
			if test.want != "" {
				t.Errorf("%s: was not refused", test.url)
			}
			c.Close()
		case test.want == "" || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "xmlrpc: "):
			t.Errorf("%s: got %q; want %q", test.url, err, test.want)
		case strings.Contains(err.Error(), "s3cret"):
			t.Errorf("%s: the error holds the password: %v", test.url, err)
		}
	}
}

// script is a server that answers each connection by a function of its own,
// which is called with the number of the connection and closes nothing.
func script(t testing.TB, serve func(n int, c net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 0; ; n++ {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			c.SetDeadline(time.Now().Add(patience))
			wg.Go(func() {
				defer c.Close()
				serve(n, c)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		wg.Wait()
	})
	return "http://" + ln.Addr().String()
}

// take reads one request and returns its head and body.
func take(r *bufio.Reader) (*http.Request, string, error) {
	req, err := http.ReadRequest(r)
	if err != nil {
		return nil, "", err
	}
	body, err := io.ReadAll(req.Body)
	return req, string(body), err
}

const yes = "<methodResponse><params><param><value><boolean>1</boolean></value></param></params></methodResponse>"

func ok(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// wantLink checks that err is a LinkError with this outcome.
func wantLink(t testing.TB, err error, sent rpc.Sent) *rpc.LinkError {
	t.Helper()
	var link *rpc.LinkError
	if !errors.As(err, &link) {
		t.Fatalf("got error %v; want a LinkError", err)
	}
	if link.Sent != sent {
		t.Errorf("got %v; want %v", err, sent)
	}
	return link
}

func TestNothingListens(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	_, err = rpc.Invoke[any](bounded(t), newClient(t, "http://"+ln.Addr().String(), xmlrpc.ClientConfig{}), "f")
	wantLink(t, err, rpc.NotSent)
	_, err = rpc.Invoke[any](bounded(t), newClient(t, "http+unix://"+socketPath(t), xmlrpc.ClientConfig{}), "f")
	wantLink(t, err, rpc.NotSent)
}

// TestNotSentInTime: time runs out before a byte of the call has left.
func TestNotSentInTime(t *testing.T) {
	url := script(t, func(_ int, c net.Conn) { io.Copy(io.Discard, c) }) // no TLS handshake comes from here
	c := newClient(t, strings.Replace(url, "http", "https", 1), xmlrpc.ClientConfig{})
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err := rpc.Invoke[any](ctx, c, "f")
	wantLink(t, err, rpc.NotSent)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v; want context.DeadlineExceeded", err)
	}
	_, err = rpc.Invoke[any](ctx, c, "f")
	if wantLink(t, err, rpc.NotSent); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v; want context.DeadlineExceeded", err)
	}
}

// TestNotSentForWantOfConnections: a call that waited for a connection in vain
// has not run.
func TestNotSentForWantOfConnections(t *testing.T) {
	release := make(chan struct{})
	addr := serve(t, &xmlrpc.Server{Handler: registry(t, map[string]any{"stay": func() { <-release }})})
	c := newClient(t, "http://"+addr, xmlrpc.ClientConfig{MaxConns: 1})
	first := make(chan error, 1)
	go func() { _, err := rpc.Invoke[value.Void](bounded(t), c, "stay"); first <- err }()
	for sent := rpc.Unknown; sent == rpc.Unknown; { // until the first call has the connection
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		_, err := rpc.Invoke[any](ctx, c, "system.ping")
		cancel()
		var link *rpc.LinkError
		if errors.As(err, &link) {
			sent = link.Sent
		}
	}
	close(release)
	if err := wait(t, first, "the first call"); err != nil {
		t.Error(err)
	}
}

// TestServerDies: the server took the call and is gone.
func TestServerDies(t *testing.T) {
	for _, test := range []struct{ name, answer string }{
		{"without an answer", ""},
		{"within the head", "HTTP/1.1 200 OK\r\nConte"},
		{"within the body", ok(yes)[:120]},
	} {
		url := script(t, func(_ int, c net.Conn) {
			take(bufio.NewReader(c))
			io.WriteString(c, test.answer)
		})
		_, err := rpc.Invoke[any](bounded(t), newClient(t, url, xmlrpc.ClientConfig{}), "f")
		if link := wantLink(t, err, rpc.Unknown); !strings.Contains(link.Error(), "call f at "+url+"/RPC2: outcome unknown") {
			t.Errorf("%s: got %v", test.name, err)
		}
	}
}

// TestNothingIsSentTwice: a kept connection that breaks after the call was
// written makes the call fail, although another connection could be had.
func TestNothingIsSentTwice(t *testing.T) {
	var calls atomic.Int32
	url := script(t, func(n int, c net.Conn) {
		r := bufio.NewReader(c)
		for i := 0; ; i++ {
			if _, _, err := take(r); err != nil {
				return
			}
			calls.Add(1)
			if n == 0 && i == 1 {
				return // the second call on the first connection
			}
			io.WriteString(c, ok(yes))
		}
	})
	c := newClient(t, url, xmlrpc.ClientConfig{})
	if _, err := rpc.Invoke[bool](bounded(t), c, "f"); err != nil {
		t.Fatal(err)
	}
	_, err := rpc.Invoke[bool](bounded(t), c, "f")
	wantLink(t, err, rpc.Unknown)
	if n := calls.Load(); n != 2 {
		t.Errorf("the server got %d calls; want 2", n)
	}
	if _, err := rpc.Invoke[bool](bounded(t), c, "f"); err != nil {
		t.Errorf("the call after a broken one: %v", err)
	}
}

// TestStaleConnections: a server that closes connections after each answer
// without saying so costs no call.
func TestStaleConnections(t *testing.T) {
	url := script(t, func(_ int, c net.Conn) {
		if _, _, err := take(bufio.NewReader(c)); err == nil {
			io.WriteString(c, ok(yes))
		}
	})
	c := newClient(t, url, xmlrpc.ClientConfig{})
	for i := range 20 {
		if _, err := rpc.Invoke[bool](bounded(t), c, "f"); err != nil {
			t.Errorf("call %d: %v", i, err)
		}
		time.Sleep(5 * time.Millisecond) // the end of the connection arrives
	}
}

// TestAnswersThatAreNone: what is no XML-RPC is an error that shows it.
func TestAnswersThatAreNone(t *testing.T) {
	const fault = "<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>7</int></value></member><member><name>faultString</name><value>no\x7f\nline</value></member></struct></value></fault></methodResponse>"
	page := "<!DOCTYPE html><title>Log in</title>" + strings.Repeat("<p>\x01</p>", 10_000)
	reply := func(status, headers, body string) string {
		return fmt.Sprintf("HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s", status, headers, len(body), body)
	}
	refused := map[int]bool{401: true, 403: true, 404: true, 405: true, 413: true, 415: true, 421: true, 429: true}
	for _, test := range []struct {
		name, answer string
		status       int // of the AnswerError; 0 for none
		want         string
		is           error
	}{
		{"HTML", reply("200 OK", "Content-Type: text/html\r\n", page), 200, "<title>Log in</title>", nil},
		{"empty", reply("200 OK", "", ""), 200, "", nil},
		{"a call", reply("200 OK", "", document("f")), 200, "methodCall", nil},
		{"cut off", reply("200 OK", "", yes[:60]), 200, "methodResponse", nil},
		{"more behind the end", reply("200 OK", "", yes+"<x/>"), 200, "methodResponse", nil},
		{"DOCTYPE", reply("200 OK", "", "<!DOCTYPE x>"+yes), 200, "DOCTYPE", nil},
		{"deep", reply("200 OK", "", strings.Repeat("<value><array><data>", 4_000)), 200, "", nil},
		{"404", reply("404 Not Found", "Content-Type: text/plain\r\n", "no such page"), 404, "404 Not Found; it begins \"no such page\"", nil},
		{"401", reply("401 Unauthorized", "", ""), 401, "401 Unauthorized", &rpc.Fault{Code: rpc.CodeNotAuthenticated}},
		{"401 that is too large", reply("401 Unauthorized", "", strings.Repeat("x", 100_001)), 401, "MaxAnswer", &rpc.Fault{Code: rpc.CodeNotAuthenticated}},
		{"401 in XML", reply("401 Unauthorized", "Content-Type: text/xml\r\n", "<oops/>"), 401, "<oops/>", &rpc.Fault{Code: rpc.CodeNotAuthenticated}},
		{"403", reply("403 Forbidden", "", ""), 403, "403", nil},
		{"405", reply("405 Not Allowed", "", ""), 405, "405", nil},
		{"415", reply("415 Unsupported", "", ""), 415, "415", nil},
		{"421", reply("421 Misdirected", "", ""), 421, "421", nil},
		{"400", reply("400 Bad", "", ""), 400, "400", nil},
		{"408", reply("408 Timeout", "", ""), 408, "408", nil},
		{"502", reply("502 Bad Gateway", "", ""), 502, "502", nil},
		{"503", reply("503 Busy", "", ""), 503, "503", nil},
		{"413", reply("413 Too Large", "", ""), 413, "413", &rpc.Fault{Code: rpc.CodeOverLimit}},
		{"429", reply("429 Too Many", "", ""), 429, "429", &rpc.Fault{Code: rpc.CodeOverLimit}},
		{"500", reply("500 Oops", "Content-Type: text/xml\r\n", "<oops/>"), 500, "<oops/>", nil},
		{"500 with a result", reply("500 Oops", "Content-Type: text/xml\r\n", yes), 500, "methodResponse", nil},
		{"redirect", reply("302 Found", "Location: http://evil.example/\r\n", ""), 302, "302 Found to http://evil.example/", nil},
		{"redirect with the method", reply("308 Permanent Redirect", "Location: /RPC2\r\n", ""), 308, "308", nil},
		{"nothing", reply("204 No Content", "", ""), 204, "204", nil},
		{"unknown encoding", reply("200 OK", "Content-Encoding: br\r\n", "x"), 0, "Content-Encoding \"br\"", nil},
		{"gzip that is none", reply("200 OK", "Content-Encoding: gzip\r\n", yes), 0, "decompress", nil},
		{"large", "HTTP/1.1 200 OK\r\nContent-Length: 9000000000000\r\n\r\n", 0, "MaxAnswer", nil},
		{"large without saying so", "HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", 100_001), 0, "MaxAnswer", nil},
		{"gzip bomb", reply("200 OK", "Content-Encoding: gzip\r\n", zip(t, strings.Repeat(" ", 1_000_000))), 0, "MaxAnswer", nil},
		{"large head", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n", 0, "header", nil},
		{"no HTTP", "220 smtp.example.org ESMTP\r\n", 0, "malformed HTTP", nil},
		{"fault", reply("200 OK", "", fault), -1, `fault 7: no\x7f\nline`, &rpc.Fault{Code: 7}},
		{"fault with status 500", reply("500 Oops", "Content-Type: text/xml\r\n", fault), -1, "fault 7", &rpc.Fault{Code: 7}},
	} {
		t.Run(test.name, func(t *testing.T) {
			requests := 0
			url := script(t, func(_ int, c net.Conn) {
				r := bufio.NewReader(c)
				take(r)
				requests++
				io.WriteString(c, test.answer)
				c.(*net.TCPConn).CloseWrite()
				io.Copy(io.Discard, r)
			})
			c := newClient(t, url, xmlrpc.ClientConfig{MaxAnswer: 100_000})
			got, err := rpc.Invoke[any](bounded(t), c, "f", 1)
			if err == nil {
				t.Fatalf("got the result %v", got)
			}
			if !strings.Contains(err.Error(), test.want) || len(err.Error()) > 1000 || strings.ContainsAny(err.Error(), "\x01\x7f") {
				t.Errorf("got %q; want %q", err, test.want)
			}
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("got %v; want what is %v", err, test.is)
			}
			if large := strings.Contains(test.want, "MaxAnswer"); errors.Is(err, xmlrpc.ErrTooLarge) != large {
				t.Errorf("got %v; want what is ErrTooLarge: %t", err, large)
			}
			sent := rpc.Unknown
			if refused[test.status] {
				sent = rpc.NotSent
			}
			if test.status >= 0 {
				wantLink(t, err, sent)
			}
			var a *xmlrpc.AnswerError
			if errors.As(err, &a) != (test.status > 0) || a != nil && a.Status != test.status {
				t.Errorf("got %#v; want an AnswerError with status %d", a, test.status)
			}
			if c.Close(); requests != 1 {
				t.Errorf("the server got %d requests; want 1", requests)
			}
		})
	}
}

// TestWhatIsSent looks at a call as a server gets it.
func TestWhatIsSent(t *testing.T) {
	type got struct {
		req  *http.Request
		body string
	}
	requests := make(chan got, 1)
	url := script(t, func(_ int, c net.Conn) {
		r := bufio.NewReader(c)
		for {
			req, body, err := take(r)
			if err != nil {
				return
			}
			requests <- got{req, body}
			io.WriteString(c, ok(yes))
		}
	})
	header := http.Header{"x-shop": {"42"}, "Cookie": {"a=b"}}
	c := newClient(t, strings.Replace(url, "//", "//me:p%40ss@", 1)+"/path?q=1", xmlrpc.ClientConfig{Header: header, GzipCalls: true})
	header.Set("X-Shop", "changed")
	ctx := rpc.WithMeta(bounded(t), map[string]string{"trace-id": "abc"})
	if _, err := rpc.Invoke[bool](ctx, c, "f", "x"); err != nil {
		t.Fatal(err)
	}
	g := <-requests
	user, password, _ := g.req.BasicAuth()
	for _, check := range []struct{ what, got, want string }{
		{"method", g.req.Method, "POST"},
		{"URL", g.req.URL.String(), "/path?q=1"},
		{"protocol", g.req.Proto, "HTTP/1.1"},
		{"Host", "http://" + g.req.Host, url},
		{"Content-Type", g.req.Header.Get("Content-Type"), "text/xml; charset=utf-8"},
		{"Content-Encoding", g.req.Header.Get("Content-Encoding"), ""},
		{"Accept-Encoding", g.req.Header.Get("Accept-Encoding"), ""}, // the server is this machine
		{"X-Shop", g.req.Header.Get("X-Shop"), "42"},
		{"Cookie", g.req.Header.Get("Cookie"), "a=b"},
		{"user", user, "me"},
		{"password", password, "p@ss"},
		{"metadata", g.req.Header.Get("Parley-Meta-Trace-Id"), "abc"},
	} {
		if check.got != check.want {
			t.Errorf("%s: got %q; want %q", check.what, check.got, check.want)
		}
	}
	var ms int
	if fmt.Sscan(g.req.Header.Get("Parley-Timeout-Ms"), &ms); ms < 5000 || ms > int(patience.Milliseconds()) {
		t.Errorf("got a timeout of %d ms", ms)
	}
	if !strings.Contains(g.body, "<methodName>f</methodName>") {
		t.Errorf("got the body %s", g.body)
	}

	if _, err := rpc.Invoke[bool](context.Background(), c, "f", strings.Repeat("x", 5000)); err != nil {
		t.Fatal(err)
	}
	g = <-requests
	if g.req.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(unzip(t, g.body), "xxxxx") {
		t.Errorf("a large call is not compressed: %q", g.req.Header.Get("Content-Encoding"))
	}
	if fmt.Sscan(g.req.Header.Get("Parley-Timeout-Ms"), &ms); ms < 25000 || ms > 30000 {
		t.Errorf("without a deadline: got a timeout of %d ms; want 30000", ms)
	}
}

// TestUnsendable: what cannot be sent is an error of the argument, and nothing
// is sent.
func TestUnsendable(t *testing.T) {
	url := script(t, func(int, net.Conn) { t.Error("the client connected") })
	c := newClient(t, url, xmlrpc.ClientConfig{})
	_, err := rpc.Invoke[any](bounded(t), c, "f", 1, []any{math.NaN()})
	var bad *value.Error
	if !errors.As(err, &bad) || bad.Path != "params[1][0]" {
		t.Errorf("got %v; want an error at params[1][0]", err)
	}
	if _, err := rpc.Invoke[any](bounded(t), c, "f\x00"); err == nil {
		t.Error("a method name with NUL was sent")
	}
	ctx := rpc.WithMeta(bounded(t), map[string]string{"a": "x\r\nInjected: y"})
	if _, err := rpc.Invoke[any](ctx, c, "f"); err == nil {
		t.Error("metadata with a line end was sent")
	}
}

// TestServerNeverAnswers: a call ends with its context, or after the time of the
// client, and so does one whose answer has no end.
func TestServerNeverAnswers(t *testing.T) {
	silent := script(t, func(_ int, c net.Conn) { io.Copy(io.Discard, c) })
	endless := script(t, func(_ int, c net.Conn) {
		take(bufio.NewReader(c))
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
		for {
			if _, err := io.WriteString(c, " "); err != nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	})
	for _, url := range []string{silent, endless} {
		c := newClient(t, url, xmlrpc.ClientConfig{Timeout: 50 * time.Millisecond})
		start := time.Now()
		_, err := rpc.Invoke[any](context.Background(), c, "f")
		if wantLink(t, err, rpc.Unknown); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v; want context.DeadlineExceeded", err)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("the call took %v", took)
		}
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(20*time.Millisecond, cancel)
		_, err = rpc.Invoke[any](ctx, c, "f")
		if wantLink(t, err, rpc.Unknown); !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v; want context.Canceled", err)
		}
	}
}

// TestCancelReachesFunction: a caller that gives up ends its function.
func TestCancelReachesFunction(t *testing.T) {
	began, ended := make(chan struct{}), make(chan error, 1)
	addr := serve(t, &xmlrpc.Server{Handler: registry(t, map[string]any{"watch": func(ctx context.Context) {
		close(began)
		<-ctx.Done()
		ended <- ctx.Err()
	}})})
	c := newClient(t, "http://"+addr, xmlrpc.ClientConfig{})
	ctx, cancel := context.WithCancel(bounded(t))
	result := make(chan error, 1)
	go func() { _, err := rpc.Invoke[any](ctx, c, "watch"); result <- err }()
	wait(t, began, "the call")
	cancel()
	if err := wait(t, result, "the result"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; want context.Canceled", err)
	}
	if err := wait(t, ended, "the end of the function"); !errors.Is(err, context.Canceled) {
		t.Errorf("the function got %v; want context.Canceled", err)
	}
}

// TestClientClose ends what runs and refuses what comes.
func TestClientClose(t *testing.T) {
	began := make(chan struct{}, 4)
	addr := serve(t, &xmlrpc.Server{Handler: registry(t, map[string]any{
		"stay": func(ctx context.Context) { began <- struct{}{}; <-ctx.Done() },
	})})
	c := newClient(t, "http://"+addr, xmlrpc.ClientConfig{})
	results := make(chan error, 4)
	for range 4 {
		go func() { _, err := rpc.Invoke[any](context.Background(), c, "stay"); results <- err }()
	}
	for range 4 {
		wait(t, began, "a call")
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	for range 4 {
		err := wait(t, results, "the end of a call")
		if wantLink(t, err, rpc.Unknown); !errors.Is(err, xmlrpc.ErrClosed) {
			t.Errorf("got %v; want ErrClosed", err)
		}
	}
	_, err := rpc.Invoke[any](bounded(t), c, "stay")
	if wantLink(t, err, rpc.NotSent); !errors.Is(err, xmlrpc.ErrClosed) {
		t.Errorf("got %v; want ErrClosed", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// TestCloseEndsHandshake: Close does not wait for a connection in the making.
func TestCloseEndsHandshake(t *testing.T) {
	connected := make(chan struct{})
	url := script(t, func(_ int, c net.Conn) { close(connected); io.Copy(io.Discard, c) })
	c := newClient(t, strings.Replace(url, "http", "https", 1), xmlrpc.ClientConfig{})
	result := make(chan error, 1)
	go func() { _, err := rpc.Invoke[any](context.Background(), c, "f"); result <- err }()
	wait(t, connected, "the connection")
	wantQuickClose(t, c, result)
}

// wantQuickClose checks that Close ends a call that has no connection yet.
func wantQuickClose(t *testing.T, c *xmlrpc.Client, result <-chan error) {
	t.Helper()
	start := time.Now()
	c.Close()
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("Close took %v", took)
	}
	err := wait(t, result, "the end of the call")
	if wantLink(t, err, rpc.NotSent); !errors.Is(err, xmlrpc.ErrClosed) {
		t.Errorf("got %v; want ErrClosed", err)
	}
}

// TestAnswerBeforeTheEndOfTheCall: a server may refuse a large call before it
// has read it. That is an answer like any other, and the next call is sound.
func TestAnswerBeforeTheEndOfTheCall(t *testing.T) {
	release := make(chan struct{})
	url := script(t, func(_ int, c net.Conn) {
		c.(*net.TCPConn).SetReadBuffer(4096)
		r := bufio.NewReader(c)
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		if req.ContentLength > 1<<20 {
			io.WriteString(c, "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			<-release // and the rest is not read
			return
		}
		io.Copy(io.Discard, req.Body)
		io.WriteString(c, ok(yes))
	})
	t.Cleanup(func() { close(release) })
	c := newClient(t, url, xmlrpc.ClientConfig{})
	for i := range 4 {
		_, err := rpc.Invoke[any](bounded(t), c, "f", make([]byte, 3_000_000))
		if wantLink(t, err, rpc.NotSent); !errors.Is(err, &rpc.Fault{Code: rpc.CodeOverLimit}) {
			t.Errorf("got %v; want status 413", err)
		}
		if _, err := rpc.Invoke[bool](bounded(t), c, "f", strings.Repeat("x", i*1000)); err != nil {
			t.Errorf("the next call: %v", err)
		}
	}
}

func TestResultsThatDoNotFit(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Handler: registry(t, map[string]any{"text": func() string { return "x" }})})
	c := newClient(t, "http://"+addr, xmlrpc.ClientConfig{})
	_, err := rpc.Invoke[int](bounded(t), c, "text")
	var link *rpc.LinkError
	var fault *rpc.Fault
	if err == nil || errors.As(err, &link) || errors.As(err, &fault) || !strings.Contains(err.Error(), "expected int, got string") {
		t.Errorf("got %v; want an error of the result", err)
	}
}

// TestCloseWithinStream: who reads a stream may close the client.
func TestCloseWithinStream(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Handler: registry(t, map[string]any{"list": func() []int { return []int{1, 2, 3} }})})
	c := newClient(t, "http://"+addr, xmlrpc.ClientConfig{})
	sum := 0
	for n, err := range rpc.Stream[int](bounded(t), c, "list") {
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		sum += n
	}
	if sum != 6 {
		t.Errorf("the items add up to %d; want 6", sum)
	}
}
