// Package rpctest holds one suite of behaviour that every transport must pass,
// so that a function behaves the same whoever calls it, and over whichever wire.
//
// A transport's own test says how to connect and what its wire lacks:
//
//	func TestBehaviour(t *testing.T) {
//		rpctest.Run(t, rpctest.Transport{Connect: connect, BigInts: true})
//	}
//
// The suite registers functions of its own and looks at them through the
// [rpc.Caller] alone. A registry is a Caller too, and passes the suite itself.
package rpctest

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// Transport is what the suite has to know of a transport. The zero value of
// each of its switches stands for the poorest wire, and what a wire cannot carry
// the suite expects to be refused with an error, never bent.
type Transport struct {
	// Connect serves reg and returns a client of it. It registers with
	// t.Cleanup what ends the two.
	Connect func(t *testing.T, reg *rpc.Registry) rpc.Caller
	// Identity is the name of who the client is to the registry, by its login;
	// empty if it has none.
	Identity string
	// Patience bounds every wait for what must happen. Zero means 20 s.
	Patience time.Duration
	// SendsReaders: an io.Reader that is a result is sent as it is read, whatever its
	// size, so that the limits of the client alone end one that has no end.
	SendsReaders bool
	// BigInts: integers beyond 64 bits are carried.
	BigInts bool
	// NonFinite: the floats NaN and both infinities are carried.
	NonFinite bool
	// Controls: text may hold characters such as NUL.
	Controls bool
	// Nanoseconds: instants keep their nanoseconds; otherwise whole seconds.
	Nanoseconds bool
	// Kinds: tuples, sets, maps with other keys than text and the rarer types
	// of package value come back as what they were. A wire without them carries
	// tuples and sets as lists, and the suite does not ask for the others.
	Kinds bool
	// Pushes: the items of a stream arrive as they are produced; otherwise as a
	// list, at the end.
	Pushes bool
	// Local: calls do not leave the process. There is no wire then that text
	// which is not UTF-8 could fail on.
	Local bool
}

// Run runs the suite on a transport.
func Run(t *testing.T, tr Transport) {
	if tr.Patience == 0 {
		tr.Patience = 20 * time.Second
	}
	for _, part := range []struct {
		name string
		run  func(*testing.T, Transport)
	}{
		{"Values", testValues},
		{"Records", testRecords},
		{"Dynamic", testDynamic},
		{"Binary", testBinary},
		{"Refusals", testRefusals},
		{"Parameters", testParameters},
		{"Results", testResults},
		{"Faults", testFaults},
		{"NestedFaults", testNestedFaults},
		{"Panics", testPanics},
		{"HideErrors", testHideErrors},
		{"Deadlines", testDeadlines},
		{"Cancellation", testCancellation},
		{"Meta", testMeta},
		{"Concurrency", testConcurrency},
		{"Streams", testStreams},
		{"LeavingStreams", testLeavingStreams},
		{"Uploads", testUploads},
		{"UnendingUploads", testUnendingUploads},
		{"Readers", testReaders},
		{"Interceptors", testInterceptors},
		{"Authorizer", testAuthorizer},
		{"DeniedLooksUnknown", testDeniedLooksUnknown},
		{"DeniedIsLogged", testDeniedIsLogged},
		{"Introspection", testIntrospection},
		{"Multicall", testMulticall},
		{"UnwritableResults", testUnwritableResults},
		{"Multicaller", testMulticaller},
		{"Stubs", testStubs},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, tr) })
	}
}

// bounded returns a context for calls that must be answered.
func (tr Transport) bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), tr.Patience)
	t.Cleanup(cancel)
	return ctx
}

// newRegistry returns a registry that keeps its log to itself.
func newRegistry() (*rpc.Registry, *logText) {
	var log logText
	reg := rpc.NewRegistry()
	reg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return reg, &log
}

// logText is a log for a test to read.
type logText struct {
	mu  sync.Mutex // protects buf
	buf bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// functions are what a test registers, by wire name.
type functions map[string]any

// connect serves a fresh registry that holds fns.
func (tr Transport) connect(t *testing.T, fns functions) rpc.Caller {
	t.Helper()
	reg, _ := newRegistry()
	register(t, reg, fns)
	return tr.Connect(t, reg)
}

func register(t *testing.T, reg *rpc.Registry, fns functions) {
	t.Helper()
	for name, fn := range fns {
		if err := reg.Register(name, fn); err != nil {
			t.Fatalf("register %s: %v", name, err)
		}
	}
}

// wantFault checks that err is a fault with this code, whose text holds every
// part, and returns it.
func wantFault(t *testing.T, what string, err error, code int, parts ...string) *rpc.Fault {
	t.Helper()
	var f *rpc.Fault
	if !errors.As(err, &f) {
		t.Errorf("%s: got error %v; want fault %d", what, err, code)
		return &rpc.Fault{}
	}
	if f.Code != code {
		t.Errorf("%s: got %v; want fault %d", what, f, code)
	}
	for _, part := range parts {
		if !strings.Contains(f.Message, part) {
			t.Errorf("%s: got %v; want a text with %q", what, f, part)
		}
	}
	return f
}

// wantAlive checks that the client still works: a refused call must not cost
// the connection.
func (tr Transport) wantAlive(t *testing.T, c rpc.Caller) {
	t.Helper()
	if _, err := rpc.Invoke[[]string](tr.bounded(t), c, "system.listMethods"); err != nil {
		t.Errorf("the next call failed: %v", err)
	}
}

// wait fails the test unless ch is closed or sends in time.
func wait[T any](t *testing.T, tr Transport, ch <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(tr.Patience):
		t.Fatalf("waited %v in vain: %s", tr.Patience, what)
	}
	return v
}
