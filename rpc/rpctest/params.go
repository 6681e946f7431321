package rpctest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
)

// testParameters looks at how arguments meet parameters.
func testParameters(t *testing.T, tr Transport) {
	var ran atomic.Bool
	c := tr.connect(t, functions{
		"none": func() string { return "none" },
		"ctx": func(ctx context.Context, a, b int) string {
			return fmt.Sprint(ctx != nil, a, b)
		},
		"optional": func(a int, b *int, c *string) string {
			text := fmt.Sprint(a)
			if b != nil {
				text += fmt.Sprint(" b=", *b)
			}
			if c != nil {
				text += fmt.Sprint(" c=", *c)
			}
			return text
		},
		"variadic":  func(head string, rest ...int) string { return fmt.Sprintf("%s%v%t", head, rest, rest == nil) },
		"variadics": func(rest ...any) int { return len(rest) },
		"small": func(a int, o struct {
			Items []item `rpc:"items"`
		},
		) {
			ran.Store(true)
		},
		"unsigned": func(n uint8) { ran.Store(true) },
		"whole":    func(n int) int { return n },
		"fraction": func(f float64) float64 { return f },
		"text":     func(s string) { ran.Store(true) },
		"blob":     func(b []byte) { ran.Store(true) },
		"list":     func(list []string) { ran.Store(true) },
		"pair":     func(list [2]int) { ran.Store(true) },
		"flag":     func(b bool) { ran.Store(true) },
	})
	type record = map[string]any

	good := []struct {
		method string
		args   []any
		want   any
	}{
		{"none", nil, "none"},
		{"ctx", []any{1, 2}, "true 1 2"},
		{"optional", []any{1}, "1"},
		{"optional", []any{1, 2}, "1 b=2"},
		{"optional", []any{1, 2, "x"}, "1 b=2 c=x"},
		{"optional", []any{1, nil, "x"}, "1 c=x"},
		{"optional", []any{1, nil, nil}, "1"},
		{"variadic", []any{"h"}, "h[]true"},
		{"variadic", []any{"h", 1}, "h[1]false"},
		{"variadic", []any{"h", 1, 2, 3}, "h[1 2 3]false"},
		{"variadics", make([]any, 200), int64(200)},
		{"whole", []any{3.0}, int64(3)}, // some languages know no other numbers
		{"fraction", []any{3}, 3.0},
	}
	for _, tt := range good {
		got, err := rpc.Invoke[any](tr.bounded(t), c, tt.method, tt.args...)
		if err != nil || !same(tt.want, got) {
			t.Errorf("%s%v = %v, %v; want %v", tt.method, tt.args, got, err, tt.want)
		}
	}

	bad := []struct {
		method string
		args   []any
		text   string
	}{
		{"none", []any{1}, "expected no arguments, got 1"},
		{"ctx", []any{1}, "expected 2 arguments, got 1"},
		{"ctx", []any{1, 2, 3}, "expected 2 arguments, got 3"},
		{"ctx", nil, "expected 2 arguments, got 0"},
		{"optional", nil, "expected 1 to 3 arguments, got 0"},
		{"optional", []any{1, 2, "x", 4}, "expected 1 to 3 arguments, got 4"},
		{"variadic", nil, "expected at least 1 argument, got 0"},
		{"variadic", []any{"h", 1, "x"}, "params[2]: expected int, got string"},
		{
			"small",
			[]any{1, record{"items": []any{record{"qty": 1}, record{"qty": 127}, record{}, record{"qty": 300}}}},
			"params[1].items[3].qty: 300 does not fit int8",
		},
		{"small", []any{1, record{"items": []item{}, "x": 1}, 3}, "got 3"},
		{"small", []any{1, record{"items": record{}}}, "params[1].items: expected list, got map"},
		{"unsigned", []any{-1}, "params[0]: -1 does not fit uint8"},
		{"unsigned", []any{256}, "params[0]: 256 does not fit uint8"},
		{"whole", []any{1.5}, "params[0]: 1.5 does not fit int"},
		{"whole", []any{1e300}, "params[0]: 1e+300 does not fit int"},
		{"whole", []any{"1"}, "params[0]: expected int, got string"},
		{"whole", []any{true}, "params[0]: expected int, got bool"},
		{"whole", []any{nil}, "params[0]: expected int, got nil"},
		{"fraction", []any{int64(math.MaxInt64)}, "params[0]: 9223372036854775807 does not fit a float exactly"},
		{"text", []any{1}, "params[0]: expected string, got int"},
		{"text", []any{[]byte("x")}, "params[0]: expected string, got bytes"},
		{"blob", []any{"x"}, "params[0]: expected bytes, got string"},
		{"list", []any{[]any{"a", 1}}, "params[0][1]: expected string, got int"},
		{"list", []any{"a"}, "params[0]: expected list, got string"},
		{"pair", []any{[]int{1}}, "params[0]: expected a list of 2 elements, got 1"},
		{"pair", []any{[]int{1, 2, 3}}, "params[0]: expected a list of 2 elements, got more"},
		{"flag", []any{1}, "params[0]: expected bool, got int"},
	}
	if tr.BigInts {
		bad = append(bad, struct {
			method string
			args   []any
			text   string
		}{"whole", []any{power(64)}, "params[0]: 18446744073709551616 does not fit int"})
	}
	for _, tt := range bad {
		_, err := rpc.Invoke[any](tr.bounded(t), c, tt.method, tt.args...)
		wantFault(t, fmt.Sprintf("%s%v", tt.method, tt.args), err, rpc.CodeInvalidParams, tt.text)
		if ran.Load() {
			t.Fatalf("%s%v ran with arguments that do not fit", tt.method, tt.args)
		}
	}
	tr.wantAlive(t, c)
}

// testResults looks at what functions can return, and at what their callers
// make of it.
func testResults(t *testing.T, tr Transport) {
	c := tr.connect(t, functions{
		"nothing":  func() {},
		"onlyErr":  func(fail bool) error { return failure(fail) },
		"both":     func(fail bool) (int, error) { return 7, failure(fail) },
		"big":      func() int { return 300 },
		"point":    func() *point { return &point{1, 2} },
		"nilPoint": func() *point { return nil },
		"nilSlice": func() []int { return nil },
		"any":      func() (any, error) { return item{Name: "x"}, nil },
	})
	ctx := tr.bounded(t)
	if _, err := rpc.Invoke[value.Void](ctx, c, "nothing"); err != nil {
		t.Errorf("a function without result: %v", err)
	}
	if v, err := rpc.Invoke[any](ctx, c, "nothing"); err != nil || v != nil && v != true {
		t.Errorf("a function without result gave %v, %v; want nil, or true as the wire's sign for it", v, err)
	}
	if _, err := rpc.Invoke[value.Void](ctx, c, "onlyErr", false); err != nil {
		t.Errorf("a function with only an error: %v", err)
	}
	_, err := rpc.Invoke[value.Void](ctx, c, "onlyErr", true)
	wantFault(t, "a function with only an error", err, rpc.CodeApplication, "it failed")
	if n, err := rpc.Invoke[int](ctx, c, "both", false); n != 7 || err != nil {
		t.Errorf("both(false) = %d, %v; want 7", n, err)
	}
	n, err := rpc.Invoke[int](ctx, c, "both", true)
	wantFault(t, "both(true)", err, rpc.CodeApplication, "it failed")
	if n != 0 {
		t.Errorf("a failed call left a result: %d", n)
	}
	if p, err := rpc.Invoke[*point](ctx, c, "point"); err != nil || !same(&point{1, 2}, p) {
		t.Errorf("point = %v, %v; want {1 2}", p, err)
	}
	if p, err := rpc.Invoke[*point](ctx, c, "nilPoint"); err != nil || p != nil {
		t.Errorf("nilPoint = %v, %v; want nil", p, err)
	}
	if list, err := rpc.Invoke[any](ctx, c, "nilSlice"); err != nil || !same([]any{}, list) {
		t.Errorf("a nil slice came as %#v, %v; want an empty list", list, err)
	}
	if r, err := rpc.Invoke[item](ctx, c, "any"); err != nil || r.Name != "x" {
		t.Errorf("a struct as an any came as %v, %v", r, err)
	}

	// The call was answered, but its caller asked for something else: no fault.
	for _, into := range []func() error{
		func() error { _, err := rpc.Invoke[int8](ctx, c, "big"); return err },
		func() error { _, err := rpc.Invoke[string](ctx, c, "big"); return err },
		func() error {
			_, err := rpc.Invoke[struct {
				Y []int `rpc:"y"`
			}](ctx, c, "point")
			return err
		},
	} {
		err := into()
		var f *rpc.Fault
		if err == nil || errors.As(err, &f) {
			t.Errorf("a result of another type: got error %v; want one that is no fault", err)
		} else if !strings.Contains(err.Error(), "300 does not fit int8") && !strings.Contains(err.Error(), "expected") {
			t.Errorf("a result of another type: %v does not say what was expected", err)
		}
		tr.wantAlive(t, c)
	}

	var result int
	got, err := c.Call(ctx, &rpc.Request{Method: "big", Into: &result})
	if p, ok := got.(*int); err != nil || !ok || p != &result || result != 300 {
		t.Errorf("Call with Into returned %v, %v and put %d there; want Into itself and 300", got, err, result)
	}
}

func failure(fail bool) error {
	if fail {
		return errors.New("it failed")
	}
	return nil
}
