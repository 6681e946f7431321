package xmlrpc_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"strings"
	"time"

	kolo "github.com/kolo/xmlrpc"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// exampleServer serves add on a port that is free and returns its URL.
func exampleServer() (url string, stop func()) {
	reg := rpc.NewRegistry()
	if err := reg.Register("add", func(a, b int) int { return a + b }); err != nil {
		log.Fatal(err)
	}
	srv := &xmlrpc.Server{Handler: reg}
	ln, err := srv.Listen("127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		srv.Serve(ln)
	}()
	return srv.URL(ln.Addr()), func() {
		srv.Close()
		<-done
	}
}

func Example() {
	reg := rpc.NewRegistry()
	if err := reg.Register("greet", func(name string) string { return "Hello, " + name }); err != nil {
		log.Fatal(err)
	}
	srv := &xmlrpc.Server{Handler: reg}
	ln, err := srv.Listen("127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()

	c, err := xmlrpc.NewClient(srv.URL(ln.Addr()), xmlrpc.ClientConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	text, err := rpc.Invoke[string](context.Background(), c, "greet", "World")
	fmt.Println(text, err)

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println(srv.Shutdown(ctx))
	fmt.Println(<-served)
	// Output:
	// Hello, World <nil>
	// <nil>
	// xmlrpc: the server is closed
}

// A server is an http.Handler, and so lives in any mux.
func ExampleServer_ServeHTTP() {
	reg := rpc.NewRegistry()
	mux := http.NewServeMux()
	mux.Handle("/rpc", &xmlrpc.Server{
		Handler: reg,
		Hosts:   []string{"api.example.org"}, // the name of the site
	})
}

func ExampleServer_Listen() {
	srv := &xmlrpc.Server{Handler: rpc.NewRegistry()}
	_, err := srv.Listen("0.0.0.0:8080")
	fmt.Println(strings.Split(err.Error(), ":8080")[1])
	// Output:
	//  can be reached from other machines, and there is no TLS: listen on 127.0.0.1, set Server.TLS, or set Server.DangerouslyListenBeyondLoopback
}

// A call ends with a result, with the server's no, or with a broken link.
func ExampleClient_Call() {
	url, stop := exampleServer()
	c, err := xmlrpc.NewClient(url, xmlrpc.ClientConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	var sum int
	_, err = c.Call(context.Background(), &rpc.Request{Method: "add", Args: rpc.Values{3, 5}, Into: &sum})
	fmt.Println(sum, err)

	var fault *rpc.Fault
	_, err = rpc.Invoke[int](context.Background(), c, "add", "Hello", 5)
	if errors.As(err, &fault) {
		fmt.Println(fault.Code, fault.Message)
	}

	stop()
	late, err := xmlrpc.NewClient(url, xmlrpc.ClientConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer late.Close()
	var link *rpc.LinkError
	_, err = rpc.Invoke[int](context.Background(), late, "add", 3, 5)
	if errors.As(err, &link) {
		fmt.Println(link.Sent)
	}
	// Output:
	// 8 <nil>
	// -32602 add: params[0]: expected int, got string
	// not sent
}

// Programs that use github.com/kolo/xmlrpc keep their code, and get limits,
// deadlines and unix sockets.
func ExampleNewTransport() {
	url, stop := exampleServer()
	defer stop()
	transport, err := xmlrpc.NewTransport(url, xmlrpc.ClientConfig{Timeout: 5 * time.Second})
	if err != nil {
		log.Fatal(err)
	}
	defer transport.Close()
	client, err := kolo.NewClient(url, transport)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	var sum int
	err = client.Call("add", []any{3, 5}, &sum)
	fmt.Println(sum, err)
	// Output:
	// 8 <nil>
}
