package main

import (
	"context"
	"errors"
	"io"
	"log"
	"sync"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc/native"
)

// serve answers pairs until ctx ends, and returns when the last connection is
// gone. ready is told where it listens.
func serve(ctx context.Context, url string, key *auth.Authkey, ready func(url string)) error {
	// Nothing longer than a pair is taken in, whatever a header claims.
	l, err := native.Listen(url, native.ListenConfig{Auth: key, MaxMessage: pairSize})
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
		conns.Go(func() {
			defer conn.Close()
			if err := answer(ctx, conn); err != nil && ctx.Err() == nil {
				log.Printf("%s: %v", conn.RemoteAddr(), err)
			}
		})
	}
}

// answer receives pairs and answers each, until the peer goes.
func answer(ctx context.Context, conn *native.Conn) error {
	for {
		data, err := conn.RecvBytes(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		p, err := parse(data)
		if err != nil {
			return err
		}
		result, err := sumAndDifference(p)
		if err != nil {
			return err
		}
		if err := conn.SendBytes(ctx, result.appendTo(nil)); err != nil {
			return err
		}
	}
}
