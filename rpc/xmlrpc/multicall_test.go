package xmlrpc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// element is one call in a multicall.
func element(method string, params ...any) map[string]any {
	return map[string]any{"methodName": method, "params": append([]any{}, params...)}
}

// multicall makes one and returns its results, of which each fault is its code.
func multicall(t testing.TB, c rpc.Caller, calls ...any) []any {
	t.Helper()
	results, err := rpc.Invoke[[]any](bounded(t), c, "system.multicall", calls)
	if err != nil {
		t.Fatalf("system.multicall: %v", err)
	}
	for i, r := range results {
		if fault, ok := r.(map[string]any); ok {
			results[i] = fault["faultCode"]
		}
	}
	return results
}

func wantResults(t testing.TB, got []any, want ...any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("system.multicall (-want +got):\n%s", diff)
	}
}

func code(n int) any { return int64(n) }

// TestMulticallElements: what an element is not costs the others nothing.
func TestMulticallElements(t *testing.T) {
	reg := registry(t, map[string]any{
		"add":   func(a, b int) int { return a + b },
		"fail":  func() error { return rpc.Errorf(42, "no") },
		"panic": func() { panic("canary") },
		"void":  func() {},
		"items": func() iter.Seq2[int, error] {
			return func(yield func(int, error) bool) { _ = yield(1, nil) && yield(2, nil) }
		},
		"blob": func() io.Reader { return strings.NewReader("ab") },
		"read": func(r io.Reader) (int, error) { b, err := io.ReadAll(r); return len(b), err },
	})
	c := newClient(t, "http://"+serve(t, &xmlrpc.Server{Handler: reg}), xmlrpc.ClientConfig{})
	for _, test := range []struct {
		name string
		call any
		want any
	}{
		{"call", element("add", 3, 5), []any{int64(8)}},
		{"no params", map[string]any{"methodName": "void"}, []any{true}},
		{"another member", map[string]any{"methodName": "add", "params": []any{1, 2}, "id": 7}, []any{int64(3)}},
		{"stream", element("items"), []any{[]any{int64(1), int64(2)}}},
		{"reader", element("blob"), []any{[]byte("ab")}},
		{"upload", element("read", []byte("abc")), []any{int64(3)}},
		{"fault", element("fail"), code(42)},
		{"panic", element("panic"), code(rpc.CodeInternal)},
		{"unknown", element("no.such"), code(rpc.CodeMethodNotFound)},
		{"wrong arguments", element("add", "x"), code(rpc.CodeInvalidParams)},
		{"no struct", 7, code(rpc.CodeInvalidRequest)},
		{"list", []any{"add", []any{1, 2}}, code(rpc.CodeInvalidRequest)},
		{"nil", nil, code(rpc.CodeInvalidRequest)},
		{"no name", map[string]any{"params": []any{}}, code(rpc.CodeInvalidRequest)},
		{"name that is no text", map[string]any{"methodName": 5, "params": []any{}}, code(rpc.CodeInvalidRequest)},
		{"params that are no list", map[string]any{"methodName": "add", "params": "x"}, code(rpc.CodeInvalidRequest)},
		{"params that are a struct", map[string]any{"methodName": "add", "params": map[string]any{"a": 1}}, code(rpc.CodeInvalidRequest)},
		{"nested", element("system.multicall", []any{element("add", 1, 2)}), code(rpc.CodeInvalidRequest)},
	} {
		t.Run(test.name, func(t *testing.T) {
			wantResults(t, multicall(t, c, element("add", 1, 1), test.call, element("add", 2, 2)), []any{int64(2)}, test.want, []any{int64(4)})
		})
	}
	if got := multicall(t, c); len(got) != 0 {
		t.Errorf("multicall of nothing: got %v", got)
	}
	for n, want := range map[int]error{64: nil, 65: &rpc.Fault{Code: rpc.CodeOverLimit}} {
		results, err := rpc.Invoke[[]any](bounded(t), c, "system.multicall", slices.Repeat([]any{element("add", 1, 1)}, n))
		if !errors.Is(err, want) || err == nil && len(results) != n {
			t.Errorf("multicall of %d: got %d results, %v; want %v", n, len(results), err, want)
		}
	}
}

// TestMulticallUnwritableResult: a result that XML-RPC cannot carry is the fault of
// its own element.
func TestMulticallUnwritableResult(t *testing.T) {
	var log logText
	reg := registry(t, map[string]any{
		"one":   func() int { return 1 },
		"nan":   func() []float64 { return []float64{1, 2, math.NaN()} },
		"bell":  func() string { return "\a" },
		"text":  func() failingText { return failingText{} },
		"panic": func() []any { return []any{"before", panickingText{}} },
	})
	c := newClient(t, "http://"+serve(t, &xmlrpc.Server{Handler: reg, Logger: slog.New(slog.NewTextHandler(&log, nil))}), xmlrpc.ClientConfig{})
	got := multicall(t, c, element("one"), element("nan"), element("bell"), element("one"), element("text"), element("panic"), element("one"))
	calls := []any{element("nan"), element("text")}
	if results, err := rpc.Invoke[[]map[string]any](bounded(t), c, "system.multicall", calls); err != nil || len(results) != 2 {
		t.Errorf("got %v, %v; want two faults", results, err)
	} else if first, second := fmt.Sprint(results[0]["faultString"]), fmt.Sprint(results[1]["faultString"]); !strings.HasSuffix(first, "): result[2]: XML-RPC has no nan") || !strings.HasSuffix(second, ")") {
		t.Errorf("got %q and %q; want the reason and none", first, second)
	}
	internal := code(rpc.CodeInternal)
	wantResults(t, got, []any{int64(1)}, internal, internal, []any{int64(1)}, internal, internal, []any{int64(1)})
	if text := log.String(); strings.Count(text, "canary") != 3 || !strings.Contains(text, "method=system.multicall[1]") || !strings.Contains(text, "method=system.multicall[5]") {
		t.Errorf("the causes are not in the log:\n%s", text)
	}
}

// TestMulticallDeadline: what was answered in time arrives, and the rest is
// answered with the deadline, whether the call that runs then ends or not.
func TestMulticallDeadline(t *testing.T) {
	release := make(chan struct{})
	var after atomic.Int32
	reg := registry(t, map[string]any{
		"one":   func() int { return 1 },
		"obey":  func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"stay":  func() string { <-release; return "too late" },
		"after": func() { after.Add(1) },
	})
	addr := serve(t, &xmlrpc.Server{Handler: reg})
	call := func(method string) string {
		return "<value><struct><member><name>methodName</name><value>" + method + "</value></member></struct></value>"
	}
	for _, slow := range []string{"obey", "stay"} {
		got := post(t, addr, "<methodCall><methodName>system.multicall</methodName><params><param><value><array><data>"+
			call("one")+call(slow)+call("after")+"</data></array></value></param></params></methodCall>", "Parley-Timeout-Ms: 50")
		if n := strings.Count(got.body, fmt.Sprintf("<int>%d</int>", rpc.CodeDeadlineExceeded)); got.status != http.StatusOK || n != 2 || !strings.Contains(got.body, "<data><value><int>1</int></value></data>") {
			t.Errorf("%s: got status %d, %s; want one result and two faults", slow, got.status, got.body)
		}
		if slow == "stay" && !got.closed {
			t.Errorf("%s: the connection is kept, though its function still runs", slow)
		}
	}
	close(release)
	wantAlive(t, addr)
	if n := after.Load(); n != 0 {
		t.Errorf("%d calls ran after the deadline", n)
	}
}

// TestMulticallOfLargeResults: a small request does not get 64 large results out
// of a server. What there was no room for has not run.
func TestMulticallOfLargeResults(t *testing.T) {
	const size = 4 << 20
	var ran atomic.Int32
	large := make([]byte, size)
	reg := registry(t, map[string]any{
		"large":  func() []byte { ran.Add(1); return large },
		"reader": func() io.Reader { ran.Add(1); return bytes.NewReader(large) },
	})
	c := newClient(t, "http://"+serve(t, &xmlrpc.Server{Handler: reg}), xmlrpc.ClientConfig{MaxAnswer: 64 << 20})
	for _, method := range []string{"large", "reader"} {
		ran.Store(0)
		var got []any
		taken := allocated(func() { got = multicall(t, c, slices.Repeat([]any{element(method)}, 64)...) })
		// The third one goes beyond 16 MiB of base64.
		if n := ran.Load(); n != 3 || len(got) != 64 {
			t.Errorf("%s: %d calls ran, %d answers came; want 3 and 64", method, n, len(got))
		}
		for i, r := range got {
			if result, ok := r.([]any); i < 3 && (!ok || len(result[0].([]byte)) != size) || i >= 3 && r != code(rpc.CodeOverLimit) {
				t.Errorf("%s: element %d is %.60v", method, i, r)
			}
		}
		if taken > 256<<20 {
			t.Errorf("%s: client and server took %d MiB", method, taken>>20)
		}
	}
}

// TestMulticallDoor: each element goes through the one door, in the name of the
// caller and with its metadata.
func TestMulticallDoor(t *testing.T) {
	var seen []string
	reg := registry(t, map[string]any{
		"open": func(ctx context.Context) string { return rpc.MetaFrom(ctx)["trace"] },
		"shut": func() { t.Error("a denied function ran") },
	})
	reg.Authorizer = allowList{"open"}
	reg.Use(func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, req *rpc.Request) (any, error) {
			seen = append(seen, req.Method+" for "+req.Peer.Transport+", trace "+req.Meta["trace"])
			return next(ctx, req)
		}
	})
	c := newClient(t, "http://"+serve(t, &xmlrpc.Server{Handler: reg}), xmlrpc.ClientConfig{})
	ctx := rpc.WithMeta(bounded(t), map[string]string{"trace": "7"})
	results, err := rpc.Invoke[[]any](ctx, c, "system.multicall", []any{element("open"), element("shut"), element("none")})
	if err != nil {
		t.Fatal(err)
	}
	fault := func(name string) any {
		return map[string]any{"faultCode": code(rpc.CodeMethodNotFound), "faultString": "method not found: " + name}
	}
	wantResults(t, results, []any{"7"}, fault("shut"), fault("none"))
	if want := []string{"system.multicall for xmlrpc, trace 7", "open for xmlrpc, trace 7", "shut for xmlrpc, trace 7", "none for xmlrpc, trace 7"}; !slices.Equal(seen, want) {
		t.Errorf("the interceptor saw %q; want %q", seen, want)
	}
}

// TestMulticallOfAnotherCaller: one that is no registry answers as it likes.
func TestMulticallOfAnotherCaller(t *testing.T) {
	inner := newClient(t, "http://"+serve(t, &xmlrpc.Server{Handler: registry(t, map[string]any{"one": func() int { return 1 }})}), xmlrpc.ClientConfig{})
	for name, handler := range map[string]rpc.Caller{
		"proxy": inner,
		"raw":   callerFunc(func(context.Context, *rpc.Request) (any, error) { return []any{[]int{1}}, nil }),
	} {
		c := newClient(t, "http://"+serve(t, &xmlrpc.Server{Handler: handler}), xmlrpc.ClientConfig{})
		t.Run(name, func(t *testing.T) { wantResults(t, multicall(t, c, element("one")), []any{int64(1)}) })
	}
}

const pythonMulticall = `
import sys, xmlrpc.client as x
s = x.ServerProxy(sys.argv[1], allow_none=True, use_builtin_types=True)
m = x.MultiCall(s)
for i in range(61): m.add(i, 1)
m.nan(); m.echo(b"\x00", None, [1, {"a": "b"}]); m.no.such()
r = m()
assert [r[i] for i in range(61)] == [i + 1 for i in range(61)]
for i, code in ((61, -32603), (63, -32601)):
    try:
        raise AssertionError(r[i])
    except x.Fault as e:
        assert e.faultCode == code, e
assert r[62] == [b"\x00", None, [1, {"a": "b"}]], r[62]
m = x.MultiCall(s)
for i in range(65): m.add(i, 1)
try:
    raise AssertionError(list(m()))
except x.Fault as e:
    assert e.faultCode == -32003, e
print("done")
`

func TestLivePythonMulticall(t *testing.T) {
	url := "http://" + serve(t, &xmlrpc.Server{Handler: pythonFunctions(t)}) + "/RPC2"
	if out := peertest.RunPython(t, context.Background(), peertest.Python(t), pythonMulticall, url); strings.TrimSpace(out) != "done" {
		t.Error(out)
	}
}

// TestMulticallDepth: the two lists around a result in a multicall count for the
// depth, or one result would make the whole answer unreadable.
func TestMulticallDepth(t *testing.T) {
	reg := registry(t, map[string]any{
		"one": func() int { return 1 },
		"deep": func(n int) (v any) {
			for v = 1; n > 0; n-- {
				v = []any{v}
			}
			return v
		},
	})
	c := newClient(t, "http://"+serve(t, &xmlrpc.Server{Handler: reg}), xmlrpc.ClientConfig{})
	for n, fits := range map[int]bool{61: true, 62: true, 63: false, 64: false} {
		got := multicall(t, c, element("one"), element("deep", n), element("one"))
		if len(got) != 3 {
			t.Fatalf("%d deep: got %d results", n, len(got))
		}
		if _, ok := got[1].([]any); ok != fits {
			t.Errorf("%d deep: it was answered with its result: %v; want %v", n, ok, fits)
		}
		wantResults(t, []any{got[0], got[2]}, []any{int64(1)}, []any{int64(1)})
	}
}
