package python_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/python"
	"github.com/parley-rpc/parley/rpc/value"
)

// A registry is served to Python programs, here played by a Go connection that
// sends what they would:
//
//	c = Client(("127.0.0.1", port), authkey=key)
//	c.send(("add", (3, 5)))
//	print(c.recv())
func ExampleHandler() {
	reg := rpc.NewRegistry()
	if err := reg.Register("add", func(a, b int) int { return a + b }, rpc.Params("a", "b")); err != nil {
		log.Fatal(err)
	}
	key := auth.GenerateKey()
	server := native.Server{Objects: python.Handler(reg), Auth: key}
	l, err := server.Listen("tcp://127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go server.Serve(l)
	defer server.Close()

	ctx := context.Background()
	c, err := native.DialConn(ctx, "tcp://"+l.Addr().String(), native.ConnConfig{Auth: key})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	for _, call := range []value.Tuple{
		{"add", value.Tuple{3, 5}},
		{"add", value.Tuple{3}, map[string]any{"b": 5}},
		{"add", value.Tuple{3, "x"}},
	} {
		if err := c.Send(ctx, call); err != nil {
			log.Fatal(err)
		}
		var answer any
		if err := c.Recv(ctx, &answer); err != nil {
			log.Fatal(err)
		}
		fmt.Println(answer)
	}
	// Output:
	// 8
	// 8
	// TypeError: fault -32602: add: params[1]: expected int, got string
}

// The classic adding server: its clients send pairs, and get sums.
//
//	c.send((3, 5))
//	print(c.recv())
func ExampleNewHandler() {
	reg := rpc.NewRegistry()
	if err := reg.Register("add", func(a, b int) int { return a + b }); err != nil {
		log.Fatal(err)
	}
	objects, err := python.NewHandler(reg, python.Config{Objects: "add"})
	if err != nil {
		log.Fatal(err)
	}
	key := auth.GenerateKey()
	server := native.Server{Objects: objects, Auth: key}
	l, err := server.Listen("tcp://127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go server.Serve(l)
	defer server.Close()

	ctx := context.Background()
	c, err := native.DialConn(ctx, "tcp://"+l.Addr().String(), native.ConnConfig{Auth: key})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	if err := c.Send(ctx, value.Tuple{3, 5}); err != nil {
		log.Fatal(err)
	}
	var sum int
	fmt.Println(c.Recv(ctx, &sum), sum)
	// Output: <nil> 8
}

// listen plays a Python program with a Listener, which reads calls in a loop and
// answers them.
func listen() (url string, key *auth.Authkey, stop func()) {
	reg := rpc.NewRegistry()
	if err := reg.Register("add", func(a, b int) int { return a + b }); err != nil {
		log.Fatal(err)
	}
	key = auth.GenerateKey()
	server := &native.Server{Objects: python.Handler(reg), Auth: key}
	l, err := server.Listen("tcp://127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go server.Serve(l)
	return "tcp://" + l.Addr().String(), key, func() { server.Close() }
}

// The other way round: a Go program calls the functions of a Python program,
// which has a Listener and takes pairs of a name and arguments.
func ExampleDial() {
	url, key, stop := listen()
	defer stop()

	ctx := context.Background()
	c, err := python.Dial(ctx, url, python.ClientConfig{Auth: key})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	fmt.Println(rpc.Invoke[int](ctx, c, "add", 3, 5))
	_, err = rpc.Invoke[int](ctx, c, "add", 3, "x")
	var fault *rpc.Fault
	fmt.Println(errors.As(err, &fault), err) // an exception of Python is a *python.Raised as well
	// Output:
	// 8 <nil>
	// true fault -32602: add: params[1]: expected int, got string
}

// On a connection that is there already; Recipe is for programs that serve the
// RPCProxy recipe.
func ExampleNewClient() {
	url, key, stop := listen()
	defer stop()

	ctx := context.Background()
	conn, err := native.DialConn(ctx, url, native.ConnConfig{Auth: key})
	if err != nil {
		log.Fatal(err)
	}
	c, err := python.NewClient(conn, python.ClientConfig{Form: python.Recipe})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	fmt.Println(rpc.Invoke[int](ctx, c, "add", 3, 5))
	// Output: 8 <nil>
}

// An object of a BaseManager, which a Handler plays here: its type rpc has the
// functions of a registry for methods. A Python program has those that it has
// registered.
func ExampleDialManager() {
	reg := rpc.NewRegistry()
	if err := reg.Register("add", func(a, b int) int { return a + b }); err != nil {
		log.Fatal(err)
	}
	key := auth.GenerateKey()
	server := native.Server{Objects: python.Handler(reg), Auth: key}
	l, err := server.Listen("tcp://127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go server.Serve(l)
	defer server.Close()

	ctx := context.Background()
	m, err := python.DialManager(ctx, "tcp://"+l.Addr().String(), python.ManagerConfig{Auth: key})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	object, err := m.Create(ctx, "rpc")
	if err != nil {
		log.Fatal(err)
	}
	sum, err := rpc.Invoke[int](ctx, object, "add", 3, 5)
	fmt.Println(sum, err)
	_, err = rpc.Invoke[int](ctx, object, "add", 3, "x")
	fmt.Println(err)
	// Output:
	// 8 <nil>
	// fault -32602: add: params[1]: expected int, got string
}
