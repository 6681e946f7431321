// Addserv is the server of many a multiprocessing tutorial: it receives a pair
// and sends the sum. Its clients are Python programs that know nothing of Go,
// client.py beside this file for one, and Go programs.
//
//	go run ./examples/addserv                           a server and a Go client in one
//	go run ./examples/addserv serve                     until Ctrl-C, on tcp://127.0.0.1:16000
//	python3 examples/addserv/client.py                  in another terminal
//	go run ./examples/addserv send 3 5                  the same from Go
//
// The flags -url and -key, in front of serve or send, name another address and
// another file for the key.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc/value"
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
	flags := flag.NewFlagSet("addserv", flag.ContinueOnError)
	url := flags.String("url", "tcp://127.0.0.1:16000", "where the server listens")
	file := flags.String("key", "addserv.key", "the `file` with the authkey; serve makes it if it is not there")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch rest := flags.Args(); {
	case len(rest) == 0:
		return both(ctx, out)
	case len(rest) == 1 && rest[0] == "serve":
		key, err := makeKey(*file)
		if err != nil {
			return err
		}
		return serve(ctx, *url, key, func(url string) { fmt.Fprintf(out, "addserv listens on %s\n", url) })
	case len(rest) == 3 && rest[0] == "send":
		key, err := loadKey(*file)
		if err != nil {
			return err
		}
		sums, err := send(ctx, *url, key, value.Tuple{parse(rest[1]), parse(rest[2])})
		if err != nil {
			return err
		}
		fmt.Fprintln(out, sums[0])
		return nil
	}
	return errors.New("usage: addserv [-url URL] [-key FILE] [serve | send X Y]")
}

// both runs the server and a client.
func both(ctx context.Context, out io.Writer) error {
	key := auth.GenerateKey()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	listening := make(chan string, 1)
	served := make(chan error, 1)
	go func() { served <- serve(ctx, "tcp://127.0.0.1:0", key, func(url string) { listening <- url }) }()

	var url string
	select {
	case url = <-listening:
	case err := <-served:
		return err
	}
	pairs := []value.Tuple{{3, 5}, {"Hello", "World"}, {[]int{1, 2, 3}, []int{4, 5}}}
	sums, err := send(ctx, url, key, pairs...)
	for i, sum := range sums {
		fmt.Fprintf(out, "%v and %v is %v\n", pairs[i][0], pairs[i][1], sum)
	}
	cancel()
	return errors.Join(err, <-served)
}

// policy lets Python 3.11 and older in, which know MD5 alone. The key is 32
// random bytes, which nobody finds by trying; with newer Pythons leave it out.
var policy = auth.KeyConfig{AllowMD5: true}

func loadKey(file string) (*auth.Authkey, error) { return auth.LoadKey(file, policy) }

// makeKey loads the key, and makes one first if there is none.
func makeKey(file string) (*auth.Authkey, error) {
	if err := auth.GenerateKey().WriteFile(file); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return loadKey(file)
}

// parse makes an integer of an argument, if it is one.
func parse(arg string) any {
	if n, err := strconv.Atoi(arg); err == nil {
		return n
	}
	return arg
}
