package python

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
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

// opaque is dumps for what has instances of classes in it.
func opaque(t testing.TB, v any) []byte {
	t.Helper()
	b, err := pickle.Append(nil, v, pickle.EncodeOptions{Protocol: 2, Objects: true})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// proxyAnswer is the answer that brings a proxy.
func proxyAnswer(t testing.TB, typeID, id string) []byte {
	return opaque(t, value.Tuple{"#PROXY", value.Tuple{value.Tuple{"f", "__next__"}, token{typeID, id}.object()}})
}

// object creates one at a fake.
func object(t testing.TB, m *Manager) *Proxy {
	t.Helper()
	p, err := m.Create(testContext(t), "T")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// wantLink checks that an error is a LinkError of that kind, and is the cause.
func wantLink(t testing.TB, err error, sent rpc.Sent, cause error) {
	t.Helper()
	var link *rpc.LinkError
	if !errors.As(err, &link) || link.Sent != sent || !errors.Is(err, cause) {
		t.Errorf("got %v; want a LinkError, %v, that is %v", err, sent, cause)
	}
}

// TestManagerCallThatIsGivenUp: its connection is used no more, and an object that
// its answer brings in the end is given back.
func TestManagerCallThatIsGivenUp(t *testing.T) {
	release := make(chan struct{})
	var late atomic.Bool
	s := fakeManager(t, func(method string, _ []any) []byte {
		switch {
		case method == "get" && late.CompareAndSwap(true, false):
			<-release
			return proxyAnswer(t, "T", "late")
		case method == "create" && late.CompareAndSwap(true, false):
			<-release
		case method == "f":
			return dumps(t, value.Tuple{"#RETURN", 8}, 2)
		}
		return nil
	})
	m := fakeDial(t, s, ManagerConfig{})
	p := object(t, m)
	for i, call := range []func(context.Context) error{
		func(ctx context.Context) error { _, err := rpc.Invoke[*Proxy](ctx, p, "get"); return err },
		func(ctx context.Context) error { _, err := m.Create(ctx, "T"); return err },
	} {
		late.Store(true)
		ctx, cancel := context.WithCancel(testContext(t))
		failed := make(chan error, 1)
		go func() { failed <- call(ctx) }()
		within(t, "the call", func() bool { return !late.Load() })
		cancel()
		wantLink(t, <-failed, rpc.Unknown, context.Canceled)
		if got, err := rpc.Invoke[int](testContext(t), p, "f"); got != 8 || err != nil {
			t.Errorf("the call behind it: got %d, %v; want 8", got, err)
		}
		release <- struct{}{}
		within(t, "the late object to be given back", func() bool { return s.times("decref") == i+1 })
	}
}

// TestManagerWaitsForSoManyLateAnswers: more than MaxConns answers are not waited
// for, and Close waits for none.
func TestManagerWaitsForSoManyLateAnswers(t *testing.T) {
	s := fakeManager(t, func(method string, _ []any) []byte {
		if method == "get" {
			return hang
		}
		return nil
	})
	m := fakeDial(t, s, ManagerConfig{MaxConns: 2})
	p := object(t, m)
	for range 5 {
		ctx, cancel := context.WithTimeout(testContext(t), 20*time.Millisecond)
		_, err := rpc.Invoke[any](ctx, p, "get")
		wantLink(t, err, rpc.Unknown, context.DeadlineExceeded)
		cancel()
	}
	within(t, "connections to be closed", func() bool { open, _, _ := s.connections(); return open <= 2 })
	m.mu.Lock()
	due := m.due
	m.mu.Unlock()
	if due != 2 {
		t.Errorf("answers that are waited for: got %d; want 2", due)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	within(t, "all connections to be closed", func() bool { open, _, _ := s.connections(); return open == 0 })
}

// TestManagerConnectionsAreBounded: calls beyond MaxConns wait, each under its
// context.
func TestManagerConnectionsAreBounded(t *testing.T) {
	var now, most atomic.Int32
	gate := make(chan struct{})
	s := fakeManager(t, func(method string, _ []any) []byte {
		if method != "f" {
			return nil
		}
		most.Store(max(most.Load(), now.Add(1)))
		<-gate
		now.Add(-1)
		return nil
	})
	m := fakeDial(t, s, ManagerConfig{MaxConns: 2})
	p := object(t, m)
	var calls sync.WaitGroup
	for range 6 {
		calls.Go(func() {
			if _, err := rpc.Invoke[any](testContext(t), p, "f"); err != nil {
				t.Error(err)
			}
		})
	}
	within(t, "two calls to run", func() bool { return now.Load() == 2 })
	ctx, cancel := context.WithTimeout(testContext(t), 20*time.Millisecond)
	defer cancel()
	_, err := rpc.Invoke[any](ctx, p, "get")
	wantLink(t, err, rpc.NotSent, context.DeadlineExceeded)
	if !strings.Contains(err.Error(), "all 2 connections were in use (ManagerConfig.MaxConns)") {
		t.Errorf("got %v; want one that names MaxConns", err)
	}
	close(gate)
	calls.Wait()
	if got := most.Load(); got != 2 {
		t.Errorf("calls at once: got %d; want 2", got)
	}
	if got := s.times("accept_connection"); got != 2 {
		t.Errorf("connections for calls: got %d; want 2", got)
	}
}

// TestManagerWhoseServerWasStartedAgain: idle connections that have gone are not
// called on.
func TestManagerWhoseServerWasStartedAgain(t *testing.T) {
	var calls atomic.Int32
	s := startFake(t, func(c net.Conn, _ int, message []byte) bool {
		v, _, _ := pickle.Decode(message, pickle.Options{})
		call, _ := v.(value.Tuple)
		switch {
		case len(call) == 4 && call[1] == "create":
			return say(c, dumps(t, value.Tuple{"#RETURN", value.Tuple{"7f", value.Tuple{}}}, 2))
		case len(call) == 4 && call[1] == "f":
			calls.Add(1)
			say(c, dumps(t, value.Tuple{"#RETURN", nil}, 2))
			return false
		}
		return say(c, dumps(t, value.Tuple{"#RETURN", nil}, 2))
	})
	m := fakeDial(t, s, ManagerConfig{})
	p := object(t, m)
	for range 3 {
		if _, err := rpc.Invoke[any](testContext(t), p, "f"); err != nil {
			t.Error(err)
		}
		within(t, "the end of the connection to arrive", func() bool {
			m.mu.Lock()
			defer m.mu.Unlock()
			return len(m.idle) == 1 && m.idle[0].Waiting()
		})
	}
}

// TestManagerCloseGivesAllBack: every object, once, and no connection is left.
func TestManagerCloseGivesAllBack(t *testing.T) {
	s := fakeManager(t, func(method string, _ []any) []byte {
		if method == "get" {
			return hang
		}
		return nil
	})
	m := fakeDial(t, s, ManagerConfig{})
	first, second, third := object(t, m), object(t, m), object(t, m)
	for range 2 {
		if err := first.Close(); err != nil {
			t.Error(err)
		}
	}
	if got := s.times("decref"); got != 1 {
		t.Errorf("a proxy that was closed twice: got %d references given back; want 1", got)
	}
	if _, err := rpc.Invoke[any](testContext(t), first, "f"); err == nil {
		t.Error("a call on a proxy that is closed: got no error; want one")
	} else {
		wantLink(t, err, rpc.NotSent, net.ErrClosed)
	}
	failed := make(chan error, 1)
	go func() {
		_, err := rpc.Invoke[any](context.Background(), second, "get")
		failed <- err
	}()
	within(t, "the call", func() bool { return s.times("get") == 1 })
	for range 2 {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	wantLink(t, <-failed, rpc.Unknown, net.ErrClosed)
	if got := s.times("decref"); got != 3 {
		t.Errorf("references given back: got %d; want 3", got)
	}
	if err := third.Close(); err != nil || s.times("decref") != 3 {
		t.Errorf("Close of a proxy behind that of the manager: got %v, %d given back; want none more", err, s.times("decref"))
	}
	_, err := m.Create(testContext(t), "T")
	wantLink(t, err, rpc.NotSent, net.ErrClosed)
	_, err = rpc.Invoke[any](testContext(t), third, "f")
	wantLink(t, err, rpc.NotSent, net.ErrClosed)
	within(t, "all connections to be closed", func() bool { open, _, _ := s.connections(); return open == 0 })
}

// TestManagerWithoutProxiesKeepsNoConnection, as in Python.
func TestManagerWithoutProxiesKeepsNoConnection(t *testing.T) {
	s := fakeManager(t, func(string, []any) []byte { return nil })
	m := fakeDial(t, s, ManagerConfig{})
	p := object(t, m)
	if _, err := rpc.Invoke[any](testContext(t), p, "f"); err != nil {
		t.Fatal(err)
	}
	if open, _, _ := s.connections(); open == 0 {
		t.Error("behind a call: got no connection; want the one of the call")
	}
	p.Close()
	within(t, "the connection to be closed", func() bool { open, _, _ := s.connections(); return open == 0 })

	// Nor that of a call which ends when its proxy has been closed.
	gate := make(chan struct{})
	s = fakeManager(t, func(method string, _ []any) []byte {
		if method == "f" {
			<-gate
		}
		return nil
	})
	p = object(t, fakeDial(t, s, ManagerConfig{}))
	failed := make(chan error, 1)
	go func() {
		_, err := rpc.Invoke[any](testContext(t), p, "f")
		failed <- err
	}()
	within(t, "the call", func() bool { return s.times("f") == 1 })
	p.Close()
	close(gate)
	if err := <-failed; err != nil {
		t.Error(err)
	}
	within(t, "its connection to be closed", func() bool { open, _, _ := s.connections(); return open == 0 })
}

// TestManagerGivesBackWhatNobodyWants: a server that answers everything with a
// proxy makes nothing pile up, neither here nor there.
func TestManagerGivesBackWhatNobodyWants(t *testing.T) {
	elsewhere := startFake(t, func(net.Conn, int, []byte) bool { return false })
	s := fakeManager(t, func(method string, _ []any) []byte {
		if method != "f" && method != "__next__" {
			return nil
		}
		o := token{"T", "9"}.object()
		o.State.(value.Tuple)[1] = value.Tuple{"127.0.0.1", strings.TrimPrefix(elsewhere.url, "tcp://127.0.0.1:")}
		return opaque(t, value.Tuple{"#PROXY", value.Tuple{value.Tuple{"f", "__next__"}, o}})
	})
	m := fakeDial(t, s, ManagerConfig{})
	p := object(t, m)
	ctx := testContext(t)
	for range 10 {
		if _, err := rpc.Invoke[int](ctx, p, "f"); !errors.Is(err, rpc.ErrResult) {
			t.Errorf("a proxy as an int: got %v; want an ErrResult", err)
		}
	}
	if _, err := rpc.Invoke[rpc.Void](ctx, p, "f"); err != nil {
		t.Errorf("a proxy as nothing: got %v; want no error", err)
	}
	for item, err := range rpc.Stream[any](ctx, p, "f") {
		if err == nil || !strings.Contains(err.Error(), "expected an item, got '#PROXY'") {
			t.Errorf("an iterator of iterators: got %v, %v; want an error", item, err)
		}
	}
	if got := s.times("decref"); got != 12 {
		t.Errorf("references given back: got %d; want 12", got)
	}
	m.mu.Lock()
	kept := len(m.proxies)
	m.mu.Unlock()
	if kept != 1 {
		t.Errorf("proxies that are kept: got %d; want 1", kept)
	}
	q, err := rpc.Invoke[*Proxy](ctx, p, "f")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rpc.Invoke[rpc.Void](ctx, q, "f"); err != nil {
		t.Error(err)
	}
	if _, _, dials := elsewhere.connections(); dials != 0 {
		t.Error("the address in a Token was called; want that of the manager alone")
	}
}

// TestManagerThread: a connection for itself, of no more use when a call is given
// up.
func TestManagerThread(t *testing.T) {
	s := fakeManager(t, func(method string, _ []any) []byte {
		if method == "get" {
			return hang
		}
		return nil
	})
	m := fakeDial(t, s, ManagerConfig{MaxConns: 2})
	p := object(t, m)
	th, err := m.Thread(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := rpc.Invoke[any](testContext(t), th.Caller(p), "f"); err != nil {
			t.Error(err)
		}
	}
	if got := s.times("accept_connection"); got != 1 {
		t.Errorf("connections: got %d; want 1", got)
	}
	ctx, cancel := context.WithTimeout(testContext(t), 20*time.Millisecond)
	defer cancel()
	_, err = rpc.Invoke[any](ctx, th.Caller(p), "get")
	wantLink(t, err, rpc.Unknown, context.DeadlineExceeded)
	_, err = rpc.Invoke[any](testContext(t), th.Caller(p), "f")
	wantLink(t, err, rpc.NotSent, net.ErrClosed)
	if err := th.Close(); err != nil {
		t.Error(err)
	}
	other := object(t, fakeDial(t, s, ManagerConfig{}))
	if _, err := rpc.Invoke[any](testContext(t), th.Caller(other), "f"); !errors.Is(err, errOtherManager) {
		t.Errorf("a proxy of another manager: got %v; want %v", err, errOtherManager)
	}
	for range 2 { // both places are free
		th, err := m.Thread(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { th.Close() })
	}
	m.Close()
	within(t, "the threads to be closed", func() bool { return len(m.slots) == 0 })
}

func TestManagerConfigIsChecked(t *testing.T) {
	s := fakeManager(t, func(string, []any) []byte { return nil })
	for _, cfg := range []ManagerConfig{
		{MaxConns: -1}, {DialTimeout: -1}, {CallTimeout: -1}, {MaxMessage: -1}, {Serializer: 2}, {Serializer: -1}, {Pickle: pickle.Options{MaxMemo: -1}},
	} {
		cfg.DangerouslyWithoutAuth = true
		if m, err := DialManager(testContext(t), s.url, cfg); err == nil {
			m.Close()
			t.Errorf("%+v: got no error; want one", cfg)
		}
	}
	if _, err := DialManager(testContext(t), s.url, ManagerConfig{}); err == nil {
		t.Error("no Auth: got no error; want one")
	}
}

func TestArgumentsThatCannotBeSent(t *testing.T) {
	s := fakeManager(t, func(string, []any) []byte { return nil })
	m := fakeDial(t, s, ManagerConfig{})
	p := object(t, m)
	for _, test := range []struct {
		args []any
		want string
	}{
		{[]any{Kwargs{"a": 1}, 2}, "argument 1: Kwargs must be the last argument"},
		{[]any{Kwargs{"a": 1}, Kwargs{"b": 1}}, "argument 1: Kwargs must be the last argument"},
		{[]any{p}, "argument 1: a Proxy cannot be sent"},
		{[]any{func() {}}, ""},
	} {
		_, err := rpc.Invoke[any](testContext(t), p, "f", test.args...)
		if link := new(rpc.LinkError); err == nil || errors.As(err, &link) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: got %v; want an error with %q that is no LinkError", test.args, err, test.want)
		}
	}
	if got := s.times("f"); got != 0 {
		t.Errorf("calls: got %d; want none", got)
	}
}

// TestThreadOfAManagerThatEnds: one that is reserved as the Manager is closed is
// closed as well, whichever comes first.
func TestThreadOfAManagerThatEnds(t *testing.T) {
	s := fakeManager(t, func(string, []any) []byte { return nil })
	for range 20 {
		m := fakeDial(t, s, ManagerConfig{})
		if _, err := object(t, m).Call(testContext(t), &rpc.Request{Method: "f"}); err != nil {
			t.Fatal(err)
		}
		m.cancel() // as Close does, a moment before it has the list of what is idle
		th, err := m.Thread(testContext(t))
		if err != nil {
			continue
		}
		within(t, "the end of the thread", func() bool {
			th.mu.Lock()
			defer th.mu.Unlock()
			return th.conn == nil
		})
	}
}
