package xmlrpc

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// TestProbes: of an idle connection it is known, on every system, whether the
// server has closed it or said something that nobody asked for; then the next call
// takes another one. One that is still open is used again.
func TestProbes(t *testing.T) {
	const answer = "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 100\r\n\r\n" +
		"<methodResponse><params><param><value><boolean>1</boolean></value></param></params></methodResponse>"
	for name, probe := range map[string]func(*directConn) probe{"of this system": newProbe, "by a goroutine": watching} {
		for what, after := range map[string]func(net.Conn){
			"kept":   nil,
			"closed": func(c net.Conn) { c.Close() },
			"speaks": func(c net.Conn) { io.WriteString(c, "HTTP/1.1 408 Request Timeout\r\n\r\n") },
		} {
			t.Run(what+", "+name, func(t *testing.T) {
				ln, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				conns := make(chan net.Conn, 10)
				served := make(chan struct{})
				go func() {
					defer close(served)
					for {
						c, err := ln.Accept()
						if err != nil {
							return
						}
						conns <- c
					}
				}()
				t.Cleanup(func() { ln.Close(); <-served })
				client, err := NewClient("http://"+ln.Addr().String(), ClientConfig{})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { client.Close() })
				client.link.direct.newProbe = probe
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				call := func(c net.Conn) net.Conn {
					result := make(chan error, 1)
					go func() {
						_, err := rpc.Invoke[bool](ctx, client, "f")
						result <- err
					}()
					if c == nil {
						select {
						case c = <-conns:
							t.Cleanup(func() { c.Close() })
						case err := <-result:
							t.Fatalf("the call ended: %v", err)
						}
					}
					r := bufio.NewReader(c)
					req, err := http.ReadRequest(r)
					if err != nil {
						t.Fatal(err)
					}
					io.Copy(io.Discard, req.Body)
					io.WriteString(c, answer)
					if err := <-result; err != nil {
						t.Fatal(err)
					}
					return c
				}
				c := call(nil)
				if after == nil {
					call(c)
					call(c)
					return
				}
				after(c)
				d := client.link.direct
				for { // until it has arrived
					d.mu.Lock()
					idle := d.idle[0]
					d.mu.Unlock()
					if idle.ended() {
						break
					}
					if ctx.Err() != nil {
						t.Fatal("the end of the connection has not arrived")
					}
					time.Sleep(time.Millisecond)
				}
				call(nil)
			})
		}
	}
}

// ended reports whether the watching of an idle connection has ended, or its socket
// is at its end.
func (c *directConn) ended() bool {
	if c.probe.look != nil {
		return !c.probe.look()
	}
	return len(c.probe.watched) > 0
}
