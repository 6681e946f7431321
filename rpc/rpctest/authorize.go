package rpctest

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parley-rpc/parley/rpc"
)

// onlyFor allows an identity some methods, everybody else nothing, and counts how
// often it was asked about each.
type onlyFor struct {
	identity string
	methods  []string

	mu    sync.Mutex
	asked map[string]int // guarded by mu
}

func (o *onlyFor) Allow(_ context.Context, id rpc.Identity, method string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.asked == nil {
		o.asked = map[string]int{}
	}
	o.asked[method]++
	return id.Name == o.identity && slices.Contains(o.methods, method)
}

func (o *onlyFor) times(method string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.asked[method]
}

// testDeniedLooksUnknown: whatever kind of method it is, and however it is called,
// nothing of a denied one comes through: no argument, no item, not that it is
// there.
func testDeniedLooksUnknown(t *testing.T, tr Transport) {
	reg, _ := newRegistry()
	allowed := &onlyFor{identity: tr.Identity, methods: []string{"open", "relay", "system.multicall", "system.methodHelp", "system.methodParams", "system.methodSignature", "system.methodTypes", "system.listMethods"}}
	reg.Authorizer = allowed
	ran := make(chan string, 64)
	register(t, reg, functions{
		"open": func(ctx context.Context) string { return rpc.PeerFrom(ctx).Name },
		"relay": func(ctx context.Context, method string) (any, error) {
			return reg.Call(ctx, &rpc.Request{Method: method}) // in the name of the caller
		},
		"plain":  func(a int) int { ran <- "plain"; return a },
		"typed":  rpc.Func1(func(_ context.Context, a int) (int, error) { ran <- "typed"; return a, nil }),
		"stream": func() iter.Seq2[int, error] { ran <- "stream"; return count(3, nil) },
		"bytes":  func() io.Reader { ran <- "bytes"; return strings.NewReader("bytes") },
		"upload": func(nums iter.Seq2[int, error]) int { ran <- "upload"; return 0 },
		"reader": func(r io.Reader) int { ran <- "reader"; return 0 },
	})
	if err := reg.Register("short", func() int { ran <- "short"; return 1 }, rpc.Short(), rpc.Help("help of short")); err != nil {
		t.Fatal(err)
	}
	err := reg.Handle("raw", func(context.Context, *rpc.Request) (any, error) { ran <- "raw"; return nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	c := tr.Connect(t, reg)
	if got, err := rpc.Invoke[string](tr.bounded(t), c, "open"); got != tr.Identity || err != nil {
		t.Fatalf("open as %q = %q, %v", tr.Identity, got, err)
	}

	const nested = "by a function that calls it"
	ways := []struct {
		name string
		call func(method string) error
	}{
		{"without arguments", func(method string) error {
			_, err := rpc.Invoke[any](tr.bounded(t), c, method)
			return err
		}},
		{"with arguments", func(method string) error {
			_, err := rpc.Invoke[any](tr.bounded(t), c, method, "x", 2, []string{canary})
			return err
		}},
		{"as a stream", func(method string) error {
			_, err := drain(rpc.Stream[any](tr.bounded(t), c, method))
			return err
		}},
		{"with a stream", func(method string) error {
			_, err := rpc.Invoke[any](tr.bounded(t), c, method, count(3, nil))
			return err
		}},
		{"with bytes", func(method string) error {
			_, err := rpc.Invoke[any](tr.bounded(t), c, method, strings.NewReader("bytes"))
			return err
		}},
		{"in a multicall", func(method string) error {
			answers, err := rpc.Invoke[[]any](tr.bounded(t), c, "system.multicall", []any{multi(method, 1)})
			if err != nil || len(answers) != 1 {
				return fmt.Errorf("%v, %w", answers, err)
			}
			code, text := multiFault(answers[0])
			return rpc.Errorf(int(code), "%s", text)
		}},
		{nested, func(method string) error {
			_, err := rpc.Invoke[any](tr.bounded(t), c, "relay", method)
			return err
		}},
		{"by asking for its help", func(method string) error {
			_, err := rpc.Invoke[any](tr.bounded(t), c, "system.methodHelp", method)
			return err
		}},
		{"by asking for its signature", func(method string) error {
			_, err := rpc.Invoke[any](tr.bounded(t), c, "system.methodSignature", method)
			return err
		}},
		{"by asking for its parameters", func(method string) error {
			_, err := rpc.Invoke[any](tr.bounded(t), c, "system.methodParams", method)
			return err
		}},
		{"by asking for its types", func(method string) error {
			_, err := rpc.Invoke[any](tr.bounded(t), c, "system.methodTypes", method)
			return err
		}},
	}
	denied := []string{"plain", "typed", "stream", "bytes", "upload", "reader", "short", "raw", "system.ping", "system.getCapabilities"}
	for _, way := range ways {
		code := rpc.CodeMethodNotFound
		if way.name == nested { // what the function says of its own call
			code = rpc.CodeApplication
		}
		before := allowed.times("none")
		f := wantFault(t, "an unknown method "+way.name, way.call("none"), code, "method not found: none")
		unknown := strings.ReplaceAll(f.Message, "none", "NAME")
		asked := allowed.times("none") - before
		if asked < 1 {
			t.Errorf("an unknown method %s: nobody was asked whether it is allowed", way.name)
		}
		for _, method := range denied {
			before := allowed.times(method)
			f := wantFault(t, method+" "+way.name, way.call(method), code)
			if got := strings.ReplaceAll(f.Message, method, "NAME"); got != unknown {
				t.Errorf("%s %s is denied with %q, an unknown method with %q", method, way.name, got, unknown)
			}
			if got := allowed.times(method) - before; got != asked {
				t.Errorf("%s %s: asked %d times whether it is allowed, for an unknown method %d times", method, way.name, got, asked)
			}
		}
	}
	select {
	case name := <-ran:
		t.Errorf("%s ran, though it is denied", name)
	default:
	}
	list, err := rpc.Invoke[[]string](tr.bounded(t), c, "system.listMethods")
	if want := slices.Sorted(slices.Values(allowed.methods)); err != nil || !slices.Equal(list, want) {
		t.Errorf("listMethods = %v, %v; want %v", list, err, want)
	}
}

// testDeniedIsLogged: once each, with who and what, and without arguments. What is
// not there is told as well: the one who tries methods out is whom a log is for.
func testDeniedIsLogged(t *testing.T, tr Transport) {
	reg, log := newRegistry()
	reg.Authorizer = &onlyFor{identity: tr.Identity, methods: []string{"open", "system.multicall", "system.methodHelp"}}
	register(t, reg, functions{"open": func(string) {}, "shut": func(string) {}})
	c := tr.Connect(t, reg)
	call := func(allowed bool, method string, arg any) {
		t.Helper()
		if _, err := rpc.Invoke[any](tr.bounded(t), c, method, arg); allowed != (err == nil) {
			t.Errorf("%s: got %v; want it allowed: %v", method, err, allowed)
		}
	}
	call(true, "open", canary)
	call(false, "shut", canary)
	call(false, "none", canary)
	call(true, "system.multicall", []any{multi("open", canary), multi("multi.none", canary), multi("system.ping", canary)})
	call(true, "system.methodHelp", "open")
	call(false, "system.methodHelp", "shut")
	call(false, "system.methodHelp", "help.none")
	want := []string{
		"method=shut outcome=denied",
		"method=none outcome=unknown",
		"method=multi.none outcome=unknown",
		"method=system.ping outcome=denied",
		"method=shut outcome=hidden",
		"method=help.none outcome=hidden",
	}
	var got []string
	for line := range strings.Lines(log.String()) {
		if !strings.Contains(line, "msg=authz_deny") {
			continue
		}
		if _, what, ok := strings.Cut(strings.TrimSpace(line), " method="); ok {
			got = append(got, "method="+what)
		}
		identity := tr.Identity
		if identity == "" {
			identity = `""`
		}
		for _, part := range []string{"level=WARN", "peer=", "transport=", "identity=" + identity + " ", "credential="} {
			if !strings.Contains(line, part) {
				t.Errorf("got %q; want %q in it", line, part)
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the log tells\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if strings.Contains(log.String(), canary) {
		t.Errorf("the log shows arguments:\n%s", log)
	}
}
