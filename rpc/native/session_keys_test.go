package native

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// TestWornKeysMoveOn: a connection that has sent enough, or is old enough, is left
// for a new one by either side, and no call notices: none fails, and none runs
// twice.
func TestWornKeysMoveOn(t *testing.T) {
	const never = 1000 * time.Hour
	endless := keyLimits{bytes: 1 << 62, age: never}
	if got, want := (keyLimits{}).withDefaults(), (keyLimits{bytes: 64 << 30, age: 24 * time.Hour}); got != want {
		t.Errorf("got %+v; want %+v", got, want)
	}
	for _, tt := range []struct {
		name           string
		server, client keyLimits
	}{
		{"server by bytes", keyLimits{bytes: 1 << 20, age: never}, endless},
		{"server by age", keyLimits{bytes: 1 << 62, age: 50 * time.Millisecond}, endless},
		{"client by bytes", endless, keyLimits{bytes: 1 << 20, age: never}},
		{"client by age", endless, keyLimits{bytes: 1 << 62, age: 50 * time.Millisecond}},
		{"both", keyLimits{bytes: 1 << 20, age: never}, keyLimits{bytes: 1 << 20, age: never}},
	} {
		if t.Failed() {
			return // each waits for its deadline
		}
		t.Run(tt.name, func(t *testing.T) {
			var mu sync.Mutex
			ran := map[int]int{}
			handler := methods{
				"echo": func(ctx context.Context, req *rpc.Request) (any, error) {
					var id int
					var b []byte
					if err := req.Args.Decode([]any{&id, &b}, nil); err != nil {
						return nil, err
					}
					mu.Lock()
					ran[id]++
					mu.Unlock()
					// Some calls are long, and some call back.
					switch id % 50 {
					case 1:
						time.Sleep(30 * time.Millisecond)
					case 2:
						time.Sleep(10 * time.Millisecond)
						if _, err := rpc.Invoke[int](ctx, rpc.PeerFrom(ctx), "back", id); err != nil {
							return nil, fmt.Errorf("calling back: %w", err)
						}
					}
					return b, nil
				},
			}
			back := methods{"back": func(context.Context, *rpc.Request) (any, error) { return 7, nil }}
			var ends atomic.Int32
			quick := func(k keyLimits) Limits {
				return Limits{PingAfter: 10 * time.Millisecond, DeadAfter: 20 * time.Second, keys: k}
			}
			srv := testServer(t, "tls://127.0.0.1:0", &Server{Handler: handler, Login: serverLogin(), Limits: quick(tt.server)})
			c := testClient(t, srv.Addr(), DialConfig{
				Handler: back, Login: clientLogin(), Limits: quick(tt.client),
				Events: Events{SessionEnded: func(_ *rpc.Peer, reason error) {
					ends.Add(1)
					if !errors.Is(reason, ErrGoingAway) && !errors.Is(reason, ErrClosed) {
						t.Errorf("a session ended: got %v; want an end that one side wanted", reason)
					}
				}},
			})
			ctx := testContext(t)
			var callers sync.WaitGroup
			var made atomic.Int64
			failed := make(chan error, 8)
			for range 8 {
				callers.Go(func() {
					for ends.Load() < 4 && ctx.Err() == nil {
						id := int(made.Add(1))
						want := bytes.Repeat([]byte{byte(id)}, 100*(id%200)) // some are split... into records
						if id%100 == 3 {
							want = bytes.Repeat(want, 20)
						}
						got, err := rpc.Invoke[[]byte](ctx, c, "echo", id, want)
						if err != nil || !bytes.Equal(got, want) {
							failed <- fmt.Errorf("call %d: %w", id, err)
							return
						}
					}
				})
			}
			callers.Wait()
			close(failed)
			for err := range failed {
				t.Error(err)
			}
			if n := ends.Load(); n < 4 {
				t.Errorf("got %d sessions that ended; want at least 4", n)
			}
			for id, n := range ran {
				if n != 1 {
					t.Errorf("call %d ran %d times; want once", id, n)
				}
			}
			t.Logf("%d calls over %d sessions", made.Load(), ends.Load()+1)
		})
	}
}

// TestKeysDoNotWearWithoutTLS: a plain connection has none.
func TestKeysDoNotWearWithoutTLS(t *testing.T) {
	worn := Limits{PingAfter: 5 * time.Millisecond, DeadAfter: 20 * time.Second, keys: keyLimits{bytes: 1, age: 1}}
	srv := testServer(t, "tcp://127.0.0.1:0", &Server{Handler: echo, Limits: worn})
	c := testClient(t, srv.Addr(), DialConfig{Limits: worn})
	s := c.live.Load()
	for end := time.Now().Add(100 * time.Millisecond); time.Now().Before(end); {
		if _, err := rpc.Invoke[string](testContext(t), c, "echo", "x"); err != nil {
			t.Fatal(err)
		}
	}
	if c.live.Load() != s {
		t.Error("the session was left")
	}
}

// TestLongCallStaysOnWornKeys: a call that is under way ends where it began, however
// long it takes, and the others go on elsewhere meanwhile.
func TestLongCallStaysOnWornKeys(t *testing.T) {
	for _, who := range []string{"server", "client"} {
		t.Run(who, func(t *testing.T) {
			release := make(chan struct{})
			handler := methods{
				"long":  func(context.Context, *rpc.Request) (any, error) { <-release; return "done", nil },
				"short": func(context.Context, *rpc.Request) (any, error) { return "now", nil },
			}
			limits := func(side string) Limits {
				l := Limits{PingAfter: 10 * time.Millisecond, DeadAfter: 20 * time.Second}
				if side == who {
					l.keys = keyLimits{age: 30 * time.Millisecond}
				}
				return l
			}
			srv := testServer(t, "tls://127.0.0.1:0", &Server{Handler: handler, Login: serverLogin(), Limits: limits("server")})
			c := testClient(t, srv.Addr(), DialConfig{Login: clientLogin(), Limits: limits("client")})
			first := c.live.Load()
			long := make(chan error, 1)
			go func() {
				got, err := rpc.Invoke[string](testContext(t), c, "long")
				if err == nil && got != "done" {
					err = fmt.Errorf("got %q", got)
				}
				long <- err
			}()
			within(t, 10*time.Second, "for another session", func() bool {
				if _, err := rpc.Invoke[string](testContext(t), c, "short"); err != nil {
					t.Fatal(err)
				}
				s := c.live.Load()
				return s != nil && s != first
			})
			if err := first.ended(); err != nil {
				t.Errorf("the first session ended under its call: %v", err)
			}
			close(release)
			if err := wantWithin(t, long, "the long call"); err != nil {
				t.Errorf("the long call: %v", err)
			}
			wantWithin(t, first.gone, "the end of the first session")
		})
	}
}
