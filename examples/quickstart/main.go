// Quickstart registers one function, serves it on both transports, and calls
// it on both.
//
//	go run ./examples/quickstart
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/python"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

func main() {
	key := auth.GenerateKey() // what native peers share; auth.LoadKey reads it from a file
	err := serve(key, func(webURL, nativeURL string) error {
		return call(context.Background(), os.Stdout, webURL, nativeURL, key)
	})
	if err != nil {
		log.Fatal(err)
	}
}

// add is a plain function.
func add(a, b int) int { return a + b }

// serve serves add for as long as use runs.
func serve(key *auth.Authkey, use func(webURL, nativeURL string) error) error {
	reg := rpc.NewRegistry()
	if err := reg.Register("add", add, rpc.Params("a", "b")); err != nil {
		return err
	}
	web := xmlrpc.Server{Handler: reg}
	channel := native.Server{Handler: reg, Objects: python.Handler(reg), Auth: key}

	webListener, err := web.Listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	go web.Serve(webListener)
	defer web.Close()

	nativeListener, err := channel.Listen("tcp://127.0.0.1:0")
	if err != nil {
		return err
	}
	go channel.Serve(nativeListener)
	defer channel.Close()

	return use(web.URL(webListener.Addr()), "tcp://"+nativeListener.Addr().String())
}

// call calls add on both transports: only the way to get a client differs.
func call(ctx context.Context, out io.Writer, webURL, nativeURL string, key *auth.Authkey) error {
	web, err := xmlrpc.NewClient(webURL, xmlrpc.ClientConfig{})
	if err != nil {
		return err
	}
	defer web.Close()
	channel, err := native.Dial(ctx, nativeURL, native.DialConfig{Auth: key})
	if err != nil {
		return err
	}
	defer channel.Close()

	for _, client := range []rpc.Caller{web, channel} {
		sum, err := rpc.Invoke[int](ctx, client, "add", 3, 5)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%T: 3 + 5 = %d\n", client, sum)
	}

	_, err = rpc.Invoke[int](ctx, channel, "add", 3, "five")
	var fault *rpc.Fault
	if !errors.As(err, &fault) { // a fault: the peer was reached, and said no
		return fmt.Errorf("want a fault, got %w", err)
	}
	fmt.Fprintf(out, "code %d, %s\n", fault.Code, fault.Message)
	return nil
}
