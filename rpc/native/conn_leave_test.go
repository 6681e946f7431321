package native

import (
	"context"
	"errors"
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

// TestHalfAMessageThenSilence: a peer that stops in the middle of a message loses
// its connection, one that waits with its next message does not, and a Recv
// whose context ends in between resumes.
func TestHalfAMessageThenSilence(t *testing.T) {
	const stall = 150 * time.Millisecond
	a, b := net.Pipe()
	defer b.Close()
	c := newConn(a, handshakeResult{}, connOptions{stall: stall})
	defer c.Close()
	write := func(s string) {
		if _, err := b.Write([]byte(s)); err != nil {
			t.Error(err)
		}
	}
	go func() {
		time.Sleep(2 * stall) // between messages there is time
		write("\x00\x00\x00\x03a")
		time.Sleep(stall / 2) // within one as well, if the bytes keep coming
		write("b")
		time.Sleep(stall / 2)
		write("c")
		write("\x00\x00\x00\x05half")
	}()
	if got, err := c.RecvBytes(t.Context()); err != nil || string(got) != "abc" {
		t.Fatalf("a slow message: got %q, %v; want abc", got, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), stall/5)
	defer cancel()
	if _, err := c.RecvBytes(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a Recv whose time is over: got %v; want context.DeadlineExceeded", err)
	}
	start := time.Now()
	ctx, cancel = context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err := c.RecvBytes(ctx)
	if !errors.Is(err, ErrPeerDead) {
		t.Errorf("half a message: got %v after %v; want ErrPeerDead after %v", err, time.Since(start), stall)
	}
}
