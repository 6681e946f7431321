package xmlrpc_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// answering is a server that gives each request the answer of its number, and
// counts connections and requests.
func answering(t testing.TB, answer func(n int) string) (url string, conns, requests *atomic.Int32) {
	conns, requests = new(atomic.Int32), new(atomic.Int32)
	url = script(t, func(_ int, c net.Conn) {
		conns.Add(1)
		r := bufio.NewReader(c)
		for {
			if _, _, err := take(r); err != nil {
				return
			}
			if _, err := io.WriteString(c, answer(int(requests.Add(1))-1)); err != nil {
				return
			}
		}
	})
	return url, conns, requests
}

// Every form of an answer that HTTP has is read, and the connection kept where
// that says where it ends.
func TestFormsOfAnswers(t *testing.T) {
	chunked := "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n" +
		fmt.Sprintf("%x\r\n%s\r\n%x;ext=1\r\n%s\r\n0\r\nTrailer: x\r\n\r\n", 10, yes[:10], len(yes)-10, yes[10:])
	for name, tt := range map[string]struct {
		answer string
		kept   bool
	}{
		"with a length":     {ok(yes), true},
		"in chunks":         {chunked, true},
		"after an interim":  {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok(yes), true},
		"with close":        {strings.Replace(ok(yes), "\r\n", "\r\nConnection: close\r\n", 1), false},
		"of HTTP/1.0":       {strings.Replace(ok(yes), "HTTP/1.1", "HTTP/1.0", 1), false},
		"of 1.0, kept":      {strings.Replace(ok(yes), "HTTP/1.1 200 OK\r\n", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n", 1), true},
		"and more than one": {ok(yes) + ok(strings.Replace(yes, "1", "0", 1)), false},
	} {
		t.Run(name, func(t *testing.T) {
			url, conns, _ := answering(t, func(int) string { return tt.answer })
			c := newClient(t, url, xmlrpc.ClientConfig{})
			for range 3 {
				got, err := rpc.Invoke[bool](bounded(t), c, "f")
				if err != nil || !got {
					t.Fatalf("got %t, %v", got, err)
				}
			}
			if want := map[bool]int32{true: 1, false: 3}[tt.kept]; conns.Load() != want {
				t.Errorf("got %d connections for 3 calls; want %d", conns.Load(), want)
			}
		})
	}
	t.Run("up to the end of the connection", func(t *testing.T) {
		url := script(t, func(_ int, c net.Conn) {
			take(bufio.NewReader(c))
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n"+yes)
		})
		if got, err := rpc.Invoke[bool](bounded(t), newClient(t, url, xmlrpc.ClientConfig{}), "f"); err != nil || !got {
			t.Errorf("got %t, %v", got, err)
		}
	})
	t.Run("interims without end", func(t *testing.T) {
		url, _, _ := answering(t, func(int) string { return strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 1000) })
		_, err := rpc.Invoke[bool](bounded(t), newClient(t, url, xmlrpc.ClientConfig{}), "f")
		if link := wantLink(t, err, rpc.Unknown); !strings.Contains(link.Error(), "1xx") {
			t.Errorf("got %v; want an error that names the status", err)
		}
	})
}

// A connection that nobody uses is closed after IdleTimeout, also if no further
// call is made, and is not used after it.
func TestIdleConnectionsAreClosed(t *testing.T) {
	closed := make(chan time.Time, 1)
	url := script(t, func(_ int, c net.Conn) {
		r := bufio.NewReader(c)
		for {
			if _, _, err := take(r); err != nil {
				closed <- time.Now()
				return
			}
			io.WriteString(c, ok(yes))
		}
	})
	const idle = 100 * time.Millisecond
	c := newClient(t, url, xmlrpc.ClientConfig{IdleTimeout: idle})
	begin := time.Now()
	for range 3 {
		if _, err := rpc.Invoke[bool](bounded(t), c, "f"); err != nil {
			t.Fatal(err)
		}
	}
	if d := wait(t, closed, "the end of the connection").Sub(begin); d < idle {
		t.Errorf("closed after %v; want at least %v", d, idle)
	}
	if _, err := rpc.Invoke[bool](bounded(t), c, "f"); err != nil {
		t.Errorf("the call after it: %v", err)
	}
}

// MaxConns is how many connections there are at most, however many call.
func TestMaxConns(t *testing.T) {
	var now, most atomic.Int32
	url := script(t, func(_ int, c net.Conn) {
		most.Store(max(most.Load(), now.Add(1)))
		defer now.Add(-1)
		r := bufio.NewReader(c)
		for {
			if _, _, err := take(r); err != nil {
				return
			}
			time.Sleep(time.Millisecond)
			io.WriteString(c, ok(yes))
		}
	})
	c := newClient(t, url, xmlrpc.ClientConfig{MaxConns: 3})
	errs := make(chan error, 30)
	for range cap(errs) {
		go func() {
			_, err := rpc.Invoke[bool](bounded(t), c, "f")
			errs <- err
		}()
	}
	for range cap(errs) {
		if err := wait(t, errs, "a call"); err != nil {
			t.Error(err)
		}
	}
	if n := most.Load(); n > 3 {
		t.Errorf("got %d connections; want at most 3", n)
	}
}

// A header that would become two, or a request of its own, is not sent.
func TestThreatHeadersHoldNoLines(t *testing.T) {
	url, conns, _ := answering(t, func(int) string { return ok(yes) })
	for _, h := range []http.Header{
		{"X-A": {"a\r\nX-B: b"}}, {"X-A": {"a\nX-B: b"}}, {"X-A": {"a\x00"}}, {"X A": {"a"}}, {"X-A\r\nX-B": {"a"}}, {"X-A:": {"a"}}, {"": {"a"}},
	} {
		c, err := xmlrpc.NewClient(url, xmlrpc.ClientConfig{Header: h})
		if err != nil {
			continue
		}
		_, err = rpc.Invoke[bool](bounded(t), c, "f")
		wantLink(t, err, rpc.NotSent)
		c.Close()
	}
	if n := conns.Load(); n != 0 {
		t.Errorf("the server got %d connections", n)
	}
}

// The end of a context ends a call that waits for its answer, or sends a large
// body that nobody reads, and the connection is not used again.
func TestContextEndsCall(t *testing.T) {
	for _, large := range []bool{false, true} {
		ctx, cancel := context.WithCancel(bounded(t))
		over := make(chan struct{})
		url := script(t, func(n int, c net.Conn) {
			r := bufio.NewReader(c)
			if n == 0 {
				if large {
					r.ReadByte()
				} else {
					take(r)
				}
				cancel()
				<-over
				return
			}
			for {
				if _, _, err := take(r); err != nil {
					return
				}
				io.WriteString(c, ok(yes))
			}
		})
		c := newClient(t, url, xmlrpc.ClientConfig{})
		var argument []byte
		if large {
			argument = make([]byte, 32<<20)
		}
		began := time.Now()
		_, err := rpc.Invoke[bool](ctx, c, "f", argument)
		if took := time.Since(began); took > patience/2 {
			t.Errorf("large %t: the end of the context took %v to end the call", large, took)
		}
		close(over)
		if link := new(rpc.LinkError); !errors.As(err, &link) || !errors.Is(err, context.Canceled) {
			t.Fatalf("large %t: got %v; want the end of the context", large, err)
		}
		if got, err := rpc.Invoke[bool](bounded(t), c, "f"); err != nil || !got {
			t.Errorf("large %t: the call after it: %t, %v", large, got, err)
		}
	}
}

// A server that refuses a large call in the middle of it is heard.
func TestRefusalOfALargeCallIsHeard(t *testing.T) {
	heard := make(chan struct{})
	url := script(t, func(_ int, c net.Conn) {
		r := bufio.NewReader(c)
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		io.WriteString(c, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\n\r\nlarge")
		<-heard // reads no more, and does not close either
	})
	defer close(heard)
	c := newClient(t, url, xmlrpc.ClientConfig{})
	_, err := rpc.Invoke[bool](bounded(t), c, "f", make([]byte, 32<<20))
	var answer *xmlrpc.AnswerError
	if !errors.As(err, &answer) || answer.Status != http.StatusRequestEntityTooLarge {
		t.Fatalf("got %v; want status 413", err)
	}
}

// Who traces a call gets the events that http.Transport has, in its order.
func TestHTTPTraceIsHeard(t *testing.T) {
	certificate, pool := selfSigned(t)
	url := script(t, func(_ int, c net.Conn) {
		c = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate}})
		r := bufio.NewReader(c)
		for {
			if _, _, err := take(r); err != nil {
				return
			}
			io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"+ok(yes))
		}
	})
	var events []string
	note := func(format string, args ...any) { events = append(events, fmt.Sprintf(format, args...)) }
	host := ""
	trace := &httptrace.ClientTrace{
		GetConn:              func(addr string) { note("get"); host = addr },
		GotConn:              func(i httptrace.GotConnInfo) { note("got %T %t %t", i.Conn, i.Reused, i.WasIdle) },
		PutIdleConn:          func(err error) { note("put %v", err) },
		GotFirstResponseByte: func() { note("byte") },
		Got100Continue:       func() { note("100") },
		Got1xxResponse:       func(code int, _ textproto.MIMEHeader) error { note("%d", code); return nil },
		ConnectStart:         func(network, _ string) { note("dial %s", network) },
		ConnectDone:          func(_, _ string, err error) { note("dialled %v", err) },
		TLSHandshakeStart:    func() { note("tls") },
		TLSHandshakeDone:     func(s tls.ConnectionState, err error) { note("tls %t %v", s.HandshakeComplete, err) },
		WroteHeaderField: func(name string, values []string) {
			if name == "Host" {
				note("%s %t", name, values[0] == host)
			}
		},
		WroteHeaders: func() { note("headers") },
		WroteRequest: func(i httptrace.WroteRequestInfo) { note("request %v", i.Err) },
	}
	c := newClient(t, "https"+strings.TrimPrefix(url, "http"), xmlrpc.ClientConfig{TLS: &tls.Config{RootCAs: pool}})
	const call = " Host true; headers; request <nil>; byte; 100; 100; byte; 103; byte; put <nil>"
	for _, want := range []string{
		"get; dial tcp; dialled <nil>; tls; tls true <nil>; got *tls.Conn false false;" + call,
		"get; got *tls.Conn true true;" + call,
	} {
		events = nil
		if _, err := rpc.Invoke[bool](httptrace.WithClientTrace(bounded(t), trace), c, "f"); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(events, "; "); got != want {
			t.Errorf("got\n%s; want\n%s", got, want)
		}
	}

	// An error of Got1xxResponse ends the call.
	stop := errors.New("no hints")
	trace = &httptrace.ClientTrace{Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
		if code == http.StatusEarlyHints {
			return stop
		}
		return nil
	}}
	_, err := rpc.Invoke[bool](httptrace.WithClientTrace(bounded(t), trace), c, "f")
	if wantLink(t, err, rpc.Unknown); !errors.Is(err, stop) {
		t.Errorf("got %v; want the error of the trace", err)
	}
}
