package native_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"strings"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
)

// A server for the programs of one machine, and a client of it. Both have the same
// key; auth.LoadKey reads one from a file.
func ExampleServer() {
	key := auth.GenerateKey()
	reg := rpc.NewRegistry()
	if err := reg.Register("add", func(a, b int) int { return a + b }); err != nil {
		log.Fatal(err)
	}
	server := native.Server{Handler: reg, Auth: key}
	l, err := server.Listen("tcp://127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go server.Serve(l)
	defer server.Close()

	ctx := context.Background()
	client, err := native.Dial(ctx, "tcp://"+l.Addr().String(), native.DialConfig{Auth: key})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	fmt.Println(rpc.Invoke[int](ctx, client, "add", 3, 5))
	// Output: 8 <nil>
}

// A client offers functions as well: the server calls them while it answers.
func ExampleDialConfig() {
	key := auth.GenerateKey()
	reg := rpc.NewRegistry()
	err := reg.Register("delete", func(ctx context.Context, name string) (string, error) {
		sure, err := rpc.Invoke[bool](ctx, rpc.PeerFrom(ctx), "confirm", "delete "+name+"?")
		if err != nil || !sure {
			return "kept", err
		}
		return "deleted", nil
	})
	if err != nil {
		log.Fatal(err)
	}
	server := native.Server{Handler: reg, Auth: key}
	l, err := server.Listen("tcp://127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go server.Serve(l)
	defer server.Close()

	offered := rpc.NewRegistry()
	err = offered.Register("confirm", func(question string) bool { return strings.Contains(question, "old") })
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	client, err := native.Dial(ctx, "tcp://"+l.Addr().String(), native.DialConfig{Auth: key, Handler: offered})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	fmt.Println(rpc.Invoke[string](ctx, client, "delete", "old.log"))
	fmt.Println(rpc.Invoke[string](ctx, client, "delete", "thesis.tex"))
	// Output:
	// deleted <nil>
	// kept <nil>
}

// A server that takes small messages alone, and few at a time. The client knows,
// and does not send what would be refused.
func ExampleLimits() {
	key := auth.GenerateKey()
	reg := rpc.NewRegistry()
	if err := reg.Register("store", func(data []byte) int { return len(data) }); err != nil {
		log.Fatal(err)
	}
	server := native.Server{
		Handler: reg, Auth: key, Logger: slog.New(slog.DiscardHandler),
		Limits: native.Limits{MaxMessage: 64 << 10, MaxCalls: 8},
	}
	l, err := server.Listen("tcp://127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go server.Serve(l)
	defer server.Close()

	ctx := context.Background()
	client, err := native.Dial(ctx, "tcp://"+l.Addr().String(), native.DialConfig{Auth: key})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	fmt.Println(rpc.Invoke[int](ctx, client, "store", make([]byte, 60_000)))
	_, err = rpc.Invoke[int](ctx, client, "store", make([]byte, 70_000))
	fmt.Println(errors.Is(err, native.ErrTooLarge))
	// Output:
	// 60000 <nil>
	// true
}

func ExampleCheckAddress() {
	fmt.Println(native.CheckAddress("tls://0.0.0.0:16001"))
	fmt.Println(native.CheckAddress("tls://:16001"))
	// Output:
	// <nil>
	// native: address "tls://:16001": no host; for every interface write tls://0.0.0.0:16001, or [::]
}
