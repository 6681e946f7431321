package rpctest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// testDeadlines: the time that a caller gives is the time that a function has.
func testDeadlines(t *testing.T, tr Transport) {
	type seen struct {
		left time.Duration // until the deadline, when the function began
		ok   bool          // it had one
		err  error         // of its context, when that ended
	}
	ran := make(chan seen, 1)
	var late atomic.Int32
	c := tr.connect(t, functions{
		"block": func(ctx context.Context) error {
			deadline, ok := ctx.Deadline()
			s := seen{left: time.Until(deadline), ok: ok}
			<-ctx.Done()
			s.err = ctx.Err()
			ran <- s
			return ctx.Err()
		},
		"count": func() { late.Add(1) },
	})

	const given = 300 * time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), given)
	defer cancel()
	begin := time.Now()
	_, err := rpc.Invoke[any](ctx, c, "block")
	took := time.Since(begin)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the caller got %v; want context.DeadlineExceeded", err)
	}
	if took < given*9/10 || took > given+5*time.Second {
		t.Errorf("the caller got its answer after %v; want about %v", took, given)
	}
	s := wait(t, tr, ran, "for the function to see its deadline")
	if !s.ok || s.left > given {
		t.Errorf("the function had a deadline: %v, in %v; want one within %v", s.ok, s.left, given)
	}
	if s.err == nil {
		t.Error("the function's context ended without an error")
	}

	past, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if _, err := rpc.Invoke[any](past, c, "count"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a deadline in the past: %v; want context.DeadlineExceeded", err)
	}
	tr.wantAlive(t, c)
	if n := late.Load(); n != 0 {
		t.Error("a call whose deadline had passed ran")
	}
}

// testCancellation: a caller that gives up stops the function, and only that.
func testCancellation(t *testing.T, tr Transport) {
	started, stopped := make(chan int, 8), make(chan int, 8)
	release := make(chan struct{})
	c := tr.connect(t, functions{
		"block": func(ctx context.Context, n int) error {
			started <- n
			<-ctx.Done()
			stopped <- n
			return ctx.Err()
		},
		"hold": func(ctx context.Context) (string, error) {
			select {
			case <-release:
				return "held", nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		},
	})

	held := make(chan error, 1)
	go func() {
		got, err := rpc.Invoke[string](tr.bounded(t), c, "hold")
		if err == nil && got != "held" {
			err = fmt.Errorf("got %q", got)
		}
		held <- err
	}()
	for n := range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		answered := make(chan error, 1)
		go func() {
			_, err := rpc.Invoke[any](ctx, c, "block", n)
			answered <- err
		}()
		wait(t, tr, started, "for the function to begin")
		cancel()
		if err := wait(t, tr, answered, "for the caller that gave up"); !errors.Is(err, context.Canceled) {
			t.Errorf("the caller got %v; want context.Canceled", err)
		}
		if got := wait(t, tr, stopped, "for the function to see the cancellation"); got != n {
			t.Errorf("call %d was cancelled; want %d", got, n)
		}
		tr.wantAlive(t, c)
	}
	close(release)
	if err := wait(t, tr, held, "for the call beside the cancelled ones"); err != nil {
		t.Errorf("a call beside the cancelled ones: %v", err)
	}

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := rpc.Invoke[any](gone, c, "block", 9); !errors.Is(err, context.Canceled) {
		t.Errorf("with a cancelled context: %v; want context.Canceled", err)
	}
	select {
	case n := <-started:
		t.Errorf("call %d ran, though it was cancelled before it was made", n)
	default:
	}
}

// testMeta: metadata travels beside the arguments, and each call has its own.
func testMeta(t *testing.T, tr Transport) {
	c := tr.connect(t, functions{
		"meta": func(ctx context.Context) map[string]string { return rpc.MetaFrom(ctx) },
		"peer": func(ctx context.Context) string { return rpc.PeerFrom(ctx).Transport },
	})
	tests := []map[string]string{
		{"trace": "0af7651916cd43dd8448eb211c80319c", "tenant": "blue"},
		{"empty": ""},
		{"with-dash": "a b, c; d=e \"q\" %41"},
		{"long": strings.Repeat("x", 4000)},
	}
	for _, meta := range tests {
		got, err := rpc.Invoke[map[string]string](rpc.WithMeta(tr.bounded(t), meta), c, "meta")
		if err != nil || !same(meta, got) {
			t.Errorf("meta %.100v arrived as %.100v, %v", meta, got, err)
		}
	}
	if got, err := rpc.Invoke[map[string]string](tr.bounded(t), c, "meta"); err != nil || len(got) > 0 {
		t.Errorf("a call without metadata had %v, %v", got, err)
	}

	// What may not fit a wire is carried as it is or refused, but never bent.
	for _, meta := range []map[string]string{{"k": "grüße 🌍"}, {"k": "two\r\nLines: x"}, {"Ключ": "v"}, {"k": " spaced "}, {"a b": "v"}, {"Upper": "v"}} {
		got, err := rpc.Invoke[map[string]string](rpc.WithMeta(tr.bounded(t), meta), c, "meta")
		if err == nil && !same(meta, got) {
			t.Errorf("meta %q arrived as %q", meta, got)
		}
	}
	big := map[string]string{"k": strings.Repeat("x", rpc.MaxMeta)}
	if got, err := rpc.Invoke[map[string]string](rpc.WithMeta(tr.bounded(t), big), c, "meta"); err == nil {
		t.Errorf("%d bytes of metadata were not refused: %d arrived", rpc.MaxMeta+1, len(got["k"]))
	}
	tr.wantAlive(t, c)
	if name, err := rpc.Invoke[string](tr.bounded(t), c, "peer"); err != nil || name == "" {
		t.Errorf("the function's peer came by transport %q, %v; want a name", name, err)
	}
}

// testConcurrency: many callers share one client, each gets its own answer, and
// a slow call holds up no other.
func testConcurrency(t *testing.T, tr Transport) {
	release := make(chan struct{})
	var inside atomic.Int32
	c := tr.connect(t, functions{
		"repeat": func(s string, n int) string { return strings.Repeat(s, n) },
		"hold": func(ctx context.Context) int {
			inside.Add(1)
			select {
			case <-release:
			case <-ctx.Done():
			}
			return int(inside.Load())
		},
	})
	ctx := tr.bounded(t)
	var holders, callers sync.WaitGroup
	const held = 8
	for range held {
		holders.Go(func() {
			if n, err := rpc.Invoke[int](ctx, c, "hold"); err != nil || n != held {
				t.Errorf("a held call saw %d of %d, %v", n, held, err)
			}
		})
	}
	for g := range 32 {
		callers.Go(func() {
			for i := range 40 {
				s, n := fmt.Sprintf("<%d.%d>", g, i), 1+(g*i)%300
				got, err := rpc.Invoke[string](ctx, c, "repeat", s, n)
				if err != nil || got != strings.Repeat(s, n) {
					t.Errorf("repeat(%s, %d) = %.60q, %v", s, n, got, err)
					return
				}
			}
		})
	}
	callers.Wait()
	for end := time.Now().Add(tr.Patience); inside.Load() < held && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	close(release)
	holders.Wait()
}
