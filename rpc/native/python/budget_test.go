package python

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

// wantOverLimit checks that an answer is the exception for a limit of the server.
func wantOverLimit(t testing.TB, answer any) {
	t.Helper()
	e, ok := answer.(*pickle.Exception)
	if !ok || len(e.Args) == 0 {
		t.Fatalf("got %v; want an exception", answer)
	}
	if text, _ := e.Args[0].(string); !strings.Contains(text, "-32003") || !strings.Contains(text, "all connections of this server together") {
		t.Fatalf("got %q; want fault -32003 of the server", text)
	}
}

// serveServer runs a server until the test ends, and returns its URL.
func serveServer(t testing.TB, s *native.Server) string {
	t.Helper()
	l, err := s.Listen("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		<-done
	})
	return "tcp://" + l.Addr().String()
}

// TestTreesOfAllConnectionsAreBounded: messages that take much once they are read
// share the budget of the server, and small calls need none of it.
func TestTreesOfAllConnectionsAreBounded(t *testing.T) {
	reg := testRegistry(t)
	begun, proceed := make(chan struct{}), make(chan struct{})
	if err := reg.Register("dwell", func(any) int {
		begun <- struct{}{}
		<-proceed
		return 7
	}); err != nil {
		t.Fatal(err)
	}
	h, err := NewHandler(reg, Config{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	s := &native.Server{Objects: h, Auth: key(t, false), Logger: quiet, MaxMemory: 1 << 20, Limits: native.Limits{MaxMessage: 1 << 20}}
	url := serveServer(t, s)
	dicts := make([]any, 5000)
	for i := range dicts {
		dicts[i] = map[string]any{}
	}
	call := value.Tuple{"dwell", value.Tuple{dicts}}
	first, second := dial(t, url), dial(t, url)
	if err := first.Send(testContext(t), call); err != nil {
		t.Fatal(err)
	}
	<-begun
	wantOverLimit(t, exchange(t, second, call))
	if got := exchange(t, second, value.Tuple{"add", value.Tuple{3, 5}}); got != int64(8) {
		t.Errorf("a small call: got %v; want 8", got)
	}
	wantOverLimit(t, exchange(t, second, value.Tuple{"identity", value.Tuple{make([]byte, 900<<10)}})) // as it arrives
	wantOverLimit(t, exchange(t, second, value.Tuple{"dwell", value.Tuple{value.Tuple{call, call}}}))
	close(proceed)
	var got any
	if err := first.Recv(testContext(t), &got); err != nil || got != int64(7) {
		t.Errorf("the first call: got %v, %v; want 7", got, err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; {
		if err := second.Send(testContext(t), call); err != nil {
			t.Fatal(err)
		}
		select {
		case <-begun:
		case <-time.After(50 * time.Millisecond): // its memory was not given back yet
		}
		if err := second.Recv(testContext(t), &got); err != nil {
			t.Fatal(err)
		} else if got == int64(7) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after the first call: got %v; want 7", got)
		}
	}
}

// TestAnswersOfAllConnectionsAreBounded: an answer takes its part.
func TestAnswersOfAllConnectionsAreBounded(t *testing.T) {
	reg := testRegistry(t)
	if err := reg.Register("blob", func(n int) []byte { return make([]byte, n) }); err != nil {
		t.Fatal(err)
	}
	h, err := NewHandler(reg, Config{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	s := &native.Server{Objects: h, Auth: key(t, false), Logger: quiet, MaxMemory: 1 << 20, Limits: native.Limits{MaxMessage: 1 << 20}}
	conn := dial(t, serveServer(t, s))
	wantOverLimit(t, exchange(t, conn, value.Tuple{"blob", value.Tuple{2 << 20}}))
	if got, ok := exchange(t, conn, value.Tuple{"blob", value.Tuple{900 << 10}}).([]byte); !ok || len(got) != 900<<10 {
		t.Errorf("got %d bytes; want %d", len(got), 900<<10)
	}
}

// TestCallsEnd: a call of Python has no time-out of its own.
func TestCallsEnd(t *testing.T) {
	reg := testRegistry(t)
	if err := reg.Register("sleep", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }); err != nil {
		t.Fatal(err)
	}
	_, conn := start(t, reg, Config{CallTimeout: 50 * time.Millisecond})
	begun := time.Now()
	e, ok := exchange(t, conn, value.Tuple{"sleep", value.Tuple{}}).(*pickle.Exception)
	if took := time.Since(begun); !ok || !strings.Contains(e.Args[0].(string), "-32004") || took > 20*time.Second {
		t.Errorf("got %v after %v; want the exception of a deadline after 50 ms", e, took)
	}
	if _, err := NewHandler(reg, Config{CallTimeout: -1}); err == nil || !strings.Contains(err.Error(), "CallTimeout: got -1ns") {
		t.Errorf("got %v; want an error", err)
	}
}

// TestPeerThatLeavesBehindItsNextMessage: it is missed, and the call that runs
// for it ends.
func TestPeerThatLeavesBehindItsNextMessage(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells")
	}
	reg := testRegistry(t)
	begun, ended := make(chan struct{}, 2), make(chan error, 2)
	if err := reg.Register("sleep", func(ctx context.Context) error {
		begun <- struct{}{}
		select {
		case <-ctx.Done():
			ended <- ctx.Err()
		case <-time.After(30 * time.Second):
			ended <- errors.New("nobody missed the peer")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	_, conn := start(t, reg, Config{})
	for range 2 {
		if err := conn.Send(testContext(t), value.Tuple{"sleep", value.Tuple{}}); err != nil {
			t.Fatal(err)
		}
	}
	<-begun
	time.Sleep(3 * watchAfter) // the second message is read ahead
	conn.Close()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; want the context to end", err)
	}
	select {
	case <-begun:
		t.Error("the second call was made, and nobody is there for its answer")
	case <-time.After(50 * time.Millisecond):
	}
}
