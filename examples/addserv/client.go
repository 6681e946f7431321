package main

import (
	"context"
	"fmt"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/value"
)

// send sends pairs and returns what the server makes of them. The server may
// be this program, or a Python program with a Listener.
func send(ctx context.Context, url string, key *auth.Authkey, pairs ...value.Tuple) ([]any, error) {
	conn, err := native.DialConn(ctx, url, native.ConnConfig{Auth: key})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var sums []any
	for _, pair := range pairs {
		if err := conn.Send(ctx, pair); err != nil {
			return sums, err
		}
		var sum any
		if err := conn.Recv(ctx, &sum); err != nil {
			return sums, err
		}
		if err, ok := sum.(error); ok { // an exception object
			return sums, fmt.Errorf("%v: %w", pair, err)
		}
		sums = append(sums, sum)
	}
	return sums, nil
}
