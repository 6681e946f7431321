// Headersize is the tutorial that many learn sockets from: TCP keeps no messages
// apart, so each one begins with a header of ten characters that tell its
// length, and what follows is a pickled dictionary. The server greets each
// client with one. server.py and client.py are the halves in Python, and any of
// the four programs talks to any other of the opposite side.
//
// What to learn: package pickle needs no connection of this project, it reads and
// writes bytes; and how to read a header that a stranger has sent (message.go).
//
//	go run ./examples/headersize                both halves, once
//
//	go run ./examples/headersize server         until Ctrl-C, on 127.0.0.1:16001
//	python3 examples/headersize/client.py       in another terminal
//
//	python3 examples/headersize/server.py       or the other way round
//	go run ./examples/headersize client
//
// The flag -addr, in front of server or client, names another address.
//
// There is no login, as in the tutorial: whoever is on this machine can connect.
// The Go half loses nothing by that, since it reads a pickle as data. The Python
// half runs whatever the pickle of a stranger says; examples/addserv has the same
// with a key.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

// patience is how long a peer may take for one message.
const patience = 10 * time.Second

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("headersize", flag.ContinueOnError)
	addr := flags.String("addr", "127.0.0.1:16001", "where the server listens")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch rest := flags.Args(); {
	case len(rest) == 0:
		return both(ctx, out)
	case slices.Equal(rest, []string{"server"}):
		l, err := net.Listen("tcp", *addr)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "headersize listens on %s\n", l.Addr())
		return serve(ctx, l)
	case slices.Equal(rest, []string{"client"}):
		return client(ctx, *addr, out)
	}
	return errors.New("usage: headersize [-addr HOST:PORT] [server | client]")
}

// both runs the server and one client.
func both(ctx context.Context, out io.Writer) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- serve(ctx, l) }()
	err = client(ctx, l.Addr().String(), out)
	cancel()
	return errors.Join(err, <-served)
}

// serve greets clients, one after another, until ctx ends. It owns l.
func serve(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	defer l.Close()
	for {
		conn, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				conn.Close()
			}
			return nil
		case err != nil:
			return err
		}
		if err := greet(conn); err != nil {
			log.Printf("%s: %v", conn.RemoteAddr(), err) // the next client is served all the same
		}
	}
}

// greet sends the dictionary, whose keys are integers here. It owns conn.
func greet(conn net.Conn) error {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	return writeMessage(conn, map[int]string{1: "Hello", 2: "World"})
}

// client prints what the server at addr sends. It may be server.py.
func client(ctx context.Context, addr string, out io.Writer) error {
	dialer := net.Dialer{Timeout: patience}
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	conn.SetDeadline(time.Now().Add(patience))

	var greeting map[int]string
	if err := readMessage(conn, &greeting); err != nil {
		return fmt.Errorf("%s: %w", addr, err)
	}
	for n := 1; n <= len(greeting); n++ {
		fmt.Fprintf(out, "%d: %s\n", n, greeting[n])
	}
	return nil
}
