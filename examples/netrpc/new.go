package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
)

// method makes a function out of a method of net/rpc: its reply is the result.
func method[A, R any](call func(*A, *R) error) func(A) (R, error) {
	return func(args A) (reply R, err error) {
		err = call(&args, &reply)
		return reply, err
	}
}

// registry has the methods of the old service under their names, and one of
// them once more, as it is written for Parley.
func registry() (*rpc.Registry, error) {
	reg := rpc.NewRegistry()
	var arith Arith
	return reg, errors.Join(
		reg.Register("Arith.Multiply", method(arith.Multiply)),
		reg.Register("Arith.Divide", method(arith.Divide)),
		reg.Register("divide", divide, rpc.Params("a", "b")),
	)
}

// divide is a plain function.
func divide(ctx context.Context, a, b int) (Quotient, error) {
	if err := ctx.Err(); err != nil { // the caller has gone, or its time is over
		return Quotient{}, err
	}
	if b == 0 {
		return Quotient{}, rpc.Errorf(1, "divide by zero")
	}
	return Quotient{a / b, a % b}, nil
}

// callNew makes the same calls as a client of Parley.
func callNew(ctx context.Context, out io.Writer, url string, key *auth.Authkey) error {
	client, err := native.Dial(ctx, url, native.DialConfig{Auth: key})
	if err != nil {
		return err
	}
	defer client.Close()

	product, err := rpc.Invoke[int](ctx, client, "Arith.Multiply", Args{7, 8})
	if err != nil {
		return err
	}
	quo, err := rpc.Invoke[Quotient](ctx, client, "Arith.Divide", Args{17, 5})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "parley:", product, quo)

	_, err = rpc.Invoke[Quotient](ctx, client, "Arith.Divide", Args{17, 0})
	var fault *rpc.Fault
	if !errors.As(err, &fault) {
		return fmt.Errorf("want a fault, got %w", err)
	}
	fmt.Fprintln(out, "parley:", fault.Message)

	return callBound(ctx, out, client)
}

// callBound calls the plain function through a struct of functions.
func callBound(ctx context.Context, out io.Writer, client rpc.Caller) error {
	var api struct {
		Divide func(ctx context.Context, a, b int) (Quotient, error)
	}
	if err := rpc.Bind(client, &api); err != nil {
		return err
	}
	quo, err := api.Divide(ctx, 17, 5)
	if err != nil {
		return err
	}
	_, err = api.Divide(ctx, 17, 0)
	var fault *rpc.Fault
	if !errors.As(err, &fault) {
		return fmt.Errorf("want a fault, got %w", err)
	}
	fmt.Fprintln(out, "bound:", quo, fault.Code, fault.Message)
	return nil
}
