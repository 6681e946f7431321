package main

import (
	"errors"
	netrpc "net/rpc"
)

// Args are the numbers to calculate with.
type Args struct{ A, B int }

// Quotient is the result of a division.
type Quotient struct{ Quo, Rem int }

// Arith is a service in the form that net/rpc wants.
type Arith struct{}

// Multiply sets product to A times B.
func (Arith) Multiply(args *Args, product *int) error {
	*product = args.A * args.B
	return nil
}

// Divide sets quo to A divided by B.
func (Arith) Divide(args *Args, quo *Quotient) error {
	if args.B == 0 {
		return errors.New("divide by zero")
	}
	*quo = Quotient{args.A / args.B, args.A % args.B}
	return nil
}

// oldServer makes the server that is there.
func oldServer() (*netrpc.Server, error) {
	server := netrpc.NewServer()
	if err := server.Register(Arith{}); err != nil {
		return nil, err
	}
	return server, nil
}
