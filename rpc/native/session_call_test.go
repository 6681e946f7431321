package native

import (
	"bytes"
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
var connections = []string{"pipe", "tcp", "unix"}

// testPair runs a session over a connection of one kind.
func testPair(t testing.TB, kind string, listener, dialer sessionConfig) (server, client *session) {
	t.Helper()
	if kind == "pipe" {
		return testPipe(t, listener, dialer)
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

// TestLargeMessages: blobs of many sizes there and back, beside small calls.
func TestLargeMessages(t *testing.T) {
	for _, kind := range connections {
		t.Run(kind, func(t *testing.T) {
			_, client := testPair(t, kind, sessionConfig{handler: echo}, sessionConfig{})
			var wg sync.WaitGroup
			for i, size := range []int{0, 1, 4080, 4096, 4097, 32<<10 - 3, 32 << 10, chunkSize - 20, chunkSize - 3, chunkSize, chunkSize + 1, maxBody, 2 * chunkSize, 2*chunkSize + 1, 1 << 20, 3<<20 + 7} {
				wg.Go(func() {
					blob := bytes.Repeat([]byte{byte(i + 1)}, size)
					for range 3 {
						got, err := rpc.Invoke[[]byte](testContext(t), client, "echo", blob)
						if err != nil || !bytes.Equal(got, blob) {
							t.Errorf("%d bytes: got %d, %v", size, len(got), err)
						}
					}
				})
			}
			wg.Wait()
			for size := chunkSize - 40; size < chunkSize+8; size++ { // around the limit of a frame
				got, err := rpc.Invoke[[]byte](testContext(t), client, "echo", make([]byte, size))
				if err != nil || len(got) != size {
					t.Errorf("%d bytes: got %d, %v", size, len(got), err)
				}
			}
		})
	}
}

// TestBlobsAreTheCallersOwn: what was decoded does not change with the messages
// that follow.
func TestBlobsAreTheCallersOwn(t *testing.T) {
	_, client := testPair(t, "unix", sessionConfig{handler: echo}, sessionConfig{})
	ctx := testContext(t)
	var kept [][]byte
	for i := range 20 {
		got, err := rpc.Invoke[[][]byte](ctx, client, "echo", [][]byte{bytes.Repeat([]byte{byte(i)}, 100_000), bytes.Repeat([]byte{byte(i)}, 50+i)})
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, got...)
	}
	for i, blob := range kept {
		if !bytes.Equal(blob, bytes.Repeat([]byte{byte(i / 2)}, len(blob))) {
			t.Fatalf("blob %d has changed", i)
		}
	}
}

// TestGivingUpLargeMessages: calls and results in parts that are given up in the
// middle, again and again, with others beside them.
func TestGivingUpLargeMessages(t *testing.T) {
	for _, kind := range connections {
		t.Run(kind, func(t *testing.T) {
			server, client := testPair(t, kind, sessionConfig{handler: echo}, sessionConfig{})
			var wg sync.WaitGroup
			blob := bytes.Repeat([]byte("blob"), 256<<10)
			for i := range 8 {
				wg.Go(func() {
					for j := range 15 {
						ctx, cancel := context.WithTimeout(testContext(t), time.Duration((i*j*37)%4000)*time.Microsecond)
						got, err := rpc.Invoke[[]byte](ctx, client, "echo", blob)
						if err == nil && !bytes.Equal(got, blob) {
							t.Error("the blob has changed")
						} else if err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
							t.Errorf("got %v", err)
						}
						cancel()
					}
				})
				wg.Go(func() {
					for j := range 50 {
						if got, err := rpc.Invoke[int](testContext(t), client, "echo", j); err != nil || got != j {
							t.Errorf("a small call: %d, %v", got, err)
						}
					}
				})
			}
			wg.Wait()
			wantSettled(t, client)
			wantSettled(t, server)
		})
	}
}

// wantSettled waits until nothing is left of any call.
func wantSettled(t testing.TB, s *session) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		st := &s.st
		ok := st.idle() && st.held == 0 && st.slots.used == 0 && st.workers.empty() && st.err == nil
		text := fmt.Sprintf("%d calls, %d running, %d places, %d bytes held, %d+%d to write, error %v", len(st.calls), st.running.n, st.slots.used, st.held, len(st.out), len(st.large), st.err)
		s.mu.Unlock()
		if ok {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the session does not come to rest: %s", text)
		}
	}
}

// TestSmallCallsBesideALargeOne: while a blob of 16 MiB is on its way, small
// calls are answered long before it.
func TestSmallCallsBesideALargeOne(t *testing.T) {
	_, client := testPair(t, "tcp", sessionConfig{handler: echo, limits: Limits{MaxMessage: 32 << 20}}, sessionConfig{limits: Limits{MaxMessage: 32 << 20}})
	ctx := testContext(t)
	var over atomic.Bool
	done := make(chan error, 1)
	begin := time.Now()
	go func() {
		_, err := rpc.Invoke[[]byte](ctx, client, "echo", make([]byte, 24<<20))
		over.Store(true)
		done <- err
	}()
	var worst time.Duration
	n := 0
	for !over.Load() {
		begin := time.Now()
		if _, err := rpc.Invoke[int](ctx, client, "echo", 1); err != nil {
			t.Fatal(err)
		}
		if !over.Load() {
			worst = max(worst, time.Since(begin))
			n++
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	took := time.Since(begin)
	t.Logf("blob: %v; %d small calls beside it, the slowest %v", took, n, worst)
	if n < 3 || worst > took*3/4 {
		t.Errorf("%d small calls beside a blob of %v, the slowest took %v", n, took, worst)
	}
}

// TestPeerStopsReading: its callers' deadlines hold, whatever they send, and
// other connections do not notice.
func TestPeerStopsReading(t *testing.T) {
	srv := testServer(t, "tcp://127.0.0.1:0", &Server{Handler: echo})
	other := testClient(t, srv.Addr(), DialConfig{})
	for _, kind := range connections {
		t.Run(kind, func(t *testing.T) {
			var a, b net.Conn
			if kind == "pipe" {
				a, b = net.Pipe()
			} else {
				a, b = testSockets(t, kind)
			}
			defer a.Close()
			go a.Write([]byte(frame(frameHello, 0, 0, string(testHello.append(nil))))) // and never a read
			client := testSession(t, b, sessionConfig{dialer: true, callTimeout: 300 * time.Millisecond})
			wantWithin(t, client.ready, "for HELLO")

			machine := machineLateness(t)
			const timeout = 300 * time.Millisecond
			ctx, cancel := context.WithTimeout(context.Background(), timeout)
			defer cancel()
			begin := time.Now()
			var wg sync.WaitGroup
			var worst atomic.Int64
			for i := range 300 {
				size := 100
				if i%10 == 0 {
					size = 1 << 20
				} else if i%3 == 0 {
					size = 60_000
				}
				ctx := ctx
				if i%2 == 0 {
					ctx = context.Background() // the default time-out
				}
				wg.Go(func() {
					_, err := rpc.Invoke[any](ctx, client, "echo", make([]byte, size))
					if !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("a call of %d bytes: got %v; want a deadline", size, err)
					}
					for late := int64(time.Since(begin) - timeout); late > worst.Load(); {
						worst.Store(late)
					}
				})
			}
			for range 20 {
				begin := time.Now()
				if _, err := rpc.Invoke[int](testContext(t), other, "echo", 1); err != nil {
					t.Errorf("another connection: %v", err)
				}
				wantNotLate(t, "another connection", time.Since(begin), machine())
			}
			wg.Wait()
			t.Logf("the latest caller was %v late, a timer %v", time.Duration(worst.Load()), machine())
			wantNotLate(t, "a caller", time.Duration(worst.Load()), machine())
			client.mu.Lock()
			if n := client.st.queued(); n > maxQueuedControl {
				t.Errorf("%d bytes are queued; want at most %d", n, maxQueuedControl)
			}
			client.mu.Unlock()
		})
	}
}

// lateness is by how much a deadline may be missed, besides what the machine
// itself is late.
const lateness = 100 * time.Millisecond

// machineLateness measures by how much timers are late, since others use the
// machine as well, and returns the worst so far at each call.
func machineLateness(t testing.TB) func() time.Duration {
	var worst atomic.Int64
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		const step = 5 * time.Millisecond
		for {
			begin := time.Now()
			select {
			case <-over:
				return
			case <-time.After(step):
			}
			worst.Store(max(worst.Load(), int64(time.Since(begin)-step)))
		}
	}()
	t.Cleanup(func() {
		close(over)
		<-ended
	})
	return func() time.Duration { return time.Duration(worst.Load()) }
}

// wantNotLate checks that something happened within a time, not much later.
func wantNotLate(t testing.TB, what string, late, machine time.Duration) {
	t.Helper()
	allowed := lateness + 2*machine
	if raceEnabled {
		allowed += time.Second // everything costs ten times as much
	}
	if late > allowed {
		t.Errorf("%s: %v late; want at most %v", what, late, allowed)
	}
}
