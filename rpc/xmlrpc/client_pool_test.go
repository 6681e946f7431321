package xmlrpc_test

import (
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// TestConnectionsAreKept: calls one after another share one connection, calls at
// once have one each, and those are there for the next.
func TestConnectionsAreKept(t *testing.T) {
	const together = 8
	var opened atomic.Int32
	var gate atomic.Pointer[crowd]
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{
		ReadTimeout: patience,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if g := gate.Load(); g != nil {
				g.ServeHTTP(w, r)
				return
			}
			io.Copy(io.Discard, r.Body)
			io.WriteString(w, yes)
		}),
		ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				opened.Add(1)
			}
		},
	}
	done := make(chan struct{})
	go func() { defer close(done); srv.Serve(ln) }()
	t.Cleanup(func() { srv.Close(); <-done })

	c := newClient(t, "http://"+ln.Addr().String(), xmlrpc.ClientConfig{})
	for range 50 {
		if _, err := rpc.Invoke[bool](bounded(t), c, "f"); err != nil {
			t.Fatal(err)
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("50 calls one after another: got %d connections; want 1", n)
	}
	for range 5 {
		gate.Store(newCrowd(together, patience)) // none is answered before all are there
		var wg sync.WaitGroup
		for range together {
			wg.Go(func() {
				if _, err := rpc.Invoke[bool](bounded(t), c, "f"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	if n := opened.Load(); n != together {
		t.Errorf("%d calls at once, five times: got %d connections; want %d", together, n, together)
	}
}
