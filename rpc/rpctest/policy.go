package rpctest

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parley-rpc/parley/rpc"
)

// testInterceptors: they stand around every call, the first outermost, and see
// a stream as a whole.
func testInterceptors(t *testing.T, tr Transport) {
	var mu sync.Mutex
	var trail []string
	note := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		trail = append(trail, fmt.Sprintf(format, args...))
	}
	named := func(name string) rpc.Interceptor {
		return func(next rpc.Handler) rpc.Handler {
			return func(ctx context.Context, req *rpc.Request) (any, error) {
				if strings.HasPrefix(req.Method, "system.") {
					return next(ctx, req)
				}
				note("%s> %s %v", name, req.Method, req.Peer != nil)
				result, err := next(ctx, req)
				note("%s< %v", name, err != nil)
				return result, err
			}
		}
	}
	reg, _ := newRegistry()
	register(t, reg, functions{
		"work":  func() int { note("work"); return 1 },
		"other": func() int { return 2 },
		"count": func(n int) iter.Seq2[int, error] {
			return func(yield func(int, error) bool) {
				for i := range n {
					note("item")
					if !yield(i, nil) {
						return
					}
				}
			}
		},
	})
	reg.Use(named("a"), named("b"))
	reg.Use(func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, req *rpc.Request) (any, error) {
			switch req.Method {
			case "refuse":
				return nil, rpc.Errorf(99, "refused on the way")
			case "replace":
				return "replaced", nil
			case "work":
				req.Method = "other" // has no effect: the method is resolved
			}
			return next(ctx, req)
		}
	})
	c := tr.Connect(t, reg)

	tests := []struct {
		method string
		args   []any
		want   any
		code   int
		trail  string
	}{
		{"work", nil, int64(1), 0, "a> work true, b> work true, work, b< false, a< false"},
		{"no.such", nil, nil, rpc.CodeMethodNotFound, "a> no.such true, b> no.such true, b< true, a< true"},
		{"refuse", nil, nil, 99, "a> refuse true, b> refuse true, b< true, a< true"},
		{"replace", nil, "replaced", 0, "a> replace true, b> replace true, b< false, a< false"},
		{"count", []any{2}, []any{int64(0), int64(1)}, 0, "a> count true, b> count true, item, item, b< false, a< false"},
	}
	for _, tt := range tests {
		got, err := rpc.Invoke[any](tr.bounded(t), c, tt.method, tt.args...)
		if tt.code != 0 {
			wantFault(t, tt.method, err, tt.code)
		} else if err != nil || !same(tt.want, got) {
			t.Errorf("%s = %v, %v; want %v", tt.method, got, err, tt.want)
		}
		mu.Lock()
		seen := strings.Join(trail, ", ")
		trail = nil
		mu.Unlock()
		if seen != tt.trail {
			t.Errorf("%s: got trail %q; want %q", tt.method, seen, tt.trail)
		}
	}
	if items, err := drain(rpc.Stream[int](tr.bounded(t), c, "count", 2)); err != nil || len(items) != 2 {
		t.Errorf("a stream through interceptors: %v, %v", items, err)
	}
	mu.Lock()
	defer mu.Unlock()
	if want := tests[4].trail; strings.Join(trail, ", ") != want {
		t.Errorf("a stream: got trail %q; want %q", trail, want)
	}
}

// onlyThese is an Authorizer that allows the methods it holds.
type onlyThese []string

func (o onlyThese) Allow(_ context.Context, _ rpc.Identity, method string) bool {
	return slices.Contains(o, method)
}

// testAuthorizer: what is denied cannot be told from what does not exist.
func testAuthorizer(t *testing.T, tr Transport) {
	ran := make(chan string, 64)
	allowed := onlyThese{"open", "system.listMethods", "system.methodHelp", "system.methodParams", "system.methodSignature", "system.methodTypes", "system.multicall"}
	reg, _ := newRegistry()
	reg.Authorizer = allowed
	register(t, reg, functions{
		"open":   func() string { return "open" },
		"shut":   func(a int) string { ran <- "shut"; return "shut" },
		"stream": func() iter.Seq2[int, error] { ran <- "stream"; return count(3, nil) },
	})
	c := tr.Connect(t, reg)
	if got, err := rpc.Invoke[string](tr.bounded(t), c, "open"); got != "open" || err != nil {
		t.Errorf("open = %q, %v", got, err)
	}
	// deny returns the fault of a call, its method's name replaced.
	deny := func(what, method string, err error) string {
		t.Helper()
		f := wantFault(t, what, err, rpc.CodeMethodNotFound)
		return strings.ReplaceAll(f.Message, method, "NAME")
	}
	_, err := rpc.Invoke[any](tr.bounded(t), c, "none", 1)
	unknown := deny("unknown", "none", err)
	for _, method := range []string{"shut", "stream", "system.ping"} {
		for _, args := range [][]any{nil, {1}, {"x", 2}} {
			_, err := rpc.Invoke[any](tr.bounded(t), c, method, args...)
			if got := deny(method, method, err); got != unknown {
				t.Errorf("%s%v is denied with %q, an unknown method with %q", method, args, got, unknown)
			}
		}
		_, err := drain(rpc.Stream[any](tr.bounded(t), c, method))
		if got := deny(method, method, err); got != unknown {
			t.Errorf("%s as a stream is denied with %q, an unknown method with %q", method, got, unknown)
		}
		for _, system := range []string{"system.methodHelp", "system.methodParams", "system.methodSignature", "system.methodTypes"} {
			_, err = rpc.Invoke[any](tr.bounded(t), c, system, "none")
			want := deny(system, "none", err)
			_, err = rpc.Invoke[any](tr.bounded(t), c, system, method)
			if got := deny(system, method, err); got != want {
				t.Errorf("%s of %s answers %q, of an unknown method %q", system, method, got, want)
			}
		}
	}

	list, err := rpc.Invoke[[]string](tr.bounded(t), c, "system.listMethods")
	want := slices.Sorted(slices.Values(allowed))
	if err != nil || !slices.Equal(list, want) {
		t.Errorf("listMethods = %v, %v; want %v", list, err, want)
	}
	answers, err := rpc.Invoke[[]any](tr.bounded(t), c, "system.multicall", []any{
		multi("open"), multi("none"), multi("shut", 1), multi("stream"),
	})
	if err != nil || len(answers) != 4 || !same([]any{"open"}, answers[0]) {
		t.Fatalf("multicall = %v, %v", answers, err)
	}
	for i, method := range []string{"none", "shut", "stream"} {
		code, text := multiFault(answers[1+i])
		if code != rpc.CodeMethodNotFound || strings.ReplaceAll(text, method, "NAME") != unknown {
			t.Errorf("%s in a multicall is denied with %d %q; want %d %q", method, code, text, rpc.CodeMethodNotFound, unknown)
		}
	}
	select {
	case name := <-ran:
		t.Errorf("%s ran, though it is denied", name)
	default:
	}
}

// multi is one element of a multicall.
func multi(method string, args ...any) map[string]any {
	return map[string]any{"methodName": method, "params": append([]any{}, args...)}
}

// multiFault reads an element of the answer of a multicall; code is 0 if it is
// no fault.
func multiFault(answer any) (code int64, text string) {
	m, _ := answer.(map[string]any)
	code, _ = m["faultCode"].(int64)
	text, _ = m["faultString"].(string)
	return code, text
}

func testIntrospection(t *testing.T, tr Transport) {
	reg, _ := newRegistry()
	err := reg.Register("tools.measure", func(string, *int) float64 { return 0 },
		rpc.Params("what", "times"), rpc.Help("Measures <things> & more."))
	if err != nil {
		t.Fatal(err)
	}
	c := tr.Connect(t, reg)
	list, err := rpc.Invoke[[]string](tr.bounded(t), c, "system.listMethods")
	want := []string{
		"system.getCapabilities", "system.listMethods", "system.methodHelp", "system.methodParams", "system.methodSignature",
		"system.methodTypes", "system.multicall", "system.ping", "tools.measure",
	}
	if err != nil || !slices.Equal(list, want) {
		t.Errorf("listMethods = %v, %v; want %v", list, err, want)
	}
	if help, err := rpc.Invoke[string](tr.bounded(t), c, "system.methodHelp", "tools.measure"); err != nil || help != "Measures <things> & more." {
		t.Errorf("methodHelp = %q, %v", help, err)
	}
	signature, err := rpc.Invoke[[][]string](tr.bounded(t), c, "system.methodSignature", "tools.measure")
	if err != nil || !same([][]string{{"double", "string"}, {"double", "string", "int"}}, signature) {
		t.Errorf("methodSignature = %v, %v", signature, err)
	}
	capabilities, err := rpc.Invoke[map[string]struct {
		URL     string `rpc:"specUrl"`
		Version int    `rpc:"specVersion"`
	}](tr.bounded(t), c, "system.getCapabilities")
	if f := capabilities["faults_interop"]; err != nil || f.URL == "" || f.Version != 20010516 {
		t.Errorf("getCapabilities = %v, %v", capabilities, err)
	}
	params, err := rpc.Invoke[[]string](tr.bounded(t), c, "system.methodParams", "tools.measure")
	if err != nil || !slices.Equal(params, []string{"what", "times"}) {
		t.Errorf("methodParams = %q, %v", params, err)
	}
	for _, method := range []string{"system.methodHelp", "system.methodSignature", "system.methodParams", "system.methodTypes"} {
		_, err := rpc.Invoke[any](tr.bounded(t), c, method, "no.such")
		wantFault(t, method, err, rpc.CodeMethodNotFound)
	}
}

func testMulticall(t *testing.T, tr Transport) {
	fns := failing()
	fns["double"] = func(n int) int { return 2 * n }
	fns["count"] = func(n int) iter.Seq2[int, error] { return count(n, nil) }
	c := tr.connect(t, fns)
	call := func(calls ...any) ([]any, error) {
		return rpc.Invoke[[]any](tr.bounded(t), c, "system.multicall", calls)
	}

	answers, err := call()
	if err != nil || len(answers) != 0 {
		t.Errorf("an empty multicall = %v, %v", answers, err)
	}
	tests := []struct {
		call any
		want any // the result
		code int64
	}{
		{multi("double", 21), int64(42), 0},
		{multi("double", "x"), nil, rpc.CodeInvalidParams},
		{multi("no.such"), nil, rpc.CodeMethodNotFound},
		{multi("panic"), nil, rpc.CodeInternal},
		{multi("fault"), nil, 1234},
		{multi("plain"), nil, rpc.CodeApplication},
		{multi("count", 3), []any{int64(0), int64(1), int64(2)}, 0},
		{multi("system.multicall", []any{multi("double", 1)}), nil, rpc.CodeInvalidRequest},
		{"no call", nil, rpc.CodeInvalidRequest},
		{multi("double", 4), int64(8), 0},
	}
	var calls []any
	for _, tt := range tests {
		calls = append(calls, tt.call)
	}
	answers, err = call(calls...)
	if err != nil || len(answers) != len(tests) {
		t.Fatalf("multicall gave %d answers, %v; want %d", len(answers), err, len(tests))
	}
	for i, tt := range tests {
		if tt.code != 0 {
			if code, text := multiFault(answers[i]); code != tt.code || strings.Contains(text, canary) {
				t.Errorf("%v gave %v; want fault %d", tt.call, answers[i], tt.code)
			}
		} else if !same([]any{tt.want}, answers[i]) {
			t.Errorf("%v gave %v; want %v", tt.call, answers[i], []any{tt.want})
		}
	}

	full := make([]any, 64)
	for i := range full {
		full[i] = multi("double", i)
	}
	answers, err = call(full...)
	if err != nil || len(answers) != 64 || !same([]any{int64(126)}, answers[63]) {
		t.Errorf("64 calls gave %d answers, %v", len(answers), err)
	}
	_, err = call(append(full, multi("double", 64))...)
	wantFault(t, "65 calls", err, rpc.CodeOverLimit, "64")
}
