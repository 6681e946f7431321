package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native/python"
)

// add puts jobs into the queue of the manager at url.
func add(ctx context.Context, url string, key *auth.Authkey, jobs ...string) (err error) {
	m, err := python.DialManager(ctx, url, python.ManagerConfig{Auth: key})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	queue, err := m.Create(ctx, "get_jobs")
	if err != nil {
		return err
	}
	for _, job := range jobs {
		if _, err := rpc.Invoke[rpc.Void](ctx, queue, "put", job); err != nil {
			return err
		}
	}
	return nil
}

// work takes jobs out of the queue until it has been empty for a second, puts
// what becomes of them into the dictionary, and prints that.
func work(ctx context.Context, url string, key *auth.Authkey, out io.Writer) (err error) {
	m, err := python.DialManager(ctx, url, python.ManagerConfig{Auth: key})
	if err != nil {
		return err
	}
	// Close gives the objects back to the server.
	defer func() { err = errors.Join(err, m.Close()) }()
	queue, err := m.Create(ctx, "get_jobs")
	if err != nil {
		return err
	}
	done, err := m.Create(ctx, "get_done")
	if err != nil {
		return err
	}
	for {
		// The time-out is Python's: a job that get has taken would be lost if the
		// context ended just then.
		job, err := rpc.Invoke[string](ctx, queue, "get", python.Kwargs{"timeout": 1.0})
		var raised *python.Raised
		if errors.As(err, &raised) && raised.Class == "queue.Empty" {
			break
		}
		if err != nil {
			return err
		}
		if _, err := rpc.Invoke[rpc.Void](ctx, done, "__setitem__", job, len(job)); err != nil {
			return err
		}
	}
	lengths, err := rpc.Invoke[map[string]int](ctx, done, python.GetValue)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "done:", lengths)
	return nil
}
