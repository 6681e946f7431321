package native

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// cut breaks the connection of the call that ctx belongs to, as a server that is
// killed does.
func cut(ctx context.Context) {
	nc := rpc.PeerFrom(ctx).Back.(*session).nc
	if tcp, ok := nc.(*net.TCPConn); ok {
		tcp.SetLinger(0) // a reset
	}
	nc.Close()
}

// cutter is a handler that cuts the connection for its first calls, and answers
// the later ones with their number.
type cutter struct {
	cuts int64
	ran  atomic.Int64
	then rpc.Handler // instead of an answer; may be nil
}

func (h *cutter) Call(ctx context.Context, req *rpc.Request) (any, error) {
	n := h.ran.Add(1)
	switch {
	case n <= h.cuts:
		cut(ctx)
		<-ctx.Done() // the session has seen it
		return nil, nil
	case h.then != nil:
		return h.then(ctx, req)
	}
	return n, nil
}

// TestOnlyMarkedCallsAreRepeated, of those of which nobody knows whether they ran.
func TestOnlyMarkedCallsAreRepeated(t *testing.T) {
	mark := func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, req *rpc.Request) (any, error) {
			req.Idempotent = true
			return next(ctx, req)
		}
	}
	invoke := func(ctx context.Context, c rpc.Caller) (int, error) { return rpc.Invoke[int](ctx, c, "f", "argument") }
	for _, tt := range []struct {
		name   string
		cfg    DialConfig
		call   func(ctx context.Context, c rpc.Caller) (int, error)
		marked bool
	}{
		{"unmarked", DialConfig{}, invoke, false},
		{"context", DialConfig{}, func(ctx context.Context, c rpc.Caller) (int, error) { return invoke(rpc.WithIdempotent(ctx), c) }, true},
		{"interceptor", DialConfig{Interceptors: []rpc.Interceptor{mark}}, invoke, true},
		{"tag", DialConfig{}, func(ctx context.Context, c rpc.Caller) (int, error) {
			var api struct {
				F func(ctx context.Context, s string) (int, error) `rpc:"f,idempotent"`
			}
			if err := rpc.Bind(c, &api); err != nil {
				return 0, err
			}
			return api.F(ctx, "argument")
		}, true},
		{"large", DialConfig{}, func(ctx context.Context, c rpc.Caller) (int, error) {
			return rpc.Invoke[int](rpc.WithIdempotent(ctx), c, "f", make([]byte, 1<<20))
		}, true},
		{"stream", DialConfig{}, func(ctx context.Context, c rpc.Caller) (n int, err error) {
			for n, err = range rpc.Stream[int](rpc.WithIdempotent(ctx), c, "f") {
				if err != nil {
					break
				}
			}
			return n, err
		}, false},
	} {
		for _, network := range []string{"tcp", "unix", "tls"} {
			t.Run(tt.name+"/"+network, func(t *testing.T) {
				h := &cutter{cuts: 1}
				srv := testServer(t, testURL(t, network), &Server{Handler: h})
				c := testClient(t, srv.Addr(), tt.cfg)
				got, err := tt.call(testContext(t), c)
				if ran, want := h.ran.Load(), map[bool]int64{false: 1, true: 2}[tt.marked]; ran != want {
					t.Errorf("it ran %d times; want %d", ran, want)
				}
				if tt.marked {
					if err != nil || got != 2 {
						t.Errorf("got %d, %v; want 2, the answer of the second try", got, err)
					}
				} else {
					wantLink(t, "a call", err, rpc.Unknown, nil)
				}
				stats := c.Stats().Calls
				if want := (CallsMade{Begun: 1, Answered: 1, Repeated: 1}); tt.marked && stats != want {
					t.Errorf("Stats: got %+v; want %+v", stats, want)
				}
				if want := (CallsMade{Begun: 1, Unknown: 1}); !tt.marked && stats != want {
					t.Errorf("Stats: got %+v; want %+v", stats, want)
				}
			})
		}
	}
}

// TestRepeatsAreBounded, and spread over time.
func TestRepeatsAreBounded(t *testing.T) {
	h := &cutter{cuts: 1 << 60}
	srv := testServer(t, "tcp://127.0.0.1:0", &Server{Handler: h})
	const clients = 10
	var took atomic.Int64
	var wg sync.WaitGroup
	for range clients {
		c := testClient(t, srv.Addr(), DialConfig{})
		wg.Go(func() {
			begin := time.Now()
			_, err := rpc.Invoke[int](rpc.WithIdempotent(testContext(t)), c, "f")
			took.Add(int64(time.Since(begin)))
			wantLink(t, "a call", err, rpc.Unknown, nil)
			if err == nil || !strings.Contains(err.Error(), "the last of 3 tries") {
				t.Errorf("got %v; want it to say that there were 3 tries", err)
			}
		})
	}
	wg.Wait()
	if n := h.ran.Load(); n != clients*maxTries {
		t.Errorf("%d calls ran %d times; want %d each", clients, n, maxTries)
	}
	// Each waits for up to 50 ms and then for up to 100 ms. That all of them
	// together wait for less than a fifth of the mean does not happen.
	if took := time.Duration(took.Load()); took < clients*15*time.Millisecond {
		t.Errorf("%d calls took %v together: they were repeated without a pause", clients, took)
	}
}

// TestRepeatsKeepTheDeadline: all tries share one.
func TestRepeatsKeepTheDeadline(t *testing.T) {
	wait := func(ctx context.Context, _ *rpc.Request) (any, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	for _, byDefault := range []bool{false, true} {
		h := &cutter{cuts: 0}
		h.then = func(ctx context.Context, req *rpc.Request) (any, error) {
			if h.ran.Load() == 1 {
				time.Sleep(150 * time.Millisecond)
				cut(ctx)
			}
			return wait(ctx, req)
		}
		srv := testServer(t, "tcp://127.0.0.1:0", &Server{Handler: h})
		c := testClient(t, srv.Addr(), DialConfig{CallTimeout: 300 * time.Millisecond})
		ctx, cancel := context.Background(), context.CancelFunc(func() {})
		if !byDefault {
			ctx, cancel = context.WithTimeout(ctx, 300*time.Millisecond)
		}
		machine := machineLateness(t)
		begin := time.Now()
		_, err := rpc.Invoke[int](rpc.WithIdempotent(ctx), c, "f")
		took := time.Since(begin)
		cancel()
		wantNotLate(t, "a call that was repeated", took-300*time.Millisecond, machine())
		if took < 290*time.Millisecond || h.ran.Load() != 2 {
			t.Errorf("it took %v and ran %d times; want 300 ms and 2", took, h.ran.Load())
		}
		// The handler's fault for its deadline may be there before the caller is at
		// the end of its own.
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("by default %v: got %v; want a deadline", byDefault, err)
		}
	}
}

// TestNoRepeatAfterTheDeadline: it is over before there is another try.
func TestNoRepeatAfterTheDeadline(t *testing.T) {
	url := freeURL(t, "unix")
	h := &cutter{cuts: 1}
	var stop func()
	srv := &Server{Handler: callerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
		go stop()
		return h.Call(ctx, req)
	})}
	ready := make(chan struct{})
	stop = sync.OnceFunc(func() { <-ready; srv.Close() })
	restart(t, url, srv)
	close(ready)
	c := testClient(t, url, DialConfig{WaitForReady: true})
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	_, err := rpc.Invoke[int](rpc.WithIdempotent(ctx), c, "f")
	wantLink(t, "a call", err, rpc.Unknown, context.DeadlineExceeded)
	if n := h.ran.Load(); n != 1 {
		t.Errorf("it ran %d times; want 1", n)
	}
}

// TestUnknownStaysUnknown: that the second try could not be sent says nothing
// about the first.
func TestUnknownStaysUnknown(t *testing.T) {
	for _, waits := range []bool{false, true} {
		url := freeURL(t, "tcp")
		entered, ended := make(chan struct{}, 1), make(chan error, 1)
		stop := restart(t, url, &Server{Handler: methods{"block": block(entered, ended)}})
		c := testClient(t, url, DialConfig{WaitForReady: waits})
		failed := make(chan error, 1)
		go func() {
			_, err := rpc.Invoke[any](rpc.WithIdempotent(testContext(t)), c, "block")
			failed <- err
		}()
		wantWithin(t, entered, "for the handler")
		stop()
		if waits {
			waitLost(t, c)
			c.Close()
		}
		err := wantWithin(t, failed, "for the caller")
		wantLink(t, "a call", err, rpc.Unknown, nil)
		if s := c.Stats().Calls; s.Begun != 1 || s.Unknown != 1 || s.NotSent != 0 || s.InFlight != 0 {
			t.Errorf("Stats: got %+v; want one call, unknown", s)
		}
	}
}

// TestRepeatWaitsForTheServer, if the client is told to.
func TestRepeatWaitsForTheServer(t *testing.T) {
	url := freeURL(t, "unix")
	entered, ended := make(chan struct{}, 1), make(chan error, 1)
	stop := restart(t, url, &Server{Handler: methods{"f": block(entered, ended)}})
	c := testClient(t, url, DialConfig{WaitForReady: true})
	result := make(chan error, 1)
	go func() {
		_, err := rpc.Invoke[int](rpc.WithIdempotent(testContext(t)), c, "f", 1)
		result <- err
	}()
	wantWithin(t, entered, "for the handler")
	stop()
	time.Sleep(100 * time.Millisecond)
	restart(t, url, &Server{Handler: methods{"f": echo.Call}})
	if err := wantWithin(t, result, "for the caller"); err != nil {
		t.Errorf("got %v; want the answer of the next server", err)
	}
	wantWithin(t, ended, "for the first handler")
}

// TestFaultsAreNotRepeated: they are answers, those about deadlines and shutdowns
// included.
func TestFaultsAreNotRepeated(t *testing.T) {
	for _, code := range []int{1, rpc.CodeInternal, rpc.CodeOverLimit, rpc.CodeDeadlineExceeded, rpc.CodeCancelled, rpc.CodeShuttingDown} {
		h := &cutter{then: func(context.Context, *rpc.Request) (any, error) { return nil, rpc.Errorf(code, "no") }}
		c := testClient(t, testServer(t, testURL(t, "unix"), &Server{Handler: h}).Addr(), DialConfig{})
		_, err := rpc.Invoke[int](rpc.WithIdempotent(testContext(t)), c, "f")
		if f := new(rpc.Fault); !errors.As(err, &f) || f.Code != code || h.ran.Load() != 1 {
			t.Errorf("fault %d: got %v after %d runs; want it after one", code, err, h.ran.Load())
		}
	}
}

// TestCancelledCallsAreNotRepeated, not even if the connection is lost at that
// moment.
func TestCancelledCallsAreNotRepeated(t *testing.T) {
	for _, lost := range []bool{false, true} {
		ctx, cancel := context.WithCancel(rpc.WithIdempotent(testContext(t)))
		h := &cutter{then: func(handler context.Context, _ *rpc.Request) (any, error) {
			cancel()
			if lost {
				cut(handler)
			}
			<-handler.Done()
			return nil, handler.Err()
		}}
		c := testClient(t, testServer(t, "tcp://127.0.0.1:0", &Server{Handler: h}).Addr(), DialConfig{})
		_, err := rpc.Invoke[int](ctx, c, "f")
		wantLink(t, "a call that is given up", err, rpc.Unknown, nil)
		if !lost && !errors.Is(err, context.Canceled) {
			t.Errorf("got %v; want %v", err, context.Canceled)
		}
		if n, repeated := h.ran.Load(), c.Stats().Calls.Repeated; n != 1 || repeated != 0 {
			t.Errorf("lost %v: it ran %d times and was repeated %d times; want once and never", lost, n, repeated)
		}
	}
}
