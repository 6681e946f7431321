package rpctest

import (
	"context"
	"errors"
	"iter"
	"testing"

	"github.com/parley-rpc/parley/rpc"
)

// testStubs: typed clients without generated code.
func testStubs(t *testing.T, tr Transport) {
	fns := failing()
	fns["math.add"] = rpc.Func2(func(_ context.Context, a, b int) (int, error) { return a + b, nil })
	fns["math.sum"] = func(ns ...int) (total int) {
		for _, n := range ns {
			total += n
		}
		return total
	}
	fns["math.mirror"] = rpc.Func1(func(_ context.Context, p point) (point, error) { return point{p.Y, p.X}, nil })
	fns["zero"] = rpc.Func0(func(context.Context) (string, error) { return "zero", nil })
	fns["join"] = rpc.Func3(func(_ context.Context, a string, b []byte, c bool) (string, error) {
		if !c {
			return "", errors.New("not joined")
		}
		return a + string(b), nil
	})
	fns["count"] = func(n int) iter.Seq2[int, error] { return count(n, nil) }
	c := tr.connect(t, fns)

	var api struct {
		Zero func(context.Context) (string, error)
		Join func(context.Context, string, []byte, bool) (string, error) `rpc:"join"`
		Math struct {
			Add    func(context.Context, int, int) (int, error)
			Sum    func(context.Context, ...int) (int, error)
			Mirror func(context.Context, point) (*point, error)
		}
		Fails func(context.Context) error                             `rpc:"plain"`
		Count func(context.Context, int) iter.Seq2[int, error]        `rpc:"count"`
		Gone  func(context.Context, map[string]any) ([]string, error) `rpc:"no.such"`
	}
	if err := rpc.Bind(c, &api); err != nil {
		t.Fatal(err)
	}
	ctx := tr.bounded(t)
	if got, err := api.Zero(ctx); got != "zero" || err != nil {
		t.Errorf("Zero = %q, %v", got, err)
	}
	if got, err := api.Join(ctx, "a", []byte("b"), true); got != "ab" || err != nil {
		t.Errorf("Join = %q, %v; want ab", got, err)
	}
	_, err := api.Join(ctx, "a", nil, false)
	wantFault(t, "Join", err, rpc.CodeApplication, "not joined")
	if got, err := api.Math.Add(ctx, 3, 5); got != 8 || err != nil {
		t.Errorf("Math.Add(3, 5) = %d, %v; want 8", got, err)
	}
	if got, err := api.Math.Sum(ctx, 1, 2, 3, 4); got != 10 || err != nil {
		t.Errorf("Math.Sum(1, 2, 3, 4) = %d, %v; want 10", got, err)
	}
	if got, err := api.Math.Sum(ctx); got != 0 || err != nil {
		t.Errorf("Math.Sum() = %d, %v; want 0", got, err)
	}
	if got, err := api.Math.Mirror(ctx, point{1, 2}); err != nil || !same(&point{2, 1}, got) {
		t.Errorf("Math.Mirror = %v, %v; want {2 1}", got, err)
	}
	wantFault(t, "Fails", api.Fails(ctx), rpc.CodeApplication, "the disk is full")
	if items, err := drain(api.Count(ctx, 4)); err != nil || !same([]int{0, 1, 2, 3}, items) {
		t.Errorf("Count(4) = %v, %v", items, err)
	}
	_, err = api.Gone(ctx, nil)
	wantFault(t, "Gone", err, rpc.CodeMethodNotFound)

	if got, err := rpc.Stub0[string](c, "zero")(ctx); got != "zero" || err != nil {
		t.Errorf("Stub0 = %q, %v", got, err)
	}
	if got, err := rpc.Stub1[point, point](c, "math.mirror")(ctx, point{1, 2}); got != (point{2, 1}) || err != nil {
		t.Errorf("Stub1 = %v, %v", got, err)
	}
	if got, err := rpc.Stub2[int, int, int](c, "math.add")(ctx, 3, 5); got != 8 || err != nil {
		t.Errorf("Stub2 = %d, %v", got, err)
	}
	if got, err := rpc.Stub3[string, []byte, bool, string](c, "join")(ctx, "x", []byte("y"), true); got != "xy" || err != nil {
		t.Errorf("Stub3 = %q, %v", got, err)
	}
	_, err = rpc.Stub2[int, string, int](c, "math.add")(ctx, 3, "5")
	wantFault(t, "Stub2 with a text", err, rpc.CodeInvalidParams, "params[1]: expected int, got string")
}
