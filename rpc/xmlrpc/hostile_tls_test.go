package xmlrpc_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// scriptTLS is script inside TLS, where what is written at once is one record, up
// to 16 KiB. It returns what a client needs to trust it.
func scriptTLS(t testing.TB, serve func(n int, c net.Conn)) (url string, config *tls.Config) {
	t.Helper()
	certificate, pool := selfSigned(t)
	url = script(t, func(n int, c net.Conn) {
		serve(n, tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate}, DynamicRecordSizingDisabled: true}))
	})
	return "https" + strings.TrimPrefix(url, "http"), &tls.Config{RootCAs: pool}
}

// TestThreatAnswersBehindAnAnswerInTLS: what comes behind an answer is not the
// answer to the next call, also where it came in one record with it, and TLS has
// taken it off the socket.
func TestThreatAnswersBehindAnAnswerInTLS(t *testing.T) {
	padded := func(n string, size int) string {
		text := ok(intAnswer(n))
		if size <= len(text) {
			return text
		}
		pad := size - len(text)
		for {
			text = ok(intAnswer(n) + strings.Repeat(" ", pad))
			if len(text) <= size {
				return text
			}
			pad -= len(text) - size
		}
	}
	chunked := func(n string) string {
		return headOf("Transfer-Encoding: chunked") + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(intAnswer(n)), intAnswer(n))
	}
	other := ok(intAnswer("999"))
	for name, says := range map[string]func(n string) string{
		"small":                   func(n string) string { return padded(n, 0) + other },
		"as long as a buffer":     func(n string) string { return padded(n, 4096) + other },
		"as long as two buffers":  func(n string) string { return padded(n, 8192) + other },
		"larger than a buffer":    func(n string) string { return padded(n, 6000) + other },
		"larger, twice":           func(n string) string { return padded(n, 6000) + padded("999", 6000) },
		"in a record of its own":  func(n string) string { return padded(n, 1<<14) + other },
		"in chunks":               func(n string) string { return chunked(n) + other },
		"a line":                  func(n string) string { return padded(n, 6000) + "\r\n" },
		"a line, a buffer before": func(n string) string { return padded(n, 4096) + "\r\n" },
		"an interim":              func(n string) string { return padded(n, 6000) + "HTTP/1.1 100 Continue\r\n\r\n" },
		"half a head":             func(n string) string { return padded(n, 6000) + "HTTP/1.1 200 OK\r\nX-Half: " },
		"a length that is too small": func(n string) string {
			return headOf(fmt.Sprint("Content-Length: ", len(intAnswer(n)))) + intAnswer(n) + strings.Repeat(" ", 5000) + other
		},
	} {
		t.Run(name, func(t *testing.T) {
			var requests atomic.Int32
			written := make(chan struct{}, 1)
			url, config := scriptTLS(t, func(_ int, c net.Conn) {
				r := bufio.NewReader(c)
				for {
					_, body, err := take(r)
					if err != nil {
						return
					}
					requests.Add(1)
					m := intArgument.FindStringSubmatch(body)
					_, err = io.WriteString(c, says(m[1]))
					written <- struct{}{}
					if err != nil {
						return
					}
				}
			})
			c := newClient(t, url, xmlrpc.ClientConfig{TLS: config})
			const calls = 4
			for i := range calls {
				if got, err := rpc.Invoke[int](bounded(t), c, "f", i); err != nil || got != i {
					t.Fatalf("call %d got the answer %d, %v", i, got, err)
				}
				wait(t, written, "all of the answer")
			}
			if n := requests.Load(); n != calls {
				t.Errorf("the server got %d requests; want %d", n, calls)
			}
		})
	}
}

// TestConnectionsAreKeptInTLS: a connection that has nothing left in it carries
// the next call, whatever the size of its answers.
func TestConnectionsAreKeptInTLS(t *testing.T) {
	var conns atomic.Int32
	url, config := scriptTLS(t, func(_ int, c net.Conn) {
		conns.Add(1)
		r := bufio.NewReader(c)
		for n := 0; ; n++ {
			if _, _, err := take(r); err != nil {
				return
			}
			io.WriteString(c, ok(yes+strings.Repeat(" ", n*1000)))
		}
	})
	c := newClient(t, url, xmlrpc.ClientConfig{TLS: config})
	for i := range 40 {
		if _, err := rpc.Invoke[bool](bounded(t), c, "f"); err != nil {
			t.Fatalf("call %d: %v", i, err)
		}
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("got %d connections; want 1", n)
	}
}
