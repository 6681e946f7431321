package main

import (
	"errors"
	"fmt"
	"io"
	netrpc "net/rpc"
)

// callOld makes the calls as a client of net/rpc.
func callOld(out io.Writer, address string) error {
	client, err := netrpc.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer client.Close()

	var product int
	if err := client.Call("Arith.Multiply", &Args{7, 8}, &product); err != nil {
		return err
	}
	var quo Quotient
	if err := client.Call("Arith.Divide", &Args{17, 5}, &quo); err != nil {
		return err
	}
	fmt.Fprintln(out, "net/rpc:", product, quo)

	err = client.Call("Arith.Divide", &Args{17, 0}, &quo)
	var said netrpc.ServerError
	if !errors.As(err, &said) {
		return fmt.Errorf("want an error of the server, got %w", err)
	}
	fmt.Fprintln(out, "net/rpc:", said)
	return nil
}
