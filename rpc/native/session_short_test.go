package native

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// shortOnes is a handler whose functions are short, except those whose names
// begin with "long.".
type shortOnes struct{ methods }

func (shortOnes) Short(method string) bool { return !strings.HasPrefix(method, "long.") }

func onReaderNow(ctx context.Context, _ *rpc.Request) (any, error) { return onReader(ctx), nil }

// TestShortFunctionsRunOnTheReader: and no others do.
func TestShortFunctionsRunOnTheReader(t *testing.T) {
	for _, kind := range connections {
		t.Run(kind, func(t *testing.T) {
			server, client := testPair(t, kind, sessionConfig{handler: shortOnes{methods{"a": onReaderNow, "long.a": onReaderNow}}}, sessionConfig{})
			var wg sync.WaitGroup
			for range 20 {
				for method, want := range map[string]bool{"a": true, "long.a": false} {
					wg.Go(func() {
						for range 50 {
							if got, err := rpc.Invoke[bool](testContext(t), client, method); err != nil || got != want {
								t.Errorf("%s on the reader: got %v, %v; want %v", method, got, err, want)
							}
						}
					})
				}
			}
			wg.Wait()
			wantSettled(t, server)
		})
	}
}

// TestRegistryTellsWhatIsShort: a session asks its registry.
func TestRegistryTellsWhatIsShort(t *testing.T) {
	reg := rpc.NewRegistry()
	for name, opts := range map[string][]rpc.Option{"short": {rpc.Short()}, "plain": nil} {
		if err := reg.Register(name, func(ctx context.Context) bool { return onReader(ctx) }, opts...); err != nil {
			t.Fatal(err)
		}
	}
	_, client := testPair(t, "unix", sessionConfig{handler: reg}, sessionConfig{})
	for name, want := range map[string]bool{"short": true, "plain": false} {
		if got, err := rpc.Invoke[bool](testContext(t), client, name); err != nil || got != want {
			t.Errorf("%s on the reader: got %v, %v; want %v", name, got, err, want)
		}
	}
}

// TestAnswersOfShortFunctionsLeaveTogether: those of calls that came in one read
// are written at once.
func TestAnswersOfShortFunctionsLeaveTogether(t *testing.T) {
	a, b := testSockets(t, "unix")
	defer b.Close()
	b.SetDeadline(time.Now().Add(10 * time.Second))
	s := testSession(t, a, sessionConfig{handler: shortOnes{methods{"one": func(context.Context, *rpc.Request) (any, error) { return 1, nil }}}})
	io.WriteString(b, frame(frameHello, 0, 0, string(testHello.append(nil))))
	wantWithin(t, s.ready, "for HELLO")
	written := func() uint64 {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.st.batch
	}
	before := written()
	const n = 60 // of them go into a batch
	calls, answers := "", ""
	for id := uint64(1); id < 2*n; id += 2 {
		calls += frame(frameCall, 0, id, callBody("one"))
		answers += frame(frameResult, 0, id, "\x01")
	}
	if _, err := readFrame(b, nil, 1<<10); err != nil { // HELLO
		t.Fatal(err)
	}
	io.WriteString(b, calls)
	got := make([]byte, len(answers))
	if _, err := io.ReadFull(b, got); err != nil || string(got) != answers {
		t.Errorf("got %q, %v; want %q", got, err, answers)
	}
	if n := written() - before; n != 1 {
		t.Errorf("the answers left in %d writes; want one", n)
	}
}

// TestCallsFromShortFunctionsAreRefused: they would wait for the goroutine that
// they keep from reading.
func TestCallsFromShortFunctionsAreRefused(t *testing.T) {
	elsewhere := testClient(t, testServer(t, testURL(t, "unix"), &Server{Handler: echo}).Addr(), DialConfig{})
	type key struct{}
	later := make(chan error, 1)
	derive := map[string]func(ctx context.Context) (context.Context, context.CancelFunc){
		"as it is": func(ctx context.Context) (context.Context, context.CancelFunc) { return ctx, func() {} },
		"with a value": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithValue(ctx, key{}, 1), func() {}
		},
		"with a cancel": context.WithCancel,
		"without one": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		},
	}
	call := func(ctx context.Context, to rpc.Caller, how string) error {
		ctx, cancel := derive[how](ctx)
		defer cancel()
		_, err := rpc.Invoke[int](ctx, to, "echo", 1)
		return err
	}
	h := shortOnes{methods{
		"back": func(ctx context.Context, req *rpc.Request) (any, error) {
			return nil, call(ctx, req.Peer, methodArg(req))
		},
		"elsewhere": func(ctx context.Context, req *rpc.Request) (any, error) {
			return nil, call(ctx, elsewhere, methodArg(req))
		},
		"long.back": func(ctx context.Context, req *rpc.Request) (any, error) {
			return nil, call(ctx, req.Peer, methodArg(req))
		},
		"later": func(ctx context.Context, req *rpc.Request) (any, error) {
			peer := req.Peer
			go func() {
				for onReader(ctx) {
					time.Sleep(time.Millisecond)
				}
				later <- call(ctx, peer, "without one")
			}()
			return nil, nil
		},
	}}
	var mu sync.Mutex
	var refused []error
	note := func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, req *rpc.Request) (any, error) {
			result, err := next(ctx, req)
			mu.Lock()
			refused = append(refused, err)
			mu.Unlock()
			return result, err
		}
	}
	_, client := testPair(t, "tcp", sessionConfig{handler: h.with(note)}, sessionConfig{handler: echo})
	for how := range derive {
		for _, method := range []string{"back", "elsewhere"} {
			refused = nil
			begin := time.Now()
			_, err := rpc.Invoke[any](testContext(t), client, method, how)
			if took := time.Since(begin); err == nil || took > 5*time.Second {
				t.Errorf("%s, context %s: got %v after %v; want a fault at once", method, how, err, took)
			}
			var link *rpc.LinkError
			if len(refused) != 1 || !errors.Is(refused[0], ErrInline) || !errors.As(refused[0], &link) || link.Sent != rpc.NotSent {
				t.Errorf("%s, context %s: the function got %v; want %v", method, how, refused, ErrInline)
			}
		}
		if _, err := rpc.Invoke[any](testContext(t), client, "long.back", how); err != nil {
			t.Errorf("a function that is not short, context %s: %v", how, err)
		}
	}
	if _, err := rpc.Invoke[any](testContext(t), client, "later"); err != nil {
		t.Fatal(err)
	}
	if err := wantWithin(t, later, "for a call after the function has returned"); err != nil {
		t.Errorf("a call after the function has returned: %v", err)
	}
}

// with returns the functions behind an interceptor.
func (h shortOnes) with(i rpc.Interceptor) shortOnes {
	wrapped := methods{}
	for name, f := range h.methods {
		wrapped[name] = i(f)
	}
	return shortOnes{wrapped}
}

func methodArg(req *rpc.Request) (text string) {
	_ = req.Args.Decode([]any{&text}, nil)
	return text
}

// TestPeerStopsReadingShortAnswers: the reader goes on, whatever its answers
// wait for, and none is lost.
func TestPeerStopsReadingShortAnswers(t *testing.T) {
	for _, kind := range connections {
		t.Run(kind, func(t *testing.T) {
			var a, b net.Conn
			if kind == "pipe" {
				a, b = net.Pipe()
			} else {
				a, b = testSockets(t, kind)
			}
			defer b.Close()
			b.SetDeadline(time.Now().Add(20 * time.Second))
			const n = 300
			blob := bytes.Repeat([]byte{7}, 50_000)
			s := testSession(t, a, sessionConfig{handler: shortOnes{methods{"blob": func(context.Context, *rpc.Request) (any, error) { return blob, nil }}}})
			var calls bytes.Buffer
			calls.WriteString(frame(frameHello, 0, 0, string(testHello.append(nil))))
			for id := uint64(1); id < 2*n; id += 2 {
				calls.WriteString(frame(frameCall, 0, id, callBody("blob")))
			}
			b.Write(calls.Bytes()) // and no read until all were read there
			for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
				s.mu.Lock()
				seen, queued := s.st.lastSeen, s.st.queued()
				s.mu.Unlock()
				if queued > maxQueuedControl {
					t.Fatalf("%d bytes are queued; want at most %d", queued, maxQueuedControl)
				}
				if seen == 2*n-1 {
					break
				}
				if time.Now().After(end) {
					t.Fatalf("the reader has stopped at call %d", seen)
				}
			}
			answered := map[uint64]bool{}
			for len(answered) < n+1 {
				got, err := readFrame(b, nil, 1<<20)
				if err != nil {
					t.Fatalf("after %d answers: %v", len(answered), err)
				}
				h, _, err := parseFrameHead(got, len(got))
				if err != nil || h.kind == frameResult && answered[h.id] {
					t.Fatalf("got %s %d, %v", h.kind, h.id, err)
				}
				if h.kind != framePing { // of a machine that has taken its time
					answered[h.id] = true // 0 is HELLO
				}
			}
			wantSettled(t, s)
		})
	}
}

// TestFailuresOfShortFunctions: a panic, and a result that goes in parts.
func TestFailuresOfShortFunctions(t *testing.T) {
	var log logBuffer
	server, client := testPair(t, "tcp", sessionConfig{logger: log.logger(), handler: shortOnes{methods{
		"panic": func(context.Context, *rpc.Request) (any, error) { panic("secret of the service") },
		"blob":  func(context.Context, *rpc.Request) (any, error) { return make([]byte, 300_000), nil },
		"error": func(context.Context, *rpc.Request) (any, error) { return nil, errors.New("plain") },
	}}}, sessionConfig{})
	for range 3 {
		wantCode := func(method string, code int) {
			t.Helper()
			_, err := rpc.Invoke[any](testContext(t), client, method)
			if !errors.Is(err, &rpc.Fault{Code: code}) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: got %v; want fault %d", method, err, code)
			}
		}
		wantCode("panic", rpc.CodeInternal)
		wantCode("error", rpc.CodeApplication)
		wantCode("none", rpc.CodeMethodNotFound)
		if got, err := rpc.Invoke[[]byte](testContext(t), client, "blob"); err != nil || len(got) != 300_000 {
			t.Errorf("blob: got %d bytes, %v", len(got), err)
		}
	}
	log.wait(t, "secret of the service")
	wantSettled(t, server)
}

// TestShortFunctionThatEndsItsGoroutine ends the session, and leaves nothing.
func TestShortFunctionThatEndsItsGoroutine(t *testing.T) {
	srv := testServer(t, "tcp://127.0.0.1:0", &Server{Handler: shortOnes{methods{
		"exit": func(context.Context, *rpc.Request) (any, error) { runtime.Goexit(); return nil, nil },
		"one":  func(context.Context, *rpc.Request) (any, error) { return 1, nil },
	}}})
	client := testClient(t, srv.Addr(), DialConfig{})
	_, err := rpc.Invoke[any](testContext(t), client, "exit")
	wantLink(t, "the call", err, rpc.Unknown, nil)
	if _, err := rpc.Invoke[int](testContext(t), client, "one"); err != nil {
		t.Errorf("on a new connection: %v", err)
	}
}
