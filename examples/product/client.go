package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc/native"
)

// patience is how long the client waits for each product.
const patience = 30 * time.Second

// client prints what the server sends, until there is no more. The server may be
// server.py.
func client(ctx context.Context, url string, key *auth.Authkey, out io.Writer) error {
	options, err := classes()
	if err != nil {
		return err
	}
	conn, err := native.DialConn(ctx, url, native.ConnConfig{Auth: key, Pickle: options})
	if err != nil {
		return err
	}
	defer conn.Close()

	var shop Shop
	if err := recv(ctx, conn, &shop); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s has %d products\n", shop.Name, shop.Products)
	total := 0.0
	for {
		var message any // a Product would do, too; this shows that it comes as one
		err := recv(ctx, conn, &message)
		if errors.Is(err, io.EOF) { // the server has closed the connection: that was all
			break
		}
		if err != nil {
			return err
		}
		p, ok := message.(Product)
		if !ok {
			return fmt.Errorf("got %T; want a Product", message)
		}
		fmt.Fprintf(out, "%d: %s costs %.2f\n", p.ID, p.Name, p.Price)
		total += p.Price
	}
	fmt.Fprintf(out, "all of them cost %.2f\n", total)
	return nil
}

func recv(ctx context.Context, conn *native.Conn, dst any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return conn.Recv(ctx, dst)
}
