package native

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/parley-rpc/parley/rpc"
)

// elementsOf makes a multicall of n calls of a method and returns its elements:
// results by their length, faults by their code.
func elementsOf(t *testing.T, c rpc.Caller, method string, n int) []int {
	t.Helper()
	calls := make([]rpc.Element, n)
	for i := range calls {
		calls[i] = rpc.Element{Method: method}
	}
	_ = rpc.Multicall(testContext(t), c, calls) // each says so itself
	var all []int
	for _, e := range calls {
		switch result := e.Result.(type) {
		case []byte:
			all = append(all, len(result))
		case []any:
			all = append(all, len(result))
		default:
			all = append(all, rpc.FaultOf(e.Err).Code)
		}
	}
	return all
}

// TestMulticallOfLargeResults: what an answer has no room for costs those that are
// in it nothing, and is not called.
func TestMulticallOfLargeResults(t *testing.T) {
	var ran atomic.Int32
	reg := rpc.NewRegistry()
	reg.Logger = slog.New(slog.DiscardHandler)
	for name, fn := range map[string]any{
		"large": func() []byte { ran.Add(1); return make([]byte, 100<<10) },
		"ints":  func() []int64 { ran.Add(1); return make([]int64, 100_000) },
		"fail":  func() error { ran.Add(1); return rpc.Errorf(77, "%s", strings.Repeat("x", 2000)) },
	} {
		if err := reg.Register(name, fn); err != nil {
			t.Fatal(err)
		}
	}
	srv := testServer(t, testURL(t, "tcp"), &Server{Handler: reg, Logger: reg.Logger})
	const over = rpc.CodeOverLimit
	for _, test := range []struct {
		method string
		limits Limits
		want   []int
		ran    int32
	}{
		{"large", Limits{MaxMessage: 256 << 10}, []int{100 << 10, 100 << 10, over, over, over}, 3},
		{"fail", Limits{MaxMessage: 64 << 10}, slices.Concat(slices.Repeat([]int{77}, 27), slices.Repeat([]int{over}, 64-27)), 28},
		// A message has 262144 elements, whatever its size.
		{"ints", Limits{}, []int{100_000, 100_000, rpc.CodeInternal}, 3},
	} {
		ran.Store(0)
		c := testClient(t, srv.Addr(), DialConfig{Limits: test.limits})
		got := elementsOf(t, c, test.method, len(test.want))
		if fmt.Sprint(got) != fmt.Sprint(test.want) || ran.Load() != test.ran {
			t.Errorf("%s: got %v, %d calls ran; want %v, %d", test.method, got, ran.Load(), test.want, test.ran)
		}
	}
}
