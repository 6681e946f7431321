// Product passes an object of a class: the server sends a dictionary that tells
// about the shop, and then five products one after another with a pause, and the
// client reads their fields until the server closes the connection. In Python
// they are instances of the class Product in product.py, in Go values of the
// struct Product in shop.go, whichever end has sent them.
//
// What to learn: a Registry gives a class a Go type (shop.go). Without it a class
// is an error that names it; no code of the class is ever run or needed in Go.
//
//	go run ./examples/product                 both halves, once
//
//	go run ./examples/product server          until Ctrl-C, on tcp://127.0.0.1:16006
//	python3 examples/product/client.py        in another terminal
//
//	python3 examples/product/server.py        or the other way round
//	go run ./examples/product client
//
// The authkey is in tutorial.key. The Go server makes that file if it is not
// there; before the Python server has its first start, this does:
//
//	go run ./cmd/parley auth keygen --authkey --out tutorial.key
//
// The flags -url, -key and -pause, in front of server or client, name another
// address, another file for the key, and how long the server rests after each
// product.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/parley-rpc/parley/auth"
)

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("product", flag.ContinueOnError)
	url := flags.String("url", "tcp://127.0.0.1:16006", "where the server listens")
	file := flags.String("key", "tutorial.key", "the `file` with the authkey; the server makes it if it is not there")
	pause := flags.Duration("pause", 100*time.Millisecond, "how long the server rests after each product")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch rest := flags.Args(); {
	case len(rest) == 0:
		return both(ctx, *pause, out)
	case slices.Equal(rest, []string{"server"}):
		key, err := makeKey(*file)
		if err != nil {
			return err
		}
		return serve(ctx, *url, key, *pause, func(url string) { fmt.Fprintf(out, "product listens on %s\n", url) })
	case slices.Equal(rest, []string{"client"}):
		key, err := loadKey(*file)
		if err != nil {
			return err
		}
		return client(ctx, *url, key, out)
	}
	return errors.New("usage: product [-url URL] [-key FILE] [-pause DURATION] [server | client]")
}

// both runs the server and a client.
func both(ctx context.Context, pause time.Duration, out io.Writer) error {
	key := auth.GenerateKey()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	listening, served := make(chan string, 1), make(chan error, 1)
	go func() { served <- serve(ctx, "tcp://127.0.0.1:0", key, pause, func(url string) { listening <- url }) }()

	var url string
	select {
	case url = <-listening:
	case err := <-served:
		return err
	}
	err := client(ctx, url, key, out)
	cancel()
	return errors.Join(err, <-served)
}
