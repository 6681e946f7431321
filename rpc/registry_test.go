package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/rpc"
)

func ExampleRegistry() {
	reg := rpc.NewRegistry()
	if err := reg.Register("add", func(a, b int) int { return a + b }, rpc.Params("a", "b")); err != nil {
		fmt.Println(err)
		return
	}
	// The registry is a Caller itself, like the client of any transport.
	sum, err := rpc.Invoke[int](context.Background(), reg, "add", 3, 5)
	fmt.Println(sum, err)
	_, err = rpc.Invoke[int](context.Background(), reg, "add", 3, "five")
	fmt.Println(err)
	// Output:
	// 8 <nil>
	// fault -32602: add: params[1]: expected int, got string
}

func ExampleShort() {
	reg := rpc.NewRegistry()
	// It waits for nothing: a native server may answer it right where it reads.
	if err := reg.Register("add", func(a, b int) int { return a + b }, rpc.Short()); err != nil {
		fmt.Println(err)
	}
	count := func(n int) iter.Seq2[int, error] { return nil }
	fmt.Println(reg.Register("count", count, rpc.Short()))
	// Output:
	// rpc: register "count": a function that streams waits for its consumer: register it without rpc.Short
}

func ExampleBind() {
	reg := rpc.NewRegistry()
	if err := reg.Register("add", func(a, b int) int { return a + b }); err != nil {
		fmt.Println(err)
		return
	}
	var api struct {
		Add func(ctx context.Context, a, b int) (int, error)
	}
	if err := rpc.Bind(reg, &api); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(api.Add(context.Background(), 3, 5))
	// Output: 8 <nil>
}

func ExampleStream() {
	reg := rpc.NewRegistry()
	err := reg.Register("count", func(n int) iter.Seq2[int, error] {
		return func(yield func(int, error) bool) {
			for i := range n {
				if !yield(i, nil) {
					return
				}
			}
		}
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, err := range rpc.Stream[int](context.Background(), reg, "count", 1000) {
		if err != nil || i == 3 {
			break // ends the producer too
		}
		fmt.Println(i)
	}
	// Output:
	// 0
	// 1
	// 2
}

type shop struct{ stock []string }

func (s *shop) List() []string                  { return s.stock }
func (s *shop) GetByID(id int) (string, error)  { return s.stock[id], nil }
func (s *shop) String() string                  { return "shop" }
func (s *shop) Watch() iter.Seq2[string, error] { return nil }

type shopWithChannel struct{ shop }

func (s *shopWithChannel) Events() chan string { return nil }

func TestRegisterMethods(t *testing.T) {
	for _, name := range []string{"shop", ""} {
		reg := rpc.NewRegistry()
		if err := reg.Register(name, &shop{}, rpc.MethodOptions("GetByID", rpc.Params("id"), rpc.Help("one"))); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range reg.Methods(t.Context()) {
			if !strings.HasPrefix(m.Name, "system.") {
				got = append(got, fmt.Sprintf("%s%v %v %s", m.Name, m.Params, m.Signatures, m.Help))
			}
		}
		want := []string{"shop.getByID[id] [[string int]] one", "shop.list[] [[array]] ", "shop.watch[] [[array]] "}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("name %q: got (+), want (-):\n%s", name, d)
		}
	}
}

// arith is a service of net/rpc, halfway one that is half rewritten.
type (
	arith   struct{}
	halfway struct{ arith }
)

func (arith) Add(args *[2]int, sum *int) error       { *sum = args[0] + args[1]; return nil }
func (arith) Put(_ string, _ *struct{ A int }) error { return nil }
func (halfway) Sub(a, b int) int                     { return a - b }

// A method of the form of net/rpc is one like any other where somebody may have
// meant it so.
func TestFormOfNetRPC(t *testing.T) {
	if err := rpc.NewRegistry().Register("arith", arith{}); err == nil || !strings.Contains(err.Error(), "docs/from-net-rpc.md") {
		t.Errorf("all methods are for net/rpc: got %v; want an error that says where to read on", err)
	}
	for name, err := range map[string]error{
		"one with names":  rpc.NewRegistry().Register("arith", arith{}, rpc.MethodOptions("Add", rpc.Params("pair", "hint"))),
		"another beside":  rpc.NewRegistry().Register("arith", halfway{}),
		"a function":      rpc.NewRegistry().Register("add", arith{}.Add),
		"without methods": rpc.NewRegistry().Register("arith", halfway{}, rpc.Only("Sub")),
	} {
		if err != nil {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestRegistrationMistakes(t *testing.T) {
	reg := rpc.NewRegistry()
	for _, tt := range []struct {
		name string
		fn   any
		opts []rpc.Option
		want string
	}{
		{"a", nil, nil, "expected a function or a value with methods, got nil"},
		{"a", (func())(nil), nil, "the function is nil"},
		{"a", 3, nil, "expected a function or a value with exported methods, got int"},
		{"a", arith{}, nil, "net/rpc"},
		{"a", func(int, context.Context) {}, nil, "context must be the first parameter"},
		{"a", func(int, chan int) {}, nil, "parameter 2: chan int cannot cross the wire"},
		{"a", func(...func()) {}, nil, "parameter 1"},
		{"a", func() (int, string) { return 0, "" }, nil, "return several values as a struct"},
		{"a", func() (int, string, error) { return 0, "", nil }, nil, "return several values as a struct"},
		{"a", func() (error, int) { return nil, 0 }, nil, "return several values"}, //nolint:staticcheck // the mistake under test
		{"a", func() (error, error) { return nil, nil }, nil, "one error, as the last result"},
		{"a", func() chan int { return nil }, nil, "to stream, return an iter.Seq2[T, error]"},
		{"a", func() iter.Seq[int] { return nil }, nil, "to stream, return an iter.Seq2[T, error]"},
		{"a", func() iter.Seq2[chan int, error] { return nil }, nil, "stream: chan int"},
		{"a", func() map[float32]int { return nil }, nil, "result: map[float32]int"},
		{"a", func(a, b int) {}, []rpc.Option{rpc.Params("a")}, "names 1 parameter, the function has 2"},
		{"a", func() iter.Seq2[int, error] { return nil }, []rpc.Option{rpc.Short()}, "register it without rpc.Short"},
		{"shop", &shop{}, []rpc.Option{rpc.Short()}, "rpc.MethodOptions(name, rpc.Short())"},
		{"shop", &shop{}, []rpc.Option{rpc.MethodOptions("Watch", rpc.Short())}, "method Watch: a function that streams"},
		{"", func() {}, nil, "a method name has 1 to 255 characters"},
		{strings.Repeat("x", 256), func() {}, nil, "got 256"},
		{"a b", func() {}, nil, `got ' '`},
		{"system.mine", func() {}, nil, "belong to the registry"},
		{"twice", func() {}, nil, "there is a method twice already"},
		{"shop", shop{}, nil, "register a pointer"},
		{"shop", &shopWithChannel{}, nil, `method Events: result: chan string cannot cross the wire`},
		{"shop", &shopWithChannel{}, nil, `rpc.Except("Events")`},
		{"shop", &shop{}, []rpc.Option{rpc.Only("Lst")}, "the method Lst, which *rpc_test.shop does not have"},
	} {
		_ = reg.Register("twice", func() {})
		before := len(reg.Methods(t.Context()))
		err := reg.Register(tt.name, tt.fn, tt.opts...)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "rpc: register ") {
			t.Errorf("%T: got %v; want %q", tt.fn, err, tt.want)
		}
		if after := len(reg.Methods(t.Context())); after != before {
			t.Errorf("%T: %d methods were added although it failed", tt.fn, after-before)
		}
	}
	if err := reg.Register("shop", &shopWithChannel{}, rpc.Except("Events")); err != nil {
		t.Errorf("Except: %v", err)
	}
}

// TestAdaptersMeanTheSame holds each adapter against reflection.
func TestAdaptersMeanTheSame(t *testing.T) {
	errOdd := errors.New("odd")
	zero := func(context.Context) (string, error) { return "none", nil }
	one := func(_ context.Context, a int) (int, error) {
		if a%2 == 1 {
			return a, errOdd
		}
		return a / 2, nil
	}
	two := func(_ context.Context, a int8, b *string) (string, error) {
		if b == nil {
			return fmt.Sprint(a, " nothing"), nil
		}
		return fmt.Sprint(a, " ", *b), nil
	}
	three := func(_ context.Context, a []int, b map[string]int, c any) (any, error) {
		return []any{a, b, c}, nil
	}
	count := func(_ context.Context, n int) (iter.Seq2[int, error], error) {
		return func(yield func(int, error) bool) {
			for i := range n {
				if !yield(i, nil) {
					return
				}
			}
		}, nil
	}
	plain, adapted := rpc.NewRegistry(), rpc.NewRegistry()
	for _, f := range []struct {
		name    string
		plain   any
		adapted any
	}{
		{"zero", zero, rpc.Func0(zero)},
		{"one", one, rpc.Func1(one)},
		{"two", two, rpc.Func2(two)},
		{"three", three, rpc.Func3(three)},
		{"count", count, rpc.Func1(count)},
	} {
		if err := errors.Join(plain.Register(f.name, f.plain), adapted.Register(f.name, f.adapted)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		method string
		args   []any
	}{
		{"zero", nil},
		{"zero", []any{1}},
		{"one", []any{4}},
		{"one", []any{3}},
		{"one", []any{"x"}},
		{"one", nil},
		{"two", []any{1, "b"}},
		{"two", []any{1}},
		{"two", []any{300, "b"}},
		{"three", []any{[]int{1}, map[string]int{"a": 2}, 3.5}},
		{"count", []any{3}},
		{"count", []any{-1}},
	} {
		want, wantErr := rpc.Invoke[any](t.Context(), plain, tt.method, tt.args...)
		got, gotErr := rpc.Invoke[any](t.Context(), adapted, tt.method, tt.args...)
		if d := cmp.Diff(want, got); d != "" || fmt.Sprint(wantErr) != fmt.Sprint(gotErr) {
			t.Errorf("%s%v: adapter gives %v, %v; reflection %v, %v", tt.method, tt.args, got, gotErr, want, wantErr)
		}
	}
	if d := cmp.Diff(plain.Methods(t.Context()), adapted.Methods(t.Context())); d != "" {
		t.Errorf("introspection differs:\n%s", d)
	}
}

func TestFaultsOfAFunction(t *testing.T) {
	var log bytes.Buffer
	reg := rpc.NewRegistry()
	reg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	errNotFound := errors.New("no such thing")
	reg.MapError(errNotFound, 404)
	var fail error
	if err := reg.Register("f", func() error { return fail }); err != nil {
		t.Fatal(err)
	}
	if err := reg.Register("boom", func() { panic("the secret cause") }); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		err    error
		hide   bool
		code   int
		text   string
		inLogs string
	}{
		{errors.New("plain"), false, rpc.CodeApplication, "plain", ""},
		{errors.New("a\x00b\xff"), false, rpc.CodeApplication, `a\x00b`, ""},
		{fmt.Errorf("get 7: %w", errNotFound), false, 404, "get 7: no such thing", ""},
		{fmt.Errorf("get 7: %w", errNotFound), true, 404, "no such thing", ""},
		{rpc.Errorf(12, "own"), true, 12, "own", ""},
		{fmt.Errorf("more: %w", rpc.Errorf(12, "own")), false, 12, "more: fault 12: own", ""},
		{context.DeadlineExceeded, false, rpc.CodeDeadlineExceeded, "deadline exceeded", ""},
		{fmt.Errorf("db: %w", context.Canceled), false, rpc.CodeCancelled, "cancelled", ""},
		{errors.New("password is 1234"), true, rpc.CodeApplication, "f failed (id ", "password is 1234"},
	} {
		log.Reset()
		fail, reg.HideErrors = tt.err, tt.hide
		_, err := reg.Call(t.Context(), &rpc.Request{Method: "f"})
		var f *rpc.Fault
		if !errors.As(err, &f) || f.Code != tt.code || !strings.HasPrefix(f.Message, tt.text) {
			t.Errorf("%v: got %v; want fault %d: %s", tt.err, err, tt.code, tt.text)
		}
		if !strings.Contains(log.String(), tt.inLogs) {
			t.Errorf("%v: log %q lacks %q", tt.err, log.String(), tt.inLogs)
		}
	}

	log.Reset()
	_, err := reg.Call(t.Context(), &rpc.Request{Method: "boom"})
	var f *rpc.Fault
	if !errors.As(err, &f) || f.Code != rpc.CodeInternal || strings.Contains(f.Message, "secret") {
		t.Errorf("panic: got %v; want fault -32603 without its cause", err)
	}
	id := strings.TrimSuffix(strings.TrimPrefix(f.Message, "internal error (id "), ")")
	if len(id) != 8 || !strings.Contains(log.String(), id) || !strings.Contains(log.String(), "the secret cause") {
		t.Errorf("panic: the log does not hold the cause under id %q: %s", id, log.String())
	}
}

func TestFaultIs(t *testing.T) {
	f := error(&rpc.Fault{Code: rpc.CodeDeadlineExceeded, Message: "x"})
	if !errors.Is(f, context.DeadlineExceeded) || errors.Is(f, context.Canceled) || !errors.Is(f, &rpc.Fault{Code: rpc.CodeDeadlineExceeded}) || errors.Is(f, &rpc.Fault{Code: 1}) {
		t.Error("a deadline fault must be context.DeadlineExceeded and nothing else")
	}
	if rpc.FaultOf(nil) != nil {
		t.Error("no error is no fault")
	}
}

type allow map[string]string // identity -> method

func (a allow) Allow(_ context.Context, id rpc.Identity, method string) bool {
	return a[id.Name] == method || method == "system.listMethods" || method == "system.multicall"
}

func TestDeniedLooksUnknown(t *testing.T) {
	reg := rpc.NewRegistry()
	reg.Logger = slog.New(slog.DiscardHandler)
	ran := 0
	for _, name := range []string{"mine", "other"} {
		if err := reg.Register(name, func() { ran++ }); err != nil {
			t.Fatal(err)
		}
	}
	if err := reg.Register("relay", func(ctx context.Context) error {
		_, err := rpc.Invoke[rpc.Void](ctx, reg, "other") // in the name of the caller
		return err
	}); err != nil {
		t.Fatal(err)
	}
	reg.Authorizer = allow{"bot": "mine", "relayer": "relay"}
	as := func(name string) context.Context {
		return rpc.WithPeer(t.Context(), &rpc.Peer{Identity: rpc.Identity{Name: name}})
	}
	_, denied := rpc.Invoke[any](as("bot"), reg, "other")
	_, unknown := rpc.Invoke[any](as("bot"), reg, "nosuch")
	if d, u := strings.ReplaceAll(fmt.Sprint(denied), "other", "X"), strings.ReplaceAll(fmt.Sprint(unknown), "nosuch", "X"); d != u {
		t.Errorf("denied %q, unknown %q; want the same", d, u)
	}
	calls := []any{map[string]any{"methodName": "other", "params": []any{}}, map[string]any{"methodName": "mine", "params": []any{}}}
	got, err := rpc.Invoke[[]any](as("bot"), reg, "system.multicall", calls)
	if err != nil || ran != 1 {
		t.Errorf("multicall: %v, %v, %d calls ran; want the one that is allowed", got, err, ran)
	}
	if _, err := rpc.Invoke[any](as("relayer"), reg, "relay"); err == nil || !strings.Contains(err.Error(), "the answer of other: method not found: other") || ran != 1 {
		t.Errorf("relay: got %v, %d ran; a caller must not reach more through a function", err, ran)
	}
	names, err := rpc.Invoke[[]string](as("bot"), reg, "system.listMethods")
	if want := []string{"mine", "system.listMethods", "system.multicall"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("listMethods: got %v, %v; want %v", names, err, want)
	}
}

func TestInterceptorsSeeEverythingInOrder(t *testing.T) {
	reg := rpc.NewRegistry()
	var seen []string
	log := func(name string) rpc.Interceptor {
		return func(next rpc.Handler) rpc.Handler {
			return func(ctx context.Context, req *rpc.Request) (any, error) {
				seen = append(seen, name+" "+req.Method)
				req.Method = "changed" // has no effect
				return next(ctx, req)
			}
		}
	}
	if err := reg.Register("f", func() int { seen = append(seen, "f"); return 1 }); err != nil {
		t.Fatal(err)
	}
	reg.Use(log("first"), log("second"))
	if _, err := rpc.Invoke[int](t.Context(), reg, "f"); err != nil {
		t.Fatal(err)
	}
	if _, err := rpc.Invoke[int](t.Context(), rpc.Intercept(reg, log("client")), "g"); err == nil {
		t.Fatal("no fault for an unknown method")
	}
	want := []string{"first f", "second changed", "f", "client g", "first changed", "second changed"}
	if d := cmp.Diff(want, seen); d != "" {
		t.Errorf("got (+), want (-):\n%s", d)
	}
}

func TestStreamsThroughTheDoor(t *testing.T) {
	reg := rpc.NewRegistry()
	reg.MaxItems = 5
	stopped := 0
	if err := reg.Register("count", func(n int) iter.Seq2[int, error] {
		return func(yield func(int, error) bool) {
			defer func() { stopped++ }()
			for i := range n {
				if i == 8 {
					yield(0, errors.New("eight"))
					return
				}
				if !yield(i, nil) {
					return
				}
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	list, err := rpc.Invoke[[]int](t.Context(), reg, "count", 5)
	if err != nil || !slices.Equal(list, []int{0, 1, 2, 3, 4}) {
		t.Errorf("collected: %v, %v", list, err)
	}
	if list, err := rpc.Invoke[any](t.Context(), reg, "count", 0); err != nil || !cmp.Equal(list, []any{}) {
		t.Errorf("an empty stream: %v, %v; want an empty list", list, err)
	}
	if _, err := rpc.Invoke[[]int](t.Context(), reg, "count", 6); !errors.Is(err, &rpc.Fault{Code: rpc.CodeOverLimit}) {
		t.Errorf("too long a stream: got %v; want fault -32003", err)
	}
	var got []int
	var last error
	for i, err := range rpc.Stream[int](t.Context(), reg, "count", 100) {
		if last = err; err == nil {
			got = append(got, i)
		}
	}
	if len(got) != 8 || last == nil || last.Error() != "fault -32500: eight" {
		t.Errorf("streamed %v, %v; want eight items and the error", got, last)
	}
	before := stopped
	for range rpc.Stream[int](t.Context(), reg, "count", 100) {
		break
	}
	if stopped != before+1 {
		t.Error("leaving the loop did not stop the producer")
	}
	var api struct {
		Count func(context.Context, int) iter.Seq2[int, error]
	}
	if err := rpc.Bind(reg, &api); err != nil {
		t.Fatal(err)
	}
	if m := maps.Collect(api.Count(t.Context(), 3)); len(m) != 3 {
		t.Errorf("bound: %v; want three items", m)
	}
}

// TestShort: transports can ask which functions are short.
func TestShort(t *testing.T) {
	reg := rpc.NewRegistry()
	raw := func(context.Context, *rpc.Request) (any, error) { return nil, nil }
	for _, err := range []error{
		reg.Register("short", func() {}, rpc.Short()),
		reg.Register("plain", func() {}),
		reg.Register("adapted", rpc.Func0(func(context.Context) (int, error) { return 0, nil }), rpc.Short()),
		reg.Handle("raw", raw, rpc.Short()),
		reg.Handle("rawPlain", raw),
		reg.Register("shop", &shop{}, rpc.MethodOptions("List", rpc.Short())),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for method, want := range map[string]bool{
		"short": true, "adapted": true, "raw": true, "shop.list": true,
		"plain": false, "rawPlain": false, "shop.getByID": false, "none": false, "system.multicall": false,
	} {
		if got := reg.Short(method); got != want {
			t.Errorf("%s: got %v; want %v", method, got, want)
		}
	}
	if new(rpc.Registry).Short("short") {
		t.Error("an empty registry has short functions")
	}
}

func TestPeerWithoutWayBack(t *testing.T) {
	if _, err := rpc.Invoke[int](t.Context(), rpc.PeerFrom(t.Context()), "x"); !errors.Is(err, rpc.ErrNoWayBack) {
		t.Errorf("got %v; want ErrNoWayBack", err)
	}
}

func TestBindMistakes(t *testing.T) {
	reg := rpc.NewRegistry()
	for _, tt := range []struct {
		api  any
		want string
	}{
		{struct{}{}, "expected a pointer to a struct"},
		{nil, "expected a pointer to a struct"},
		{&struct{ A int }{}, "expected a function or a struct, got int"},
		{&struct{ A func() error }{}, "expected a context.Context"},
		{&struct{ A func(context.Context) int }{}, "expected the results"},
		{&struct {
			a func(context.Context) error `rpc:"a"`
		}{}, "not exported"},
	} {
		if err := rpc.Bind(reg, tt.api); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%T: got %v; want %q", tt.api, err, tt.want)
		}
	}
}

func TestMetadataIsBounded(t *testing.T) {
	reg := rpc.NewRegistry()
	if err := reg.Register("tenant", func(ctx context.Context) string { return rpc.MetaFrom(ctx)["tenant"] }); err != nil {
		t.Fatal(err)
	}
	ctx := rpc.WithMeta(t.Context(), map[string]string{"tenant": "acme"})
	if got, err := rpc.Invoke[string](ctx, reg, "tenant"); err != nil || got != "acme" {
		t.Errorf("got %q, %v; want acme", got, err)
	}
	ctx = rpc.WithMeta(t.Context(), map[string]string{"x": strings.Repeat("x", rpc.MaxMeta)})
	if _, err := rpc.Invoke[string](ctx, reg, "tenant"); !errors.Is(err, &rpc.Fault{Code: rpc.CodeOverLimit}) {
		t.Errorf("got %v; want fault -32003", err)
	}
}
