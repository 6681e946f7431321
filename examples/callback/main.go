// Callback shows a function that calls its caller: the native transport carries
// calls in both directions over one connection, so that a client behind a
// firewall can be asked back without listening itself.
//
//	go run ./examples/callback
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// deploy asks whoever calls it for a confirmation before it goes on.
func deploy(ctx context.Context, version string) (string, error) {
	caller := rpc.PeerFrom(ctx)
	sure, err := rpc.Invoke[bool](ctx, caller, "confirm", "deploy "+version+" to production?")
	if errors.Is(err, rpc.ErrNoWayBack) {
		return "", errors.New("deploy has to be called over a transport that goes both ways")
	}
	if err != nil {
		return "", err
	}
	if !sure {
		return "nothing was done", nil
	}
	return version + " is deployed", nil
}

func run(ctx context.Context, out io.Writer) error {
	service := rpc.NewRegistry()
	if err := service.Register("deploy", deploy, rpc.Params("version")); err != nil {
		return err
	}
	key := auth.GenerateKey()
	srv := native.Server{Handler: service, Auth: key}
	l, err := srv.Listen("tcp://127.0.0.1:0")
	if err != nil {
		return err
	}
	go srv.Serve(l)
	defer srv.Close()

	// What a client offers to its server is a registry as well. Without one it
	// offers nothing.
	offered := rpc.NewRegistry()
	err = offered.Register("confirm", func(question string) bool {
		sure := question == "deploy v1.2 to production?"
		fmt.Fprintf(out, "%s %v\n", question, sure)
		return sure
	}, rpc.Params("question"))
	if err != nil {
		return err
	}
	client, err := native.Dial(ctx, "tcp://"+l.Addr().String(), native.DialConfig{Auth: key, Handler: offered})
	if err != nil {
		return err
	}
	defer client.Close()

	for _, version := range []string{"v1.2", "v1.3-rc1"} {
		result, err := rpc.Invoke[string](ctx, client, "deploy", version)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, result)
	}
	return nil
}
