package xmlrpc_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// TestServersEndAlike: Serve of either transport returns when Shutdown is done, and
// not before, with an error that one check knows.
func TestServersEndAlike(t *testing.T) {
	type server interface {
		Serve(net.Listener) error
		Shutdown(context.Context) error
		Close() error
	}
	for _, end := range []string{"Shutdown", "Shutdown that is cut off", "Close"} {
		for _, transport := range []string{"native", "xmlrpc"} {
			t.Run(transport+"/"+end, func(t *testing.T) {
				began, release, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
				reg := registry(t, map[string]any{"hold": func(ctx context.Context) {
					defer close(ended)
					close(began)
					select {
					case <-release:
					case <-ctx.Done():
					}
				}})
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				var srv server
				var c interface {
					rpc.Caller
					Close() error
				}
				served := make(chan error, 2)
				serve := func(l net.Listener) { served <- srv.Serve(l) }
				if transport == "native" {
					srv = &native.Server{Handler: reg, DangerouslyWithoutAuth: true}
					go serve(l)
					c, err = native.Dial(bounded(t), "tcp://"+l.Addr().String(), native.DialConfig{DangerouslyWithoutAuth: true})
				} else {
					srv = &xmlrpc.Server{Handler: reg}
					go serve(l)
					c, err = xmlrpc.NewClient("http://"+l.Addr().String(), xmlrpc.ClientConfig{})
				}
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				answered := make(chan error, 1)
				go func() {
					_, err := rpc.Invoke[rpc.Void](bounded(t), c, "hold")
					answered <- err
				}()
				wait(t, began, "the call to begin")
				switch end {
				case "Shutdown":
					stopped := make(chan error, 1)
					go func() { stopped <- srv.Shutdown(bounded(t)) }()
					select {
					case err := <-served:
						t.Fatalf("Serve has returned with %v while a call is not answered", err)
					case <-time.After(50 * time.Millisecond):
					}
					close(release)
					if err := wait(t, answered, "the answer"); err != nil {
						t.Errorf("the call that was accepted: %v", err)
					}
					if err := wait(t, stopped, "Shutdown"); err != nil {
						t.Errorf("Shutdown: %v", err)
					}
				case "Close":
					if err := srv.Close(); err != nil {
						t.Errorf("Close: %v", err)
					}
					wait(t, answered, "the end of the call")
				default:
					late, cancel := context.WithCancel(t.Context())
					cancel()
					if err := srv.Shutdown(late); !errors.Is(err, context.Canceled) {
						t.Errorf("Shutdown: got %v", err)
					}
					wait(t, answered, "the end of the call")
				}
				wait(t, ended, "the end of the function")
				again, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				go serve(again) // is too late
				for range 2 {
					err := wait(t, served, "Serve to return")
					if !errors.Is(err, rpc.ErrServerClosed) || transport == "native" && !errors.Is(err, native.ErrServerClosed) || transport == "xmlrpc" && !errors.Is(err, http.ErrServerClosed) {
						t.Errorf("Serve: got %v; want what all servers end with", err)
					}
				}
			})
		}
	}
}
