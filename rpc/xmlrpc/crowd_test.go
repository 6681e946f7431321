package xmlrpc_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/internal/relay"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// TestManyCallersOfABusyMachine: 64 callers begin together, and it takes their
// machine longer than a silent connection is left alone to get to what each of them
// says. No call is lost, and none needs a second connection.
func TestManyCallersOfABusyMachine(t *testing.T) {
	t.Parallel()
	const callers, first = 64, 50
	const busy = time.Second // longer than that
	certificate, pool := selfSigned(t)
	for name, config := range map[string]*tls.Config{"TCP": nil, "TLS": {Certificates: []tls.Certificate{certificate}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := &xmlrpc.Server{TLS: config, HeaderTimeout: patience, Handler: registry(t, map[string]any{"size": func(b []byte) int { return len(b) }})}
			addr := serve(t, srv)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			// Each connection reaches the server before anything that is said on it.
			var came atomic.Int32
			all, some := make(chan struct{}), make(chan struct{})
			to := relay.To("tcp", addr)
			slow := relay.New(l, func(ctx context.Context, client net.Conn) (net.Conn, error) {
				n := came.Add(1)
				if n > first {
					select {
					case <-some:
					case <-ctx.Done():
						return nil, ctx.Err()
					}
				}
				c, err := to(ctx, client)
				switch n {
				case first:
					time.AfterFunc(busy, func() { close(some) })
				case callers:
					time.AfterFunc(busy, func() { close(all) })
				}
				select {
				case <-all:
				case <-ctx.Done():
				}
				return c, err
			})
			t.Cleanup(slow.Close)

			url := strings.Replace(srv.URL(slow.Addr()), addr, slow.Addr().String(), 1)
			c := newClient(t, url, xmlrpc.ClientConfig{TLS: &tls.Config{RootCAs: pool}})
			var calling sync.WaitGroup
			for range callers {
				calling.Go(func() {
					if got, err := rpc.Invoke[int](bounded(t), c, "size", make([]byte, 100<<10)); err != nil || got != 100<<10 {
						t.Errorf("got %d, %v", got, err)
					}
				})
			}
			calling.Wait()
			if n := came.Load(); n != callers {
				t.Errorf("%d callers made %d connections", callers, n)
			}
		})
	}
}

// TestNewConnectionThatIsClosed: a server that closes a new connection before
// anything was sent on it, since it has too many, is asked once more; one that
// always does is said to. What it says no to is not asked again.
func TestNewConnectionThatIsClosed(t *testing.T) {
	certificate, pool := selfSigned(t)
	_, others := selfSigned(t)
	for name, tt := range map[string]struct {
		closes int // so many connections, before it answers
		reset  bool
		trust  *tls.Config
		conns  int32
		want   string // "" for no error
	}{
		"once":                {closes: 1, conns: 2},
		"once, with a reset":  {closes: 1, reset: true, conns: 2},
		"always":              {closes: 100, conns: 2, want: "on two new connections, before anything was sent"},
		"always, with resets": {closes: 100, reset: true, conns: 2, want: "on two new connections, before anything was sent"},
		"not at all":          {conns: 1},
		"not trusted":         {conns: 1, trust: &tls.Config{RootCAs: others}, want: "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			var conns atomic.Int32
			url := script(t, func(n int, c net.Conn) {
				conns.Add(1)
				if n >= tt.closes {
					c = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate}})
					if _, _, err := take(bufio.NewReader(c)); err == nil {
						io.WriteString(c, ok(yes))
					}
					return
				}
				if tt.reset {
					_ = c.(*net.TCPConn).SetLinger(0)
				} else {
					_, _ = c.Read(make([]byte, 4096)) // what is left unread makes a reset
				}
			})
			if tt.trust == nil {
				tt.trust = &tls.Config{RootCAs: pool}
			}
			c := newClient(t, "https"+strings.TrimPrefix(url, "http"), xmlrpc.ClientConfig{TLS: tt.trust})
			got, err := rpc.Invoke[bool](bounded(t), c, "f")
			switch {
			case tt.want != "":
				if wantLink(t, err, rpc.NotSent); !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v; want %q", err, tt.want)
				}
			case err != nil || !got:
				t.Errorf("got %t, %v", got, err)
			}
			if n := conns.Load(); n != tt.conns {
				t.Errorf("got %d connections; want %d", n, tt.conns)
			}
		})
	}
}
