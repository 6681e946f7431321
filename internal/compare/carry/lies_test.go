package carry

import (
	"context"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
)

// A server that does not do what it should is found out: each lie changes the outcome
// of a row, or makes it an error of the trial.
func TestTrialsSeeLies(t *testing.T) {
	tests := []struct {
		lie  string
		row  string
		lane string
		tell rpc.Interceptor
	}{
		{"sets come back as lists", "a set", nativeLane, onResult(func(v any) any {
			if set, ok := v.(value.Set); ok {
				return set.Items
			}
			return v
		})},
		{"floats lose their sign", "-0.0", xmlrpcLane, onResult(func(v any) any {
			if f, ok := v.(float64); ok {
				return f + 0
			}
			return v
		})},
		{"bytes come back as others", "2 MiB of bytes", nativeLane, onResult(func(v any) any {
			if b, ok := v.([]byte); ok && len(b) > 0 {
				b[len(b)-1] ^= 1
			}
			return v
		})},
		{"functions do not see that they are cancelled", "a call that is cancelled ends its function", nativeLane, onContext(context.WithoutCancel)},
		{"functions do not see the deadline", "the deadline of the caller reaches the function", xmlrpcLane, onContext(context.WithoutCancel)},
		{"functions do not see the metadata", "metadata beside the arguments", nativeLane, onContext(func(ctx context.Context) context.Context {
			return forgetful{ctx}
		})},
		{"functions do not see who calls", "with an authkey, that of Python's multiprocessing", nativeLane, onContext(func(ctx context.Context) context.Context {
			return rpc.WithPeer(ctx, &rpc.Peer{})
		})},
		{"functions cannot call back", "a function calls its caller", nativeLane, onContext(func(ctx context.Context) context.Context {
			return rpc.WithPeer(ctx, &rpc.Peer{})
		})},
		{"faults have another code", "a fault with its code", nativeLane, onError(func(err error) error {
			return rpc.Errorf(405, "%v", err)
		})},
		{"wrong arguments are another fault", "arguments that do not fit are told from other faults", xmlrpcLane, onError(func(err error) error {
			return rpc.Errorf(rpc.CodeApplication, "%v", err)
		})},
		{"streams come when all of it is there", "a result, item by item", nativeLane, collected},
		{"what is denied is told from what does not exist", "each caller may call what the policy says", nativeLane, func(next rpc.Handler) rpc.Handler {
			return func(ctx context.Context, req *rpc.Request) (any, error) {
				v, err := next(ctx, req)
				if err != nil && req.Method == "echo" {
					err = rpc.Errorf(rpc.CodeMethodNotFound, "denied")
				}
				return v, err
			}
		}},
	}
	for _, test := range tests {
		t.Run(test.lie, func(t *testing.T) {
			honest, err := tryRow(t, test.row, test.lane, nil)
			if err != nil || honest.Verdict != Yes {
				t.Fatalf("without the lie: got %+v, %v; want yes", honest, err)
			}
			got, err := tryRow(t, test.row, test.lane, test.tell)
			if err == nil && got.Verdict == Yes {
				t.Errorf("got %+v; want another verdict, or an error", got)
			}
			t.Log(got, err)
		})
	}
}

// A server that has no time for a call says nothing about its transport: the trial is
// made again when the others are done, and if that does not help, it has gone wrong.
func TestServerHasNoTime(t *testing.T) {
	noTime := func(times int) func(*rpc.Registry) {
		return func(reg *rpc.Registry) {
			var left atomic.Int32
			left.Store(int32(times))
			reg.Use(func(next rpc.Handler) rpc.Handler {
				return func(ctx context.Context, req *rpc.Request) (any, error) {
					if req.Method == "echo" && left.Add(-1) >= 0 {
						return nil, context.DeadlineExceeded
					}
					return next(ctx, req)
				}
			})
		}
	}
	row := trial{"calls", "an echo", func(ctx context.Context, _ *world, l *lane) (compare.Outcome, error) {
		back, err := rpc.Invoke[int](ctx, l.call, "echo", 8)
		return echoed(ctx, l, back == 8, err)
	}}
	for _, lane := range goLanes() {
		for times, want := range map[int]string{1: Yes, 2: ""} {
			w, err := newWorld(t.TempDir(), noTime(times))
			if err != nil {
				t.Fatal(err)
			}
			defer w.close()
			r := run{table: []compare.Ability{{Name: row.name, Lanes: map[string]compare.Outcome{}}}}
			r.all(t.Context(), w, []trial{row}, options{lanes: []string{lane}})
			if got := r.table[0].Lanes[lane].Verdict; got != want || (len(r.failed) == 0) != (want != "") {
				t.Errorf("%s, no time for %d calls: got %q, %v; want %q, or an error", lane, times, got, r.failed, want)
			}
		}
	}
}

func tryRow(t *testing.T, row, lane string, tell rpc.Interceptor) (compare.Outcome, error) {
	t.Helper()
	dir, err := os.MkdirTemp("", "carry") //nolint:usetesting // that of t is too long for the path of a socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	w, err := newWorld(dir, func(reg *rpc.Registry) {
		if tell != nil {
			reg.Use(tell)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	for _, trial := range trials() {
		if trial.name == row {
			return tryOne(t.Context(), w, trial, lane)
		}
	}
	t.Fatalf("there is no row %q", row)
	return compare.Outcome{}, nil
}

// forgetful is a context that nothing came with.
type forgetful struct{ context.Context }

func (forgetful) Value(any) any { return nil }

func onResult(change func(any) any) rpc.Interceptor {
	return func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, req *rpc.Request) (any, error) {
			v, err := next(ctx, req)
			return change(v), err
		}
	}
}

func onContext(change func(context.Context) context.Context) rpc.Interceptor {
	return func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, req *rpc.Request) (any, error) {
			if strings.HasPrefix(req.Method, "system.") {
				return next(ctx, req)
			}
			return next(change(ctx), req)
		}
	}
}

func onError(change func(error) error) rpc.Interceptor {
	return func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, req *rpc.Request) (any, error) {
			v, err := next(ctx, req)
			if err != nil {
				err = change(err)
			}
			return v, err
		}
	}
}

// collected holds the items of a stream back until there is no other one.
func collected(next rpc.Handler) rpc.Handler {
	return func(ctx context.Context, req *rpc.Request) (any, error) {
		if yield := req.Yield; yield != nil {
			var items []any
			req.Yield = func(item any) error {
				items = append(items, item)
				return nil
			}
			v, err := next(ctx, req)
			for _, item := range items {
				if e := yield(item); e != nil {
					return v, e
				}
			}
			return v, err
		}
		return next(ctx, req)
	}
}
