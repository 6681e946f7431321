// Shutdown serves one registry on both transports until it gets SIGINT or SIGTERM,
// and ends without losing an answer: it takes no call any more, and what it has
// taken is answered, for up to ten seconds. Here it sends the signal to itself while
// a call runs.
//
//	go run ./examples/shutdown
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, stop); err != nil {
		log.Fatal(err)
	}
}

// server is what the servers of both transports have in common.
type server interface {
	Serve(l net.Listener) error
	Shutdown(ctx context.Context) error
}

// serve serves until ctx ends, and then for as long as it takes to answer the calls
// that were accepted, at most for patience. Serve returns when Shutdown is done, so
// that nothing is left to wait for.
func serve(ctx context.Context, patience time.Duration, servers map[server]net.Listener) error {
	ended := make(chan error, len(servers))
	for s, l := range servers {
		go func() { ended <- s.Serve(l) }()
	}
	var failed error
	running := len(servers)
	select {
	case <-ctx.Done():
	case failed = <-ended: // one that cannot serve takes the others with it
		running--
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	stopped := make(chan error, len(servers))
	for s := range servers { // at the same time: they share the patience
		go func() { stopped <- s.Shutdown(late) }()
	}
	for range servers {
		failed = errors.Join(failed, <-stopped)
	}
	for range running {
		if err := <-ended; !errors.Is(err, rpc.ErrServerClosed) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

func run(ctx context.Context, out io.Writer, stop func()) error {
	began := make(chan struct{})
	reg := rpc.NewRegistry()
	err := reg.Register("work", func(ctx context.Context) (string, error) {
		close(began)
		select {
		case <-time.After(200 * time.Millisecond):
			return "the work is done", nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	})
	if err != nil {
		return err
	}

	channel := &native.Server{Handler: reg, DangerouslyWithoutAuth: true}
	channelListener, err := channel.Listen("tcp://127.0.0.1:0")
	if err != nil {
		return err
	}
	web := &xmlrpc.Server{Handler: reg}
	webListener, err := web.Listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	client, err := xmlrpc.NewClient("http://"+webListener.Addr().String(), xmlrpc.ClientConfig{})
	if err != nil {
		return err
	}
	defer client.Close()
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		answer, err := rpc.Invoke[string](context.Background(), client, "work")
		fmt.Fprintln(out, answer, err)
	}()
	go func() {
		<-began
		stop() // as the signal does it
	}()
	if err := serve(ctx, 10*time.Second, map[server]net.Listener{channel: channelListener, web: webListener}); err != nil {
		return err
	}
	<-answered
	_, err = rpc.Invoke[string](context.Background(), client, "work")
	var link *rpc.LinkError
	fmt.Fprintln(out, "another call:", errors.As(err, &link) && link.Sent == rpc.NotSent)
	return nil
}
