package xmlrpc_test

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// TestNoConnectionAhead: each connection is made for a call, and is not left to lie
// unused, whichever way it goes. A server takes one for silent and closes it, maybe
// while a call is being written on it.
func TestNoConnectionAhead(t *testing.T) {
	certificate, pool := selfSigned(t)
	for name, tt := range map[string]struct {
		config xmlrpc.ClientConfig
		traced bool
	}{
		"straight":        {},
		"traced":          {traced: true},
		"by CONNECT":      {config: xmlrpc.ClientConfig{Proxy: proxyTo(t, testProxy(t, "", nil))}},
		"by SOCKS":        {config: xmlrpc.ClientConfig{Proxy: proxyTo(t, socksProxy(t, ""))}},
		"used only once":  {config: xmlrpc.ClientConfig{DisableKeepAlives: true}},
		"few connections": {config: xmlrpc.ClientConfig{MaxConns: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			tt.config.TLS = &tls.Config{RootCAs: pool}
			noConnectionAhead(t, certificate, tt.config, tt.traced)
		})
	}
}

func noConnectionAhead(t *testing.T, certificate tls.Certificate, config xmlrpc.ClientConfig, traced bool) {
	const callers, calls = 32, 6
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	used := map[net.Conn]bool{}
	srv := &http.Server{
		TLSConfig:   &tls.Config{Certificates: []tls.Certificate{certificate}},
		ReadTimeout: patience,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			io.WriteString(w, yes)
		}),
		ConnState: func(c net.Conn, s http.ConnState) {
			mu.Lock()
			defer mu.Unlock()
			used[c] = used[c] || s == http.StateActive
		},
	}
	done := make(chan struct{})
	go func() { defer close(done); srv.ServeTLS(ln, "", "") }()
	t.Cleanup(func() { srv.Close(); <-done })

	c := newClient(t, "https://"+ln.Addr().String(), config)
	var running sync.WaitGroup
	for range callers {
		running.Go(func() {
			for range calls {
				ctx := bounded(t)
				if traced {
					ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{})
				}
				if _, err := rpc.Invoke[bool](ctx, c, "f"); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	running.Wait()
	mu.Lock()
	defer mu.Unlock()
	silent := 0
	for _, spoke := range used {
		if !spoke {
			silent++
		}
	}
	most := callers
	if config.DisableKeepAlives {
		most = callers * calls
	} else if config.MaxConns > 0 {
		most = config.MaxConns
	}
	if silent > 0 || len(used) == 0 || len(used) > most {
		t.Errorf("%d callers: got %d connections, %d of them unused; want at most %d, all used", callers, len(used), silent, most)
	}
}

// TestHandshakeEnds: a server that never answers a handshake ends the call, and
// one that speaks plain HTTP is said to.
func TestHandshakeEnds(t *testing.T) {
	for name, tt := range map[string]struct{ says, want string }{
		"silence": {"", "no TLS handshake in time"},
		"http":    {"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "HTTP response to HTTPS client"},
	} {
		t.Run(name, func(t *testing.T) {
			url := script(t, func(_ int, c net.Conn) {
				io.WriteString(c, tt.says)
				io.Copy(io.Discard, c)
			})
			c := newClient(t, "https"+url[len("http"):], xmlrpc.ClientConfig{DialTimeout: 200 * time.Millisecond})
			_, err := rpc.Invoke[bool](bounded(t), c, "f")
			if wantLink(t, err, rpc.NotSent); !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v; want %q", err, tt.want)
			}
		})
	}
}
