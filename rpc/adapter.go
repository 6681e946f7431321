package rpc

import (
	"context"

	"github.com/parley-rpc/parley/rpc/value"
)

// Adapter is a function for Register that is called without reflection. It
// means exactly what the function itself would mean.
type Adapter struct {
	fn   any
	call func(ctx context.Context, m *method, req *Request) (any, error)
}

// Func0 adapts a function without arguments.
func Func0[R any](f func(context.Context) (R, error)) Adapter {
	return Adapter{f, func(ctx context.Context, m *method, req *Request) (any, error) {
		if err := m.decode(req, nil); err != nil {
			return nil, err
		}
		return answer(f(ctx))
	}}
}

// Func1 adapts a function of one argument.
func Func1[A, R any](f func(context.Context, A) (R, error)) Adapter {
	return Adapter{f, func(ctx context.Context, m *method, req *Request) (any, error) {
		var in struct {
			a   A
			dst [1]any
		}
		in.dst = [1]any{&in.a}
		if err := m.decode(req, in.dst[:]); err != nil {
			return nil, err
		}
		return answer(f(ctx, in.a))
	}}
}

// Func2 adapts a function of two arguments.
func Func2[A, B, R any](f func(context.Context, A, B) (R, error)) Adapter {
	return Adapter{f, func(ctx context.Context, m *method, req *Request) (any, error) {
		var in struct {
			a   A
			b   B
			dst [2]any
		}
		in.dst = [2]any{&in.a, &in.b}
		if err := m.decode(req, in.dst[:]); err != nil {
			return nil, err
		}
		return answer(f(ctx, in.a, in.b))
	}}
}

// Func3 adapts a function of three arguments.
func Func3[A, B, C, R any](f func(context.Context, A, B, C) (R, error)) Adapter {
	return Adapter{f, func(ctx context.Context, m *method, req *Request) (any, error) {
		var in struct {
			a   A
			b   B
			c   C
			dst [3]any
		}
		in.dst = [3]any{&in.a, &in.b, &in.c}
		if err := m.decode(req, in.dst[:]); err != nil {
			return nil, err
		}
		return answer(f(ctx, in.a, in.b, in.c))
	}}
}

func answer[R any](result R, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return result, nil
}

// Stub0 returns a typed client of a method without arguments. R is value.Void
// for a method without a result.
func Stub0[R any](c Caller, method string) func(context.Context) (R, error) {
	return func(ctx context.Context) (R, error) { return Invoke[R](ctx, c, method) }
}

// Stub1 returns a typed client of a method with one argument.
func Stub1[A, R any](c Caller, method string) func(context.Context, A) (R, error) {
	return func(ctx context.Context, a A) (R, error) { return Invoke[R](ctx, c, method, a) }
}

// Stub2 returns a typed client of a method with two arguments.
func Stub2[A, B, R any](c Caller, method string) func(context.Context, A, B) (R, error) {
	return func(ctx context.Context, a A, b B) (R, error) { return Invoke[R](ctx, c, method, a, b) }
}

// Stub3 returns a typed client of a method with three arguments.
func Stub3[A, B, C, R any](c Caller, method string) func(context.Context, A, B, C) (R, error) {
	return func(ctx context.Context, a A, b B, x C) (R, error) { return Invoke[R](ctx, c, method, a, b, x) }
}

// Void is the result of a method that has none.
type Void = value.Void
