package native

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// connections are the kinds of connections that sessions are tested over.
// "tls pipe" is TLS on something that is no socket.
var connections = []string{"pipe", "tcp", "unix", "tls", "tls pipe"}

// testPair runs a session over a connection of one kind.
func testPair(t testing.TB, kind string, listener, dialer sessionConfig) (server, client *session) {
	t.Helper()
	switch kind {
	case "pipe":
		return testPipe(t, listener, dialer)
	case "tls pipe":
		a, b := net.Pipe()
		a, b = secured(t, a, b)
		return testSessions(t, a, b, listener, dialer)
	case "tls":
		a, b := testSockets(t, "tcp")
		a, b = secured(t, a, b)
		return testSessions(t, a, b, listener, dialer)
	}
	a, b := testSockets(t, kind)
	return testSessions(t, a, b, listener, dialer)
}

// testSockets returns both ends of a connection.
func testSockets(t testing.TB, network string) (a, b net.Conn) {
	t.Helper()
	l, err := listen(testURL(t, network), false)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if b, err = dial(testContext(t), urlOf(l.Addr())); err != nil {
		t.Fatal(err)
	}
	if a, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return a, b
}

// methods is a Caller of functions that read their own arguments.
type methods map[string]rpc.Handler

func (m methods) Call(ctx context.Context, req *rpc.Request) (any, error) {
	if h := m[req.Method]; h != nil {
		return h(ctx, req)
	}
	return nil, rpc.Errorf(rpc.CodeMethodNotFound, "method not found: %s", req.Method)
}

func intArg(req *rpc.Request) (n int, err error) {
	err = req.Args.Decode([]any{&n}, nil)
	return n, err
}

// block waits for the end of its context and says what that was.
func block(entered chan<- struct{}, ended chan<- error) rpc.Handler {
	return func(ctx context.Context, _ *rpc.Request) (any, error) {
		entered <- struct{}{}
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	}
}

func wantWithin[T any](t testing.TB, ch <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(10 * time.Second):
		t.Fatalf("waited in vain: %s", what)
	}
	return v
}

// linkError checks that err is a LinkError of this kind.
func wantLink(t testing.TB, what string, err error, sent rpc.Sent, cause error) {
	t.Helper()
	var link *rpc.LinkError
	if !errors.As(err, &link) || link.Sent != sent || cause != nil && !errors.Is(err, cause) {
		t.Errorf("%s: got %v; want a LinkError, %v, of %v", what, err, sent, cause)
	}
}

func TestBothWaysAtOnce(t *testing.T) {
	for _, kind := range connections {
		t.Run(kind, func(t *testing.T) {
			server, client := testPair(t, kind, sessionConfig{handler: echo}, sessionConfig{handler: echo})
			var wg sync.WaitGroup
			for i := range 1000 {
				for _, s := range []*session{server, client} {
					wg.Go(func() {
						text := strings.Repeat("x", i%257) + fmt.Sprint(i)
						got, err := rpc.Invoke[string](testContext(t), s, "echo", text)
						if err != nil || got != text {
							t.Errorf("call %d: got %.40q, %v", i, got, err)
						}
					})
				}
			}
			wg.Wait()
		})
	}
}

// TestNestedCallbacks: a handler calls its caller, whose handler calls back, and
// so on.
func TestNestedCallbacks(t *testing.T) {
	down := methods{"down": func(ctx context.Context, req *rpc.Request) (any, error) {
		n, err := intArg(req)
		if err != nil || n == 0 {
			return 0, err
		}
		deeper, err := rpc.Invoke[int](ctx, req.Peer, "down", n-1)
		return deeper + 1, err
	}}
	for _, kind := range connections {
		t.Run(kind, func(t *testing.T) {
			_, client := testPair(t, kind, sessionConfig{handler: down}, sessionConfig{handler: down})
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					if got, err := rpc.Invoke[int](testContext(t), client, "down", 40); err != nil || got != 40 {
						t.Errorf("got %d, %v; want 40", got, err)
					}
				})
			}
			wg.Wait()
		})
	}
}

// TestPeerOfACall: a handler knows who calls, from the request and from the
// context alike.
func TestPeerOfACall(t *testing.T) {
	id := rpc.Identity{Name: "bot", Credential: "bot.k2"}
	_, client := testPair(t, "tcp", sessionConfig{identity: id, handler: methods{"who": func(ctx context.Context, req *rpc.Request) (any, error) {
		if p := rpc.PeerFrom(ctx); p != req.Peer {
			return nil, fmt.Errorf("the context says %v, the request %v", p, req.Peer)
		}
		if _, ok := req.Peer.Addr.(*net.TCPAddr); !ok {
			return nil, fmt.Errorf("address %v", req.Peer.Addr)
		}
		return req.Peer.Name + " " + req.Peer.Credential + " " + req.Peer.Transport, nil
	}}}, sessionConfig{})
	if got, err := rpc.Invoke[string](testContext(t), client, "who"); err != nil || got != "bot bot.k2 native" {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestDeadlineReachesTheHandler: it has the time that its caller has, and no
// more.
func TestDeadlineReachesTheHandler(t *testing.T) {
	entered, ended := make(chan struct{}, 1), make(chan error, 1)
	left := make(chan time.Duration, 1)
	_, client := testPair(t, "tcp", sessionConfig{handler: methods{"block": func(ctx context.Context, req *rpc.Request) (any, error) {
		deadline, _ := ctx.Deadline()
		left <- time.Until(deadline)
		return block(entered, ended)(ctx, req)
	}}}, sessionConfig{callTimeout: 150 * time.Millisecond})
	for _, tt := range []struct {
		name    string
		ctx     func() (context.Context, context.CancelFunc)
		timeout time.Duration
	}{
		{"of the context", func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), 80*time.Millisecond)
		}, 80 * time.Millisecond},
		{"by default", func() (context.Context, context.CancelFunc) { return context.WithCancel(context.Background()) }, 150 * time.Millisecond},
	} {
		ctx, cancel := tt.ctx()
		defer cancel()
		begin := time.Now()
		_, err := rpc.Invoke[any](ctx, client, "block")
		if took := time.Since(begin); !errors.Is(err, context.DeadlineExceeded) || took < tt.timeout*9/10 {
			t.Errorf("%s: got %v after %v; want a deadline after %v", tt.name, err, took, tt.timeout)
		}
		wantWithin(t, entered, "for the handler to begin")
		if got := wantWithin(t, left, "for its deadline"); got > tt.timeout || got < tt.timeout/4 {
			t.Errorf("%s: the handler had %v left; want about %v", tt.name, got, tt.timeout)
		}
		if err := wantWithin(t, ended, "for its context to end"); err == nil {
			t.Errorf("%s: the context ended without an error", tt.name)
		}
	}
}

// TestCancelReachesTheHandler: and costs neither the connection nor a place.
func TestCancelReachesTheHandler(t *testing.T) {
	for _, kind := range connections {
		t.Run(kind, func(t *testing.T) {
			entered, ended := make(chan struct{}, 1), make(chan error, 1)
			server, client := testPair(t, kind, sessionConfig{limits: Limits{MaxCalls: 1}, handler: methods{"block": block(entered, ended), "echo": echo.Call}}, sessionConfig{})
			for range 10 {
				ctx, cancel := context.WithCancel(context.Background())
				got := make(chan error, 1)
				go func() {
					_, err := rpc.Invoke[any](ctx, client, "block")
					got <- err
				}()
				wantWithin(t, entered, "for the handler to begin")
				cancel()
				wantLink(t, "the caller", wantWithin(t, got, "for the caller"), rpc.Unknown, context.Canceled)
				if err := wantWithin(t, ended, "for the handler's context"); !errors.Is(err, context.Canceled) {
					t.Errorf("the handler's context ended with %v", err)
				}
				if _, err := rpc.Invoke[int](testContext(t), client, "echo", 1); err != nil {
					t.Errorf("the next call: %v", err)
				}
			}
			server.mu.Lock()
			defer server.mu.Unlock()
			if n := server.st.running.n; n != 0 {
				t.Errorf("%d calls are still running", n)
			}
		})
	}
}

// TestCallerGoesAway: the handlers of a connection that is lost are told.
func TestCallerGoesAway(t *testing.T) {
	for _, kind := range connections {
		t.Run(kind, func(t *testing.T) {
			entered, ended := make(chan struct{}, 10), make(chan error, 10)
			server, client := testPair(t, kind, sessionConfig{handler: methods{"block": block(entered, ended)}}, sessionConfig{})
			failed := make(chan error, 10)
			for range 10 {
				go func() {
					_, err := rpc.Invoke[any](testContext(t), client, "block")
					failed <- err
				}()
				wantWithin(t, entered, "for a handler to begin")
			}
			client.nc.Close() // not a farewell
			for range 10 {
				wantLink(t, "a call under way", wantWithin(t, failed, "for a caller"), rpc.Unknown, nil)
				if err := wantWithin(t, ended, "for a handler's context"); !errors.Is(err, context.Canceled) {
					t.Errorf("a handler's context ended with %v", err)
				}
			}
			wantWithin(t, server.gone, "for the session to end")
			_, err := rpc.Invoke[any](testContext(t), client, "block")
			wantLink(t, "a call afterwards", err, rpc.NotSent, nil)
		})
	}
}

// TestMoreCallersThanPlaces: those beyond the peer's MaxCalls wait in line, under
// their contexts, and none is refused.
func TestMoreCallersThanPlaces(t *testing.T) {
	var inside, most atomic.Int32
	release := make(chan struct{})
	_, client := testPair(t, "tcp", sessionConfig{limits: Limits{MaxCalls: 3}, handler: methods{
		"count": func(context.Context, *rpc.Request) (any, error) {
			n := inside.Add(1)
			defer inside.Add(-1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			return nil, nil
		},
		"hold": func(context.Context, *rpc.Request) (any, error) { <-release; return nil, nil },
	}}, sessionConfig{})
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			if _, err := rpc.Invoke[any](testContext(t), client, "count"); err != nil {
				t.Errorf("count: %v", err)
			}
		})
	}
	wg.Wait()
	if n := most.Load(); n < 1 || n > 3 {
		t.Errorf("%d calls ran at once; want at most 3", n)
	}

	for range 3 {
		wg.Go(func() {
			if _, err := rpc.Invoke[any](testContext(t), client, "hold"); err != nil {
				t.Errorf("hold: %v", err)
			}
		})
	}
	for client.places() < 3 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	for range 5 {
		_, err := rpc.Invoke[any](ctx, client, "count")
		wantLink(t, "a call without a place", err, rpc.NotSent, context.DeadlineExceeded)
	}
	wg.Go(func() {
		if _, err := rpc.Invoke[any](testContext(t), client, "count"); err != nil {
			t.Errorf("the one that waited: %v", err)
		}
	})
	close(release)
	wg.Wait()
	if n := client.places(); n != 0 {
		t.Errorf("%d places are taken; want none", n)
	}
}

func (s *session) places() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.st.slots.used
}

// TestOneSlowHandlerHoldsUpNoOther: workers that are stuck are not waited for,
// however many of them there are.
func TestOneSlowHandlerHoldsUpNoOther(t *testing.T) {
	release := make(chan struct{})
	_, client := testPair(t, "tcp", sessionConfig{handler: methods{
		"hold": func(context.Context, *rpc.Request) (any, error) { <-release; return nil, nil },
		"echo": echo.Call,
	}}, sessionConfig{})
	var holders, callers sync.WaitGroup
	for range 100 {
		holders.Go(func() {
			if _, err := rpc.Invoke[any](testContext(t), client, "hold"); err != nil {
				t.Errorf("hold: %v", err)
			}
		})
		for range 5 {
			callers.Go(func() {
				if _, err := rpc.Invoke[int](testContext(t), client, "echo", 1); err != nil {
					t.Errorf("echo: %v", err)
				}
			})
		}
	}
	callers.Wait()
	close(release)
	holders.Wait()
}

// TestFailuresOfHandlers: a panic, a result that cannot be encoded and one that
// is too large are faults, and the session goes on.
func TestFailuresOfHandlers(t *testing.T) {
	var log logBuffer
	_, client := testPair(t, "tcp", sessionConfig{logger: log.logger(), handler: methods{
		"panic":   func(context.Context, *rpc.Request) (any, error) { panic("secret of the service") },
		"channel": func(context.Context, *rpc.Request) (any, error) { return make(chan int), nil },
		"large":   func(context.Context, *rpc.Request) (any, error) { return make([]byte, 1<<20), nil },
		"error":   func(context.Context, *rpc.Request) (any, error) { return nil, errors.New("plain") },
		"long": func(context.Context, *rpc.Request) (any, error) {
			return nil, rpc.Errorf(9, "%s", strings.Repeat("ä", 1<<20))
		},
		"nil": func(context.Context, *rpc.Request) (any, error) { return nil, nil },
	}}, sessionConfig{limits: Limits{MaxMessage: 100_000}})
	for _, tt := range []struct {
		method string
		code   int
		text   string
	}{
		{"panic", rpc.CodeInternal, "internal error (id "},
		{"channel", rpc.CodeInternal, "internal error (id "},
		{"large", rpc.CodeOverLimit, "the caller accepts 100000"},
		{"error", rpc.CodeApplication, "plain"},
		{"long", 9, "ää"},
		{"none", rpc.CodeMethodNotFound, "none"},
	} {
		_, err := rpc.Invoke[any](testContext(t), client, tt.method)
		var f *rpc.Fault
		if !errors.As(err, &f) || f.Code != tt.code || !strings.Contains(f.Message, tt.text) || strings.Contains(f.Message, "secret") {
			t.Errorf("%s: got %.200v; want fault %d with %q", tt.method, err, tt.code, tt.text)
		}
	}
	log.wait(t, "secret of the service", "chan int")
	if _, err := rpc.Invoke[any](testContext(t), client, "nil"); err != nil {
		t.Errorf("the session does not go on: %v", err)
	}
}

// TestCallsThatCannotBeSent fail before a byte has left.
func TestCallsThatCannotBeSent(t *testing.T) {
	_, client := testPair(t, "tcp", sessionConfig{handler: echo, limits: Limits{MaxMessage: 100_000}}, sessionConfig{})
	ctx := testContext(t)
	if _, err := rpc.Invoke[any](ctx, client, "echo", make(chan int)); err == nil || !strings.Contains(err.Error(), "params[0]") {
		t.Errorf("a channel: got %v", err)
	}
	_, err := rpc.Invoke[any](ctx, client, "echo", make([]byte, 100_000))
	wantLink(t, "too large", err, rpc.NotSent, ErrTooLarge)
	if _, err := rpc.Invoke[[]byte](ctx, client, "echo", make([]byte, 99_900)); err != nil {
		t.Errorf("as large as may be: %v", err)
	}
	if _, err := rpc.Invoke[any](rpc.WithMeta(ctx, map[string]string{"k": "\xff"}), client, "echo", 1); err == nil || !strings.Contains(err.Error(), "UTF-8") {
		t.Errorf("metadata that is no text: got %v", err)
	}
	over, cancel := context.WithTimeout(ctx, -time.Second)
	defer cancel()
	_, err = rpc.Invoke[any](over, client, "echo", 1)
	wantLink(t, "too late", err, rpc.NotSent, context.DeadlineExceeded)
	if n := client.places(); n != 0 {
		t.Errorf("%d places are taken; want none", n)
	}
}

// TestArgumentsOfAnyKind: a request may bring arguments that are no Values.
func TestArgumentsOfAnyKind(t *testing.T) {
	_, client := testPair(t, "tcp", sessionConfig{handler: methods{"all": func(_ context.Context, req *rpc.Request) (any, error) {
		var args []any
		return args, decodeAll(req, &args)
	}, "forward": nil}}, sessionConfig{})
	values := rpc.Values{int64(1), "two", []byte{3}}
	type other struct{ rpc.Values } // an Args of another type
	for _, args := range []rpc.Args{nil, values, &values, other{values}} {
		if _, err := client.Call(testContext(t), &rpc.Request{Method: "all", Args: args}); err != nil {
			t.Errorf("%T: %v", args, err)
		}
	}
}
