package main

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

func TestShutdown(t *testing.T) {
	var out strings.Builder
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	if err := run(ctx, &out, stop); err != nil {
		t.Fatal(err)
	}
	if want := "the work is done <nil>\nanother call: true\n"; out.String() != want {
		t.Errorf("got\n%s; want\n%s", out.String(), want)
	}
}

// A server that cannot serve takes the others with it.
func TestOneThatFails(t *testing.T) {
	reg := rpc.NewRegistry()
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	broken := listen()
	broken.Close()
	err := serve(t.Context(), time.Minute, map[server]net.Listener{
		&native.Server{Handler: reg, DangerouslyWithoutAuth: true}: broken,
		&xmlrpc.Server{Handler: reg}:                               listen(),
	})
	if !errors.Is(err, net.ErrClosed) || errors.Is(err, rpc.ErrServerClosed) {
		t.Errorf("got %v; want that of the listener alone", err)
	}
}
