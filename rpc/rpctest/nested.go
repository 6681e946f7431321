package rpctest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"

	"github.com/parley-rpc/parley/rpc"
)

// testNestedFaults: what a function is answered to a call of its own is not what is
// said of the call to it, and both its interceptors and a caller see one code.
func testNestedFaults(t *testing.T, tr Transport) {
	inner := tr.connect(t, functions{
		"one":     func(n int) int { return n },
		"own":     func() error { return rpc.Errorf(404, "no such product") },
		"forbid":  func() error { return rpc.Errorf(rpc.CodeOverLimit, "enough for today") },
		"nothing": func() error { return errors.New("no stock") },
	})
	reg, _ := newRegistry()
	var mu sync.Mutex
	var seen []int
	reg.Use(func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, req *rpc.Request) (any, error) {
			if req.Method == "proxy" {
				return inner.Call(ctx, &rpc.Request{Method: "gone", Args: req.Args})
			}
			result, err := next(ctx, req)
			if err != nil {
				mu.Lock()
				seen = append(seen, rpc.FaultOf(err).Code)
				if req.Method == "sentinel" && !errors.Is(err, errMissing) {
					t.Errorf("an interceptor sees %v; want the error that the function has returned", err)
				}
				mu.Unlock()
			}
			return result, err
		}
	})
	reg.MapError(errMissing, 404)
	call := func(ctx context.Context, method string, args ...any) error {
		_, err := rpc.Invoke[any](ctx, inner, method, args...)
		return err
	}
	register(t, reg, functions{
		"gone":     func(ctx context.Context) error { return call(ctx, "gone") },
		"wrapped":  func(ctx context.Context) error { return fmt.Errorf("ask the stock: %w", call(ctx, "gone")) },
		"params":   func(ctx context.Context) error { return call(ctx, "one", "x") },
		"forbid":   func(ctx context.Context) error { return call(ctx, "forbid") },
		"own":      func(ctx context.Context) error { return call(ctx, "own") },
		"nothing":  func(ctx context.Context) error { return call(ctx, "nothing") },
		"made":     func() error { return rpc.Errorf(rpc.CodeOverLimit, "not more than three") },
		"sentinel": func() error { return fmt.Errorf("pid 9: %w", errMissing) },
		"stream": func(ctx context.Context) iter.Seq2[int, error] {
			return func(yield func(int, error) bool) {
				if yield(1, nil) {
					yield(0, call(ctx, "gone"))
				}
			}
		},
		"elements": func(ctx context.Context) error {
			return rpc.Multicall(ctx, inner, []rpc.Element{{Method: "gone"}})
		},
	})
	c := tr.Connect(t, reg)
	for _, tt := range []struct {
		method string
		code   int
		parts  []string
	}{
		{"gone", rpc.CodeApplication, []string{"the answer of gone: method not found"}},
		{"wrapped", rpc.CodeApplication, []string{"ask the stock: ", "method not found"}},
		{"params", rpc.CodeApplication, []string{"the answer of one: ", "expected int, got string"}},
		{"forbid", rpc.CodeApplication, []string{"the answer of forbid: enough for today"}},
		{"stream", rpc.CodeApplication, []string{"the answer of gone: method not found"}},
		{"elements", rpc.CodeApplication, []string{"method not found: gone"}},
		{"own", 404, []string{"no such product"}},
		{"nothing", rpc.CodeApplication, []string{"no stock"}},
		{"made", rpc.CodeOverLimit, []string{"not more than three"}},
		{"sentinel", 404, []string{"pid 9: no such thing"}},
	} {
		seen = nil
		_, err := drain(rpc.Stream[any](tr.bounded(t), c, tt.method))
		f := wantFault(t, tt.method, err, tt.code, tt.parts...)
		if tt.code == rpc.CodeApplication && errors.Is(err, &rpc.Fault{Code: rpc.CodeMethodNotFound}) {
			t.Errorf("%s: %v is that of a method that does not exist", tt.method, err)
		}
		mu.Lock()
		if len(seen) != 1 || seen[0] != tt.code {
			t.Errorf("%s: the interceptors see the codes %d; want the one that the caller gets, %d", tt.method, seen, f.Code)
		}
		mu.Unlock()
	}

	// Who passes a call on is not in between.
	_, err := rpc.Invoke[any](tr.bounded(t), c, "proxy")
	wantFault(t, "an interceptor that passes the call on", err, rpc.CodeMethodNotFound, "gone")

	reg, log := newRegistry()
	reg.HideErrors = true
	register(t, reg, functions{"gone": func(ctx context.Context) error { return call(ctx, "gone") }})
	_, err = rpc.Invoke[any](tr.bounded(t), tr.Connect(t, reg), "gone")
	if f := wantFault(t, "with HideErrors", err, rpc.CodeApplication, "gone failed (id "); f != nil && log.String() == "" {
		t.Error("with HideErrors: the log has nothing of it")
	}
}
