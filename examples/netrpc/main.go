// Netrpc is a service of net/rpc on its way to Parley: both serve it at the same
// time, and clients of both get the same answers.
//
//	go run ./examples/netrpc
package main

import (
	"context"
	"io"
	"log"
	"log/slog"
	"net"
	netrpc "net/rpc"
	"os"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc/native"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	server, err := oldServer()
	if err != nil {
		return err
	}
	oldListener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go accept(server, oldListener)
	defer oldListener.Close()

	reg, err := registry()
	if err != nil {
		return err
	}
	key := auth.GenerateKey()
	channel := native.Server{Handler: reg, Auth: key, Logger: slog.New(slog.DiscardHandler)}
	listener, err := channel.Listen("tcp://127.0.0.1:0")
	if err != nil {
		return err
	}
	go channel.Serve(listener)
	defer channel.Close()

	if err := callOld(out, oldListener.Addr().String()); err != nil {
		return err
	}
	return callNew(ctx, out, "tcp://"+listener.Addr().String(), key)
}

// accept serves connections until the listener is closed.
func accept(server *netrpc.Server, l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go server.ServeConn(conn)
	}
}
