package native

import (
	"context"
	"net"
	"testing"
	"time"
)

// TestLeaveIsNotUndone: a Recv whose context ends while the connection is told
// to leave must not give the next Recv time without end.
func TestLeaveIsNotUndone(t *testing.T) {
	for range 200 {
		a, b := net.Pipe()
		defer b.Close()
		c := newConn(a, handshakeResult{}, connOptions{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = c.RecvBytes(ctx)
			_, _ = c.RecvBytes(t.Context())
		}()
		go cancel()
		c.leave()
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			t.Fatal("a Recv waits although the connection was told to leave")
		}
		c.Close()
	}
}
