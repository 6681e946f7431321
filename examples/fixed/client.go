package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc/native"
)

// patience is how long the client waits for all of its answers.
const patience = 10 * time.Second

// client sends pairs and prints what the server makes of them. The server may be
// server.py.
func client(ctx context.Context, url string, key *auth.Authkey, out io.Writer, pairs ...pair) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := native.DialConn(ctx, url, native.ConnConfig{Auth: key, MaxMessage: pairSize})
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, p := range pairs {
		if err := conn.SendBytes(ctx, p.appendTo(nil)); err != nil {
			return err
		}
		data, err := conn.RecvBytes(ctx)
		if err != nil {
			return fmt.Errorf("the answer to %d and %d: %w", p.X, p.Y, err)
		}
		answer, err := parse(data)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%d and %d: sum %d, difference %d\n", p.X, p.Y, answer.X, answer.Y)
	}
	return nil
}
