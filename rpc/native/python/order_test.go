package python

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
)

// docs/from-multiprocessing.md: a parameter that is a value.Map has the entries of a
// dict in their order, and gives them back so; any has not.
func TestOrderOfADict(t *testing.T) {
	reg := rpc.NewRegistry()
	for name, f := range map[string]any{"ordered": func(m value.Map) value.Map { return m }, "sorted": func(v any) any { return v }} {
		if err := reg.Register(name, f); err != nil {
			t.Fatal(err)
		}
	}
	_, c := start(t, reg, Config{})
	for _, test := range []struct{ name, want string }{
		{"ordered", "\x80\x04}(\x8c\x01z\x94K\x01\x8c\x01a\x94K\x02u."},
		{"sorted", "\x80\x04}(\x8c\x01a\x94K\x02\x8c\x01z\x94K\x01u."},
	} {
		ctx := testContext(t)
		if err := c.SendBytes(ctx, []byte("\x80\x04\x8c"+string(rune(len(test.name)))+test.name+"}(\x8c\x01zK\x01\x8c\x01aK\x02u\x85\x86.")); err != nil {
			t.Fatal(err)
		}
		if got, err := c.RecvBytes(ctx); err != nil || string(got) != test.want {
			t.Errorf("%s: got %q, %v; want %q", test.name, got, err, test.want)
		}
	}
}

// The row for parameters with a default: def f(a, b=2, *c).
func TestParametersWithADefault(t *testing.T) {
	reg := rpc.NewRegistry()
	f := func(a int, b *int, c ...any) []any {
		got := []any{a, nil, len(c)}
		if b != nil {
			got[1] = *b
		}
		return got
	}
	if err := reg.Register("f", f, rpc.Params("a", "b", "c")); err != nil {
		t.Fatal(err)
	}
	if err := reg.Register("g", func(a int, named map[string]any) any { return named["x"] }); err != nil {
		t.Fatal(err)
	}
	_, c := start(t, reg, Config{})
	for _, test := range []struct {
		send tuple
		want any
	}{
		{tuple{"f", tuple{1}}, []any{int64(1), nil, int64(0)}},
		{tuple{"f", tuple{1, 5}}, []any{int64(1), int64(5), int64(0)}},
		{tuple{"f", tuple{1, 5, 6, 7}}, []any{int64(1), int64(5), int64(2)}},
		{tuple{"f", tuple{1}, map[string]any{"b": 5}}, []any{int64(1), int64(5), int64(0)}},
		{tuple{"f", tuple{}, map[string]any{"a": 1}}, []any{int64(1), nil, int64(0)}},
		{tuple{"g", tuple{1, map[string]any{"x": 2}}}, int64(2)},
	} {
		if diff := cmp.Diff(test.want, exchange(t, c, test.send)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", test.send, diff)
		}
	}
}
