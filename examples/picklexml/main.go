// Picklexml is the tutorial of an XML-RPC function whose arguments are pickled:
// add(pickle, pickle) takes two pickles as base64 and answers by a third. People
// do so to pass what XML-RPC has no form for: tuples, sets, None, dates with a
// zone.
//
//	go run ./examples/picklexml                both halves, once
//
//	go run ./examples/picklexml server         until Ctrl-C, on http://127.0.0.1:16005/RPC2
//	python3 examples/picklexml/client.py       in another terminal
//
//	python3 examples/picklexml/server.py       or the other way round
//	go run ./examples/picklexml client 3 5
//
// The flag -url, in front of server or client, names another address.
//
// Why the Go half may do it: package pickle builds data, within limits, and runs
// nothing; a class that is not on its list is a fault that names it. In Python
// pickle.loads runs what a stranger says, so server.py has an Unpickler that
// refuses every class and function, and client.py trusts the server that it calls.
//
// What it costs: a pickle of 3 is 5 bytes, its base64 is 8, and as an XML-RPC int it
// would have been 1, which every client in any language can write and every log
// and proxy can read. The types of the arguments are nobody's to check before the
// function runs, and system.methodSignature can only say that it takes base64. So
// where integers, text, lists, dicts and binary are enough, plain values are the
// better choice: examples/quickstart.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	neturl "net/url"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
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
	flags := flag.NewFlagSet("picklexml", flag.ContinueOnError)
	url := flags.String("url", "http://127.0.0.1:16005/RPC2", "where the server listens")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch rest := flags.Args(); {
	case len(rest) == 0:
		return serve("127.0.0.1:0", func(url string) error {
			return client(ctx, url, out, examples...)
		})
	case len(rest) == 1 && rest[0] == "server":
		u, err := neturl.Parse(*url)
		if err != nil {
			return err
		}
		return serve(u.Host, func(url string) error {
			fmt.Fprintf(out, "picklexml listens on %s\n", url)
			<-ctx.Done()
			return nil
		})
	case len(rest) == 3 && rest[0] == "client":
		return client(ctx, *url, out, operands{parse(rest[1]), parse(rest[2])})
	}
	return errors.New("usage: picklexml [-url URL] [server | client X Y]")
}

// serve serves add at addr for as long as use runs.
func serve(addr string, use func(url string) error) error {
	reg := rpc.NewRegistry()
	if err := reg.Register("add", add, rpc.Params("a", "b"), rpc.Help("Adds two pickles; the answer is a pickle.")); err != nil {
		return err
	}
	srv := xmlrpc.Server{Handler: reg}
	l, err := srv.Listen(addr)
	if err != nil {
		return err
	}
	go srv.Serve(l)
	defer srv.Close()
	return use(srv.URL(l.Addr()))
}

// parse makes an integer of an argument, if it is one.
func parse(arg string) any {
	if n, err := strconv.Atoi(arg); err == nil {
		return n
	}
	return arg
}
