// Fixed sends no objects but bytes of a fixed layout, as programs do that share a
// struct with firmware or with C: two 32-bit integers, big endian, which Python
// calls '>ii'. The server answers each pair by its sum and its difference, in the
// same layout. Nothing is pickled on the way: send_bytes and recv_bytes of Python
// are SendBytes and RecvBytes, which keep messages apart and no more than that.
//
// A fixed layout has no place for an error. A sum that does not fit, like a
// message of another length, ends the connection.
//
//	go run ./examples/fixed                 both halves, once
//
//	go run ./examples/fixed server          until Ctrl-C, on tcp://127.0.0.1:16003
//	python3 examples/fixed/client.py        in another terminal
//
//	python3 examples/fixed/server.py        or the other way round
//	go run ./examples/fixed client 3 5
//
// The authkey is in tutorial.key. The Go server makes that file if it is not
// there; before the Python server has its first start, this does:
//
//	go run ./cmd/parley auth keygen --authkey --out tutorial.key
//
// The flags -url and -key, in front of server or client, name another address and
// another file for the key.
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
	"strconv"
	"syscall"

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
	flags := flag.NewFlagSet("fixed", flag.ContinueOnError)
	url := flags.String("url", "tcp://127.0.0.1:16003", "where the server listens")
	file := flags.String("key", "tutorial.key", "the `file` with the authkey; the server makes it if it is not there")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch rest := flags.Args(); {
	case len(rest) == 0:
		return both(ctx, out)
	case len(rest) == 1 && rest[0] == "server":
		key, err := makeKey(*file)
		if err != nil {
			return err
		}
		return serve(ctx, *url, key, func(url string) { fmt.Fprintf(out, "fixed listens on %s\n", url) })
	case len(rest) == 3 && rest[0] == "client":
		key, err := loadKey(*file)
		if err != nil {
			return err
		}
		p, err := parsePair(rest[1], rest[2])
		if err != nil {
			return err
		}
		return client(ctx, *url, key, out, p)
	}
	return errors.New("usage: fixed [-url URL] [-key FILE] [server | client X Y]")
}

func parsePair(x, y string) (pair, error) {
	m, err := strconv.ParseInt(x, 10, 32)
	if err != nil {
		return pair{}, err
	}
	n, err := strconv.ParseInt(y, 10, 32)
	return pair{int32(m), int32(n)}, err
}

// both runs the server and a client.
func both(ctx context.Context, out io.Writer) error {
	key := auth.GenerateKey()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	listening, served := make(chan string, 1), make(chan error, 1)
	go func() { served <- serve(ctx, "tcp://127.0.0.1:0", key, func(url string) { listening <- url }) }()

	var url string
	select {
	case url = <-listening:
	case err := <-served:
		return err
	}
	err := client(ctx, url, key, out, pair{3, 5}, pair{-40, 2})
	cancel()
	return errors.Join(err, <-served)
}
