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

// patientSteps is how often the client waits before it gives up.
const patientSteps = 5

// client says its name and prints the greeting. The server may be server.py.
func client(ctx context.Context, url string, key *auth.Authkey, name string, patience time.Duration, out io.Writer) error {
	// Connecting and the login have a time-out of their own; Python's Client has
	// none.
	conn, err := native.DialConn(ctx, url, native.ConnConfig{Auth: key, Timeout: patience})
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.Send(ctx, name); err != nil {
		return err
	}
	for range patientSteps {
		// Nothing is lost when the time is over, even in the middle of a message: the
		// next Recv goes on with it.
		waiting, cancel := context.WithTimeout(ctx, patience)
		var greeting string
		err := conn.Recv(waiting, &greeting)
		cancel()
		switch {
		case err == nil:
			fmt.Fprintln(out, greeting)
			return nil
		case ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded):
			return err
		}
		fmt.Fprintf(out, "no greeting within %v\n", patience)
	}
	return fmt.Errorf("%s: no greeting within %v", url, patientSteps*patience)
}
