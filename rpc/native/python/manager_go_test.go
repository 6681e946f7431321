package python

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
)

// A Manager of this package is a client like those of Python.
func TestManagerServesAManagerInGo(t *testing.T) {
	h, err := NewHandler(managerRegistry(t), Config{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	_, url := serve(t, "tcp://127.0.0.1:0", key(t, false), h)
	for _, serializer := range []Serializer{Pickle, XML} {
		ctx := testContext(t)
		m, err := DialManager(ctx, url, ManagerConfig{Auth: key(t, false), Serializer: serializer})
		if err != nil {
			t.Fatal(err)
		}
		functions, err := m.Create(ctx, "rpc")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := rpc.Invoke[int](ctx, functions, "add", 3, 5); got != 8 || err != nil {
			t.Errorf("serializer %v: add(3, 5): got %d, %v; want 8", serializer, got, err)
		}
		var f *rpc.Fault
		if _, err := rpc.Invoke[int](ctx, functions, "add", 3, "x"); !errors.As(err, &f) {
			t.Errorf("serializer %v: add(3, \"x\"): got %v; want a fault", serializer, err)
		}
		catalog, err := m.Create(ctx, "catalog")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := rpc.Invoke[string](ctx, catalog, "find", "saw"); got != "a saw" || err != nil {
			t.Errorf("serializer %v: find: got %q, %v; want a saw", serializer, got, err)
		}
		if _, err := m.Create(ctx, "nosuch"); err == nil {
			t.Errorf("serializer %v: create nosuch: got no error", serializer)
		}
		if n, err := m.NumberOfObjects(ctx); n != 4 || err != nil {
			t.Errorf("serializer %v: got %d objects, %v; want 4", serializer, n, err)
		}
		if err := m.Close(); err != nil {
			t.Errorf("serializer %v: close: %v", serializer, err)
		}
	}
}

// Nobody waits for the call of a manager that has gone.
func TestManagerThatGoesCancelsItsCall(t *testing.T) {
	for name, pack := range map[string]func(testing.TB, tuple) []byte{
		"pickle": func(t testing.TB, call tuple) []byte { return dumps(t, call, 4) },
		"XML":    func(t testing.TB, call tuple) []byte { return []byte(xmlOf(t, call)) },
	} {
		t.Run(name, func(t *testing.T) {
			reg := testRegistry(t)
			b := newBlocker(t, reg)
			_, c := start(t, reg, Config{})
			for _, call := range []tuple{toServer("accept_connection", "MainProcess"), toObject("rpc", "block")} {
				if err := c.SendBytes(testContext(t), pack(t, call)); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := c.RecvBytes(testContext(t)); err != nil {
				t.Fatal(err)
			}
			<-b.entered
			c.Close()
			if err := <-b.ended; !errors.Is(err, context.Canceled) {
				t.Errorf("the call: got %v; want it cancelled", err)
			}
		})
	}
}

// The time of a call is bounded, whatever asks for it.
func TestManagerCallHasADeadline(t *testing.T) {
	reg := testRegistry(t)
	newBlocker(t, reg)
	_, c := start(t, reg, Config{CallTimeout: 20 * time.Millisecond})
	answer := exchange(t, c, toObject("rpc", "block"))
	if pair, ok := answer.(tuple); !ok || len(pair) != 2 || pair[0] != "#RETURN" || pair[1] != "done" {
		t.Errorf("got %v; want the function to end with its context", answer)
	}
}

// A manager that was refused memory finds out why.
func TestManagerBeyondTheBudget(t *testing.T) {
	reg := testRegistry(t)
	begun, proceed := make(chan struct{}), make(chan struct{})
	if err := reg.Register("dwell", func([]byte) { close(begun); <-proceed }); err != nil {
		t.Fatal(err)
	}
	h, err := NewHandler(reg, Config{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	s := &native.Server{Objects: h, Auth: key(t, false), Logger: quiet, MaxMemory: 1 << 20, Limits: native.Limits{MaxMessage: 1 << 20}}
	url := serveServer(t, s)
	c := dial(t, url)
	dicts := make([]any, 20_000)
	for i := range dicts {
		dicts[i] = dict{}
	}
	pair, ok := exchange(t, c, toObject("rpc", "identity", dicts)).(tuple)
	if !ok || len(pair) != 2 || pair[0] != "#ERROR" {
		t.Fatalf("got %.200v; want #ERROR and an exception", fmt.Sprint(pair))
	}
	wantOverLimit(t, pair[1])
	if got := exchange(t, c, toObject("rpc", "add", 3, 5)); got.(tuple)[1] != int64(8) {
		t.Errorf("a small call: got %v; want 8", got)
	}
	// The memory has been given back by now. Of a message that there is no room for as
	// it arrives the first bytes are known, which tell what a manager's client reads.
	other := dial(t, url)
	if err := other.Send(testContext(t), toObject("rpc", "dwell", make([]byte, 300<<10))); err != nil {
		t.Fatal(err)
	}
	select {
	case <-begun:
	case <-testContext(t).Done():
		t.Fatal("the call that takes memory has not begun")
	}
	if err := c.SendBytes(testContext(t), dumps(t, toObject("rpc", "identity", make([]byte, 1000<<10)), 4)); err != nil {
		t.Fatal(err)
	}
	if data, err := c.RecvBytes(testContext(t)); err != nil || !strings.HasPrefix(string(data), "\x80\x04\x8c\x06#ERROR") || !strings.Contains(string(data), "-32003") {
		t.Errorf("a message that there is no room for: got %.200q, %v; want an #ERROR with fault -32003 in protocol 4", data, err)
	}
	close(proceed)
}
