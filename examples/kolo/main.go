// Kolo shows how a program leaves github.com/kolo/xmlrpc in three steps: as it is,
// over Parley's transport without another change, and with Parley's client.
//
//	go run ./examples/kolo
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	koloxmlrpc "github.com/kolo/xmlrpc"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
	"github.com/parley-rpc/parley/services/adder"
	"github.com/parley-rpc/parley/services/catalog"
)

// Product is tagged for kolo. The tags mean the same to Parley, so that the
// types of a program can stay as they are.
type Product struct {
	ID    int     `xmlrpc:"pid"`
	Name  string  `xmlrpc:"pname"`
	Price float64 `xmlrpc:"pprice"`
}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	reg := rpc.NewRegistry()
	if err := errors.Join(adder.Register(reg), catalog.Register(reg, catalog.New())); err != nil {
		return err
	}
	srv := xmlrpc.Server{Handler: reg}
	ln, err := srv.Listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	go srv.Serve(ln) // until Close
	defer srv.Close()

	url := srv.URL(ln.Addr())
	if err := asItIs(url, out); err != nil {
		return err
	}
	if err := overTransport(url, out); err != nil {
		return err
	}
	return withParley(ctx, url, out)
}

// asItIs is a program as it is written today.
func asItIs(url string, out io.Writer) error {
	client, err := koloxmlrpc.NewClient(url, nil)
	if err != nil {
		return err
	}
	defer client.Close()
	return shop(client, "kolo", out)
}

// overTransport is the first step: the calls stay as they are, and get time-outs,
// limits, and answers in the form that kolo reads rightly.
func overTransport(url string, out io.Writer) error {
	transport, err := xmlrpc.NewTransport(url, xmlrpc.ClientConfig{Timeout: 10 * time.Second})
	if err != nil {
		return err
	}
	defer transport.Close()
	client, err := koloxmlrpc.NewClient(url, transport)
	if err != nil {
		return err
	}
	defer client.Close()
	return shop(client, "transport", out)
}

// shop makes the calls of a program that uses kolo.
func shop(client *koloxmlrpc.Client, how string, out io.Writer) error {
	var sum int
	if err := client.Call("add", []any{3, 5}, &sum); err != nil {
		return err
	}
	var p Product
	if err := client.Call("catalog.get", 2, &p); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: 3 + 5 = %d, and product 2 is %q at %.2f\n", how, sum, p.Name, p.Price)

	// Of a fault the text is left: net/rpc keeps no other errors.
	err := client.Call("catalog.get", 99, &p)
	fmt.Fprintf(out, "%s: product 99: %v\n", how, err)
	return nil
}

// withParley makes the same calls with Parley's client. They take a context, may
// run at the same time or in one request, and a fault is a value with a code.
func withParley(ctx context.Context, url string, out io.Writer) error {
	client, err := xmlrpc.NewClient(url, xmlrpc.ClientConfig{})
	if err != nil {
		return err
	}
	defer client.Close()

	sum, err := rpc.Invoke[int](ctx, client, "add", 3, 5)
	if err != nil {
		return err
	}
	p, err := rpc.Invoke[Product](ctx, client, "catalog.get", 2)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "parley: 3 + 5 = %d, and product 2 is %q at %.2f\n", sum, p.Name, p.Price)

	_, err = rpc.Invoke[Product](ctx, client, "catalog.get", 99)
	var fault *rpc.Fault
	if !errors.As(err, &fault) {
		return fmt.Errorf("want a fault, got %w", err)
	}
	fmt.Fprintf(out, "parley: product 99: code %d, %s\n", fault.Code, fault.Message)

	products := make([]Product, 2)
	calls := make([]rpc.Element, len(products))
	for i := range calls {
		calls[i] = rpc.Element{Method: "catalog.get", Args: rpc.Values{i + 1}, Into: &products[i]}
	}
	if err := rpc.Multicall(ctx, client, calls); err != nil {
		return err
	}
	fmt.Fprintf(out, "parley: in one request: %s; %s\n", products[0].Name, products[1].Name)
	return nil
}
