package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/value"
)

// server greets clients, one after another.
type server struct {
	interval time.Duration // how long it waits for a client before it says so
	patience time.Duration // how long a client may take for its name
	out      io.Writer
	ready    func(url string) // told where it listens
	nobody   func()           // if set, called each time that nobody came
}

// serve waits for clients until ctx ends.
func (s *server) serve(ctx context.Context, url string, key *auth.Authkey) error {
	l, err := native.Listen(url, native.ListenConfig{Auth: key})
	if err != nil {
		return err
	}
	defer l.Close()
	s.ready(l.Addr())
	for {
		// A client whose login is under way when the time is over is not lost: the
		// next Accept returns it.
		waiting, cancel := context.WithTimeout(ctx, s.interval)
		conn, err := l.Accept(waiting)
		cancel()
		switch {
		case err == nil:
			if err := s.greet(ctx, conn); err != nil && ctx.Err() == nil {
				log.Print(err)
			}
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, context.DeadlineExceeded):
			fmt.Fprintf(s.out, "nobody came within %v\n", s.interval)
			if s.nobody != nil {
				s.nobody()
			}
		default:
			return err
		}
	}
}

// greet answers a name by a greeting. It owns conn.
func (s *server) greet(ctx context.Context, conn *native.Conn) error {
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, s.patience) // for a client that says nothing
	defer cancel()
	var name string
	if err := conn.Recv(ctx, &name); err != nil {
		return fmt.Errorf("the name of %s: %w", conn.RemoteAddr(), err)
	}
	name = value.Clip(name, 100) // what a peer says may be long, or harm a terminal
	fmt.Fprintf(s.out, "%s came\n", name)
	return conn.Send(ctx, "Hello, "+name)
}
