package main

import (
	"context"
	"errors"
	"io"
	"log"
	"sync"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/services/adder"
)

// serve answers pairs until ctx ends, and returns when the last connection is
// gone. ready is told where it listens.
func serve(ctx context.Context, url string, key *auth.Authkey, ready func(url string)) error {
	l, err := native.Listen(url, native.ListenConfig{Auth: key})
	if err != nil {
		return err
	}
	defer l.Close()
	ready(l.Addr())

	var conns sync.WaitGroup
	defer conns.Wait()
	for {
		conn, err := l.Accept(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		conns.Go(func() { answer(ctx, conn) })
	}
}

// answer receives pairs and sends their sums, until the peer goes.
func answer(ctx context.Context, conn *native.Conn) {
	defer conn.Close()
	for {
		var pair [2]any
		if err := conn.Recv(ctx, &pair); err != nil {
			if ctx.Err() == nil && !errors.Is(err, io.EOF) {
				log.Print(err)
			}
			return
		}
		sum, err := adder.Add(pair[0], pair[1])
		if err != nil {
			sum = pickle.NewException("TypeError", rpc.FaultOf(err).Message) // the client can raise it
		}
		if err := conn.Send(ctx, sum); err != nil {
			log.Print(err)
			return
		}
	}
}
