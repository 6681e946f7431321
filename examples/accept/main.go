// Accept waits for clients with a time-out, which the Listener of Python's
// multiprocessing.connection cannot: its accept() comes back when somebody has
// logged in, and not before. Here Accept, like everything that may wait, takes a
// context; the loop says each time that nobody came, and can do other things.
//
// A client says its name and is greeted. It waits in short steps as well: in Go
// by Recv under a context, in Python by poll(timeout).
//
//	go run ./examples/accept                both halves, once
//
//	go run ./examples/accept server         until Ctrl-C, on tcp://127.0.0.1:16002
//	python3 examples/accept/client.py       in another terminal
//
//	python3 examples/accept/server.py       or the other way round
//	go run ./examples/accept client
//
// The authkey is in tutorial.key. The Go server makes that file if it is not
// there; before the Python server has its first start, this does:
//
//	go run ./cmd/parley auth keygen --authkey --out tutorial.key
//
// The flags -url, -key and -patience, in front of server or client, name another
// address, another file for the key, and how long to wait each time.
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
	"sync"
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
	flags := flag.NewFlagSet("accept", flag.ContinueOnError)
	url := flags.String("url", "tcp://127.0.0.1:16002", "where the server listens")
	file := flags.String("key", "tutorial.key", "the `file` with the authkey; the server makes it if it is not there")
	patience := flags.Duration("patience", time.Second, "how long to wait each time")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch rest := flags.Args(); {
	case len(rest) == 0:
		return both(ctx, out)
	case slices.Equal(rest, []string{"server"}):
		key, err := makeKey(*file)
		if err != nil {
			return err
		}
		s := server{
			interval: *patience,
			patience: 5 * *patience,
			out:      out,
			ready:    func(url string) { fmt.Fprintf(out, "accept listens on %s\n", url) },
		}
		return s.serve(ctx, *url, key)
	case slices.Equal(rest, []string{"client"}):
		key, err := loadKey(*file)
		if err != nil {
			return err
		}
		return client(ctx, *url, key, "Gopher", *patience, out)
	}
	return errors.New("usage: accept [-url URL] [-key FILE] [-patience DURATION] [server | client]")
}

// both runs the server, and a client as soon as the server has waited in vain.
func both(ctx context.Context, out io.Writer) error {
	key := auth.GenerateKey()
	ctx, cancel := context.WithCancel(ctx)
	listening, nobody, served := make(chan string, 1), make(chan struct{}), make(chan error, 1)
	s := server{
		interval: 100 * time.Millisecond,
		patience: 10 * time.Second,
		out:      out,
		ready:    func(url string) { listening <- url },
		nobody:   sync.OnceFunc(func() { close(nobody) }),
	}
	go func() { served <- s.serve(ctx, "tcp://127.0.0.1:0", key) }()

	select {
	case <-nobody:
	case err := <-served:
		cancel()
		return err
	}
	err := client(ctx, <-listening, key, "Gopher", 10*time.Second, io.Discard)
	cancel()
	return errors.Join(err, <-served)
}
