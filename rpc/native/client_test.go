package native

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// restart serves on url until the stop that it returns is called.
func restart(t testing.TB, url string, srv *Server) (stop func()) {
	t.Helper()
	if srv.Auth == nil {
		srv.Auth = oneKey(testKey)
	}
	srv.Logger = quiet
	l, err := srv.Listen(url)
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() { srv.Serve(l) })
	stop = sync.OnceFunc(func() {
		srv.Close()
		served.Wait()
	})
	t.Cleanup(stop)
	return stop
}

// waitLost waits until a client has seen that its server is gone.
func waitLost(t testing.TB, c *Client) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); c.live.Load() != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the client does not see that its server is gone")
		}
	}
}

// freeURL returns an address that a server can be restarted on.
func freeURL(t testing.TB, network string) string {
	t.Helper()
	if network == "unix" {
		return testURL(t, network)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return urlOf(l.Addr())
}

// TestServerIsRestarted: what was under way fails with Unknown, calls in between
// with NotSent, and the next ones work.
func TestServerIsRestarted(t *testing.T) {
	for _, network := range []string{"tcp", "unix", "tls"} {
		t.Run(network, func(t *testing.T) {
			url := freeURL(t, network)
			entered, ended := make(chan struct{}, 1), make(chan error, 1)
			handler := methods{"block": block(entered, ended), "echo": echo.Call}
			stop := restart(t, url, &Server{Handler: handler})
			c := testClient(t, url, DialConfig{})
			for range 3 {
				failed := make(chan error, 1)
				go func() {
					_, err := rpc.Invoke[any](testContext(t), c, "block")
					failed <- err
				}()
				wantWithin(t, entered, "for the handler")
				stop()
				wantLink(t, "a call under way", wantWithin(t, failed, "for the caller"), rpc.Unknown, nil)
				wantWithin(t, ended, "for the handler's context")
				for range 2 {
					_, err := rpc.Invoke[int](testContext(t), c, "echo", 1)
					wantLink(t, "a call without a server", err, rpc.NotSent, nil)
				}
				stop = restart(t, url, &Server{Handler: handler})
				for range 3 {
					if got, err := rpc.Invoke[int](testContext(t), c, "echo", 1); err != nil || got != 1 {
						t.Errorf("after the restart: got %d, %v", got, err)
					}
				}
			}
		})
	}
}

// TestWaitForReady: calls wait for the server, under their contexts.
func TestWaitForReady(t *testing.T) {
	url := freeURL(t, "unix")
	machine := machineLateness(t)
	stop := restart(t, url, &Server{Handler: echo})
	c := testClient(t, url, DialConfig{WaitForReady: true})
	stop()
	waitLost(t, c)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := rpc.Invoke[int](ctx, c, "echo", 1)
	wantLink(t, "a call with too little time", err, rpc.NotSent, context.DeadlineExceeded)
	wantNotLate(t, "its deadline", time.Since(begin)-100*time.Millisecond, machine())
	results := make(chan error, 20)
	for range 20 {
		go func() {
			_, err := rpc.Invoke[int](testContext(t), c, "echo", 1)
			results <- err
		}()
	}
	time.Sleep(100 * time.Millisecond)
	restart(t, url, &Server{Handler: echo})
	for range 20 {
		if err := wantWithin(t, results, "for a call"); err != nil {
			t.Errorf("a call that waited: %v", err)
		}
	}
}

// TestRollingRestart: a server hands over to the next one under load, and no
// call of a client that waits fails.
func TestRollingRestart(t *testing.T) {
	url := freeURL(t, "unix")
	var ran, answered atomic.Int64
	handler := callerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
		ran.Add(1)
		return echo(ctx, req)
	})
	srv := &Server{Handler: handler}
	stop := restart(t, url, srv)
	var wg sync.WaitGroup
	over := make(chan struct{})
	for range 4 {
		c := testClient(t, url, DialConfig{WaitForReady: true})
		for i := range 8 {
			blob := bytes.Repeat([]byte{byte(i)}, 1000<<i)
			wg.Go(func() {
				for {
					select {
					case <-over:
						return
					default:
					}
					got, err := rpc.Invoke[[]byte](testContext(t), c, "echo", blob)
					if err != nil || !bytes.Equal(got, blob) {
						t.Errorf("a call with %d bytes: got %d, %v", len(blob), len(got), err)
						return
					}
					answered.Add(1)
				}
			})
		}
	}
	for range 4 {
		time.Sleep(50 * time.Millisecond)
		if err := srv.Shutdown(testContext(t)); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		stop()
		srv = &Server{Handler: handler}
		stop = restart(t, url, srv)
	}
	time.Sleep(50 * time.Millisecond)
	close(over)
	wg.Wait()
	if ran.Load() != answered.Load() {
		t.Errorf("%d calls ran, %d were answered: some ran twice or in vain", ran.Load(), answered.Load())
	}
}

// TestFailedLogin is told apart, and not tried again and again.
func TestFailedLogin(t *testing.T) {
	url := freeURL(t, "tcp")
	stop := restart(t, url, &Server{Handler: echo})
	ctx := testContext(t)
	_, err := Dial(ctx, url, DialConfig{Auth: oneKey("another key, as long as the other one"), Logger: quiet})
	wantLink(t, "a wrong key", err, rpc.NotSent, ErrKeyRefused)
	if !errors.Is(err, ErrAuth) {
		t.Errorf("a wrong key: got %v; want %v", err, ErrAuth)
	}
	c := testClient(t, url, DialConfig{WaitForReady: true})
	stop()
	waitLost(t, c)
	// The next server has another key. Its listener counts who comes.
	srv := &Server{Handler: echo, Auth: oneKey("another key, as long as the other one"), Logger: quiet}
	inner, err := srv.Listen(url)
	if err != nil {
		t.Fatal(err)
	}
	l := &countingListener{Listener: inner}
	var served sync.WaitGroup
	served.Go(func() { srv.Serve(l) })
	defer served.Wait()
	defer srv.Close()
	begin := time.Now()
	for range 10 {
		_, err := rpc.Invoke[int](ctx, c, "echo", 1)
		wantLink(t, "a call", err, rpc.NotSent, ErrAuth)
	}
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("10 calls took %v to fail", took)
	}
	if n := l.accepted.Load(); n > 2 {
		t.Errorf("the login was tried %d times", n)
	}
}

type countingListener struct {
	net.Listener
	accepted atomic.Int32
}

func (l *countingListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err == nil {
		l.accepted.Add(1)
	}
	return nc, err
}

// TestDialFails says why, and keeps its time.
func TestDialFails(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	machine := machineLateness(t)
	url := freeURL(t, "tcp")
	cfg := DialConfig{Auth: oneKey(testKey), Logger: quiet}
	_, err = Dial(testContext(t), url, cfg)
	wantLink(t, "nobody there", err, rpc.NotSent, nil)
	if errors.Is(err, ErrAuth) || !strings.Contains(err.Error(), "nothing listens there") || !strings.Contains(err.Error(), url) {
		t.Errorf("nobody there: got %v", err)
	}
	for _, tt := range []struct {
		name string
		ctx  time.Duration
		cfg  DialConfig
	}{
		{"time-out", time.Hour, DialConfig{Auth: oneKey(testKey), DialTimeout: 100 * time.Millisecond}},
		{"context", 100 * time.Millisecond, DialConfig{Auth: oneKey(testKey)}},
		{"without login", 100 * time.Millisecond, DialConfig{DangerouslyWithoutAuth: true}},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), tt.ctx)
		begin := time.Now()
		tt.cfg.Logger = quiet
		_, err := Dial(ctx, urlOf(silent.Addr()), tt.cfg)
		cancel()
		wantLink(t, tt.name, err, rpc.NotSent, context.DeadlineExceeded)
		wantNotLate(t, tt.name, time.Since(begin)-100*time.Millisecond, machine())
	}
	// A listener of objects.
	l := testListener(t, "tcp://127.0.0.1:0", ListenConfig{Auth: oneKey(testKey)})
	_, err = Dial(testContext(t), l.Addr(), cfg)
	wantLink(t, "a Listener", err, rpc.NotSent, ErrNoSession)
}

// TestClientIsClosed: at any moment, twice, and for good.
func TestClientIsClosed(t *testing.T) {
	url := freeURL(t, "unix")
	entered, ended := make(chan struct{}, 1), make(chan error, 1)
	stop := restart(t, url, &Server{Handler: methods{"block": block(entered, ended)}})
	c := testClient(t, url, DialConfig{})
	failed := make(chan error, 1)
	go func() {
		_, err := rpc.Invoke[any](testContext(t), c, "block")
		failed <- err
	}()
	wantWithin(t, entered, "for the handler")
	c.Close()
	wantLink(t, "a call under way", wantWithin(t, failed, "for the caller"), rpc.Unknown, ErrClosed)
	wantWithin(t, ended, "for the handler's context")
	_, err := rpc.Invoke[any](testContext(t), c, "block")
	wantLink(t, "a call afterwards", err, rpc.NotSent, ErrClosed)
	c.Close()

	// While it waits for the server.
	c = testClient(t, url, DialConfig{WaitForReady: true})
	stop()
	waitLost(t, c)
	go func() {
		_, err := rpc.Invoke[any](testContext(t), c, "block")
		failed <- err
	}()
	time.Sleep(50 * time.Millisecond)
	c.Close()
	wantLink(t, "a call that waits", wantWithin(t, failed, "for the caller"), rpc.NotSent, nil)
}

// TestDefaultTimeout: a call without a deadline has one, and so has one that
// waits for the server.
func TestDefaultTimeout(t *testing.T) {
	url := freeURL(t, "unix")
	release := make(chan struct{})
	stop := restart(t, url, &Server{Handler: callerFunc(func(context.Context, *rpc.Request) (any, error) {
		<-release // it does not heed its own deadline, and so answers too late
		return nil, nil
	})})
	machine := machineLateness(t)
	c := testClient(t, url, DialConfig{CallTimeout: 100 * time.Millisecond, WaitForReady: true})
	for _, sent := range []rpc.Sent{rpc.Unknown, rpc.NotSent} {
		begin := time.Now()
		_, err := rpc.Invoke[any](context.Background(), c, "call")
		wantLink(t, "a call", err, sent, context.DeadlineExceeded)
		took := time.Since(begin)
		wantNotLate(t, "a call", took-100*time.Millisecond, machine())
		if took < 90*time.Millisecond || !strings.Contains(err.Error(), "100ms") {
			t.Errorf("got %v after %v", err, took)
		}
		if sent == rpc.Unknown {
			close(release)
			stop()
			waitLost(t, c)
		}
	}
}

// TestInterceptorsOfAClient: the first is outermost, and each sees every call.
func TestInterceptorsOfAClient(t *testing.T) {
	srv := testServer(t, "tcp://127.0.0.1:0", &Server{Handler: echo})
	var seen []string
	note := func(name string) rpc.Interceptor {
		return func(next rpc.Handler) rpc.Handler {
			return func(ctx context.Context, req *rpc.Request) (any, error) {
				seen = append(seen, name+" "+req.Method)
				result, err := next(ctx, req)
				seen = append(seen, name+" done")
				return result, err
			}
		}
	}
	c := testClient(t, srv.Addr(), DialConfig{Interceptors: []rpc.Interceptor{note("a"), note("b")}})
	if _, err := rpc.Invoke[int](testContext(t), c, "echo", 1); err != nil {
		t.Fatal(err)
	}
	if want := []string{"a echo", "b echo", "b done", "a done"}; !slices.Equal(seen, want) {
		t.Errorf("got %q; want %q", seen, want)
	}
}

// TestBackoff: attempts are spread over a time that doubles, up to a bound.
func TestBackoff(t *testing.T) {
	var b backoff
	if d := b.wait(); d > 0 {
		t.Errorf("at first: %v", d)
	}
	for i := range 40 {
		most := min(firstRetry<<min(i, 20), lastRetry)
		var longest time.Duration
		for range 200 {
			c := b
			c.note(io.EOF)
			if d := c.wait(); d > most {
				t.Fatalf("after %d failures: %v; want at most %v", i+1, d, most)
			} else if d > longest {
				longest = d
			}
		}
		if longest < most/2 {
			t.Errorf("after %d failures: at most %v; want up to %v", i+1, longest, most)
		}
		b.note(io.EOF)
	}
	b.note(nil)
	if d := b.wait(); d > 0 {
		t.Errorf("after a success: %v", d)
	}
	b.note(fmt.Errorf("dial: %w", ErrKeyRefused))
	if b.refused() == nil {
		t.Error("a failed login is tried again at once")
	}
	b.until = time.Now()
	if b.refused() != nil || b.wait() > 0 {
		t.Error("a failed login is never tried again")
	}
}

// TestAllocations: what one call takes on the client's side. The server of this
// test takes nothing.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	a, b := testSockets(t, "unix")
	go func() {
		in := bufio.NewReader(a)
		a.Write([]byte(frame(frameHello, 0, 0, string(testHello.append(nil)))))
		answer := make([]byte, 0, 64)
		for {
			head, err := in.Peek(headerSize)
			if err != nil {
				return
			}
			n := int(binary.BigEndian.Uint32(head))
			b, err := in.Peek(headerSize + n)
			if err != nil {
				return
			}
			if frameType(b[headerSize]) == frameCall {
				id, _ := binary.Uvarint(b[headerSize+2:])
				answer = append(appendSessionHead(answer[:0], frameResult, 0, id, 1), 8)
				a.Write(answer)
			}
			in.Discard(headerSize + n)
		}
	}()
	defer a.Close()
	s := testSession(t, b, sessionConfig{dialer: true})
	<-s.ready
	c := &Client{cfg: DialConfig{CallTimeout: time.Minute}}
	c.call = c.invoke
	c.live.Store(s)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for name, ctx := range map[string]context.Context{"with a deadline": ctx, "by default": context.Background()} {
		into := 0
		args := rpc.Values{3, 5}
		req := &rpc.Request{Method: "add", Args: &args, Into: &into}
		call := testing.AllocsPerRun(500, func() {
			if _, err := c.Call(ctx, req); err != nil || into != 8 {
				t.Fatal(into, err)
			}
		})
		invoke := testing.AllocsPerRun(500, func() {
			if sum, err := rpc.Invoke[int](ctx, c, "add", 3, 5); err != nil || sum != 8 {
				t.Fatal(sum, err)
			}
		})
		add := rpc.Stub2[int, int, int](c, "add")
		stub := testing.AllocsPerRun(500, func() {
			if sum, err := add(ctx, 3, 5); err != nil || sum != 8 {
				t.Fatal(sum, err)
			}
		})
		var api struct {
			Add func(context.Context, int, int) (int, error)
		}
		if err := rpc.Bind(c, &api); err != nil {
			t.Fatal(err)
		}
		bound := testing.AllocsPerRun(500, func() {
			if sum, err := api.Add(ctx, 3, 5); err != nil || sum != 8 {
				t.Fatal(sum, err)
			}
		})
		t.Logf("%s: Call %v, Invoke %v, Stub2 %v, Bind %v", name, call, invoke, stub, bound)
		if call > 0 {
			t.Errorf("%s: Call takes %v allocations; want none", name, call)
		}
		if invoke > 3 || stub > 3 {
			t.Errorf("%s: Invoke takes %v allocations, Stub2 %v; want at most 3", name, invoke, stub)
		}
		if bound > 8 {
			t.Errorf("%s: a bound function takes %v allocations; want at most 8", name, bound)
		}
	}
}
