package main

import (
	"context"
	"log"
	"sync"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc/native"
)

// stock is what the server sends.
func stock() []Product {
	return []Product{
		{1, "pen", 1.2},
		{2, "ruler", 2.5},
		{3, "notebook", 3.75},
		{4, "lamp", 24.9},
		{5, "chair", 89},
	}
}

// serve sends the stock to each client until ctx ends, and returns when the last
// connection is gone. ready is told where it listens.
func serve(ctx context.Context, url string, key *auth.Authkey, pause time.Duration, ready func(url string)) error {
	options, err := classes()
	if err != nil {
		return err
	}
	l, err := native.Listen(url, native.ListenConfig{Auth: key, Pickle: options})
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
			defer conn.Close() // tells the client that this was all
			if err := feed(ctx, conn, pause, stock()); err != nil && ctx.Err() == nil {
				log.Printf("%s: %v", conn.RemoteAddr(), err)
			}
		})
	}
}

// feed sends the dictionary, and the products one after another.
func feed(ctx context.Context, conn *native.Conn, pause time.Duration, products []Product) error {
	if err := conn.Send(ctx, Shop{Name: "Corner shop", Products: len(products)}); err != nil {
		return err
	}
	for _, p := range products {
		if err := conn.Send(ctx, p); err != nil {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
