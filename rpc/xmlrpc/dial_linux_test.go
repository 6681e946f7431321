package xmlrpc_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// blackHole returns the URL of a port that lets nobody connect and refuses
// nobody: its queue is full, and nothing is taken from it.
func blackHole(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for range 16 {
		c, err := net.DialTimeout("tcp", addr, 100*time.Millisecond)
		if err != nil {
			return "http://" + addr
		}
		t.Cleanup(func() { c.Close() })
	}
	t.Skip("the queue of a listening socket does not get full here")
	return ""
}

// TestDialTimesOut: a call that found no connection in its time was not sent.
func TestDialTimesOut(t *testing.T) {
	url := blackHole(t)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err := rpc.Invoke[any](ctx, newClient(t, url, xmlrpc.ClientConfig{}), "f")
	if wantLink(t, err, rpc.NotSent); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v; want context.DeadlineExceeded", err)
	}
	start := time.Now()
	_, err = rpc.Invoke[any](context.Background(), newClient(t, url, xmlrpc.ClientConfig{DialTimeout: 50 * time.Millisecond}), "f")
	wantLink(t, err, rpc.NotSent)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("the call took %v", took)
	}
}

func TestCloseEndsDialling(t *testing.T) {
	c := newClient(t, blackHole(t), xmlrpc.ClientConfig{})
	result := make(chan error, 1)
	go func() { _, err := rpc.Invoke[any](context.Background(), c, "f"); result <- err }()
	time.Sleep(30 * time.Millisecond) // to be within the dial; before it, Close refuses the call alike
	wantQuickClose(t, c, result)
}
