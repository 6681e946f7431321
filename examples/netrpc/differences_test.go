package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	netrpc "net/rpc"
	"testing"

	"github.com/parley-rpc/parley/rpc"
)

// These tests hold what docs/from-net-rpc.md says of the two.

// odd has methods that net/rpc takes, and some that it does not.
type odd struct{ hold chan struct{} } // which Wait waits for

func (odd) Fits(_ *Args, _ *int) error        { return nil }
func (odd) Plain(a, b int) int                { return a + b }
func (o odd) Wait(_ *Args, _ *int) error      { <-o.hold; return nil }
func (odd) Zero(_ *Args, _ *Quotient) error   { return nil }
func (odd) Float(_ *Args, sum *float64) error { *sum = 2; return nil }

// connected returns a client of net/rpc, and the other end of its connection.
func connected(t *testing.T) (*netrpc.Client, net.Conn) {
	t.Helper()
	server := netrpc.NewServer()
	hold := make(chan struct{})
	if err := server.RegisterName("odd", odd{hold}); err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	served := make(chan struct{})
	go func() {
		defer close(served)
		server.ServeConn(far)
	}()
	client := netrpc.NewClient(near)
	t.Cleanup(func() {
		client.Close()
		close(hold)
		<-served
	})
	return client, far
}

func TestMethodsThatDoNotFit(t *testing.T) {
	client, _ := connected(t)
	if err := client.Call("odd.Plain", &Args{}, new(int)); err == nil {
		t.Error("net/rpc: got no error; want one, the method was left out")
	}
	reg := rpc.NewRegistry()
	if err := reg.Register("odd", func() chan int { return nil }); err == nil {
		t.Error("parley: got no error of Register; want one")
	}
	if err := reg.Register("arith", Arith{}); err == nil {
		t.Error("parley: got no error of Register of a value with nothing but methods for net/rpc; want one")
	}
}

func TestReplyThatWasFull(t *testing.T) {
	client, _ := connected(t)
	quo := Quotient{1, 2}
	if err := client.Call("odd.Zero", &Args{}, &quo); err != nil || quo != (Quotient{1, 2}) {
		t.Errorf("net/rpc: got %v, %v; want what was there before", quo, err)
	}
	reg := rpc.NewRegistry()
	if err := reg.Register("zero", func() Quotient { return Quotient{} }); err != nil {
		t.Fatal(err)
	}
	if _, err := reg.Call(t.Context(), &rpc.Request{Method: "zero", Into: &quo, Peer: &rpc.Peer{}}); err != nil || quo != (Quotient{}) {
		t.Errorf("parley: got %v, %v; want nothing of what was there before", quo, err)
	}
}

func TestBrokenConnection(t *testing.T) {
	client, far := connected(t)
	call := client.Go("odd.Wait", &Args{}, new(int), nil)
	if err := client.Call("odd.Fits", &Args{}, new(int)); err != nil { // it has been sent, then
		t.Fatal(err)
	}
	far.Close()
	if <-call.Done; !errors.Is(call.Error, io.ErrUnexpectedEOF) {
		t.Errorf("net/rpc, the call that ran: got %v; want io.ErrUnexpectedEOF", call.Error)
	}
	if err := client.Call("odd.Fits", &Args{}, new(int)); !errors.Is(err, netrpc.ErrShutdown) {
		t.Errorf("net/rpc, the next one: got %v; want ErrShutdown", err)
	}
}

// The reply of a method that is registered as it is would be lost.
func TestReplyAsAnArgument(t *testing.T) {
	reg := rpc.NewRegistry()
	reg.Logger = slog.New(slog.DiscardHandler)
	if err := errors.Join(
		reg.Register("as.it.is", Arith{}.Divide),
		reg.Register("through.method", method(Arith{}.Divide)),
		reg.Register("panics", func() { panic("no") }),
	); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if got, err := rpc.Invoke[any](ctx, reg, "as.it.is", Args{17, 5}, Quotient{}); got == (Quotient{3, 2}) {
		t.Errorf("as it is: got %v, %v; want that the reply is lost", got, err)
	}
	if got, err := rpc.Invoke[Quotient](ctx, reg, "through.method", Args{17, 5}); err != nil || got != (Quotient{3, 2}) {
		t.Errorf("through method: got %v, %v; want {3 2}", got, err)
	}
	var fault *rpc.Fault
	if _, err := rpc.Invoke[any](ctx, reg, "panics"); !errors.As(err, &fault) || fault.Code != -32603 {
		t.Errorf("panic: got %v; want the fault -32603", err)
	}
}

// A value of net/rpc that does not fit is an error on both sides; 3.0 is an
// integer for Parley alone.
func TestFloatIntoInteger(t *testing.T) {
	client, _ := connected(t)
	var n int
	if err := client.Call("odd.Float", &Args{}, &n); err == nil {
		t.Errorf("net/rpc: got %d; want an error", n)
	}
	reg := rpc.NewRegistry()
	if err := reg.Register("same", func(n int) int { return n }); err != nil {
		t.Fatal(err)
	}
	if got, err := rpc.Invoke[int](t.Context(), reg, "same", 3.0); err != nil || got != 3 {
		t.Errorf("parley: got %v, %v; want 3", got, err)
	}
	if got, err := rpc.Invoke[int](t.Context(), reg, "same", 2.5); err == nil {
		t.Errorf("parley: got %v; want an error", got)
	}
}

// A type that is registered by its value has names of Go's other style.
func TestNames(t *testing.T) {
	reg := rpc.NewRegistry()
	if err := reg.Register("arith", plain{}); err != nil {
		t.Fatal(err)
	}
	if got, err := rpc.Invoke[int](context.Background(), reg, "arith.add", 3, 5); err != nil || got != 8 {
		t.Errorf("got %v, %v; want 8", got, err)
	}
}

type plain struct{}

func (plain) Add(a, b int) int { return a + b }
