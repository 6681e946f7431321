package xmlrpc_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// TestMarkedCallsAreMadeOnceMore: those whose connection is lost, and no others.
func TestMarkedCallsAreMadeOnceMore(t *testing.T) {
	fault := ok("<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>-32006</int></value></member><member><name>faultString</name><value>no</value></member></struct></value></fault></methodResponse>")
	for _, tt := range []struct {
		name    string
		answers []string // to one call after another, each on a connection of its own
		plain   bool     // not marked
		calls   int32
		unknown bool // else true is answered
	}{
		{"nothing, then an answer", []string{"", ok(yes)}, false, 2, false},
		{"half a head, then an answer", []string{"HTTP/1.1 200 OK\r\nConte", ok(yes)}, false, 2, false},
		{"half a body, then an answer", []string{ok(yes)[:120], ok(yes)}, false, 2, false},
		{"not marked", []string{"", ok(yes)}, true, 1, true},
		{"twice nothing", []string{"", "", ok(yes)}, false, 2, true},
		{"not XML-RPC", []string{ok("<html>"), ok(yes)}, false, 1, true},
		{"another status", []string{"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", ok(yes)}, false, 1, true},
	} {
		var calls atomic.Int32
		var mu sync.Mutex
		bodies := map[string]bool{}
		url := script(t, func(n int, c net.Conn) {
			if _, body, err := take(bufio.NewReader(c)); err == nil {
				mu.Lock()
				bodies[body] = true
				mu.Unlock()
				calls.Add(1)
				io.WriteString(c, tt.answers[n])
			}
		})
		ctx := bounded(t)
		if !tt.plain {
			ctx = rpc.WithIdempotent(ctx)
		}
		got, err := rpc.Invoke[bool](ctx, newClient(t, url, xmlrpc.ClientConfig{}), "f", "argument")
		if tt.unknown {
			if link := wantLink(t, err, rpc.Unknown); strings.Contains(link.Error(), "2 tries") != (tt.calls == 2) {
				t.Errorf("%s: got %v; want it to tell the number of tries", tt.name, err)
			}
		} else if err != nil || !got {
			t.Errorf("%s: got %v, %v; want true", tt.name, got, err)
		}
		mu.Lock()
		if calls.Load() != tt.calls || len(bodies) != 1 {
			t.Errorf("%s: %d calls of %d kinds; want %d that are the same", tt.name, calls.Load(), len(bodies), tt.calls)
		}
		mu.Unlock()
	}
	// A fault is an answer.
	var calls atomic.Int32
	url := script(t, func(_ int, c net.Conn) {
		if _, _, err := take(bufio.NewReader(c)); err == nil {
			calls.Add(1)
			io.WriteString(c, fault)
		}
	})
	_, err := rpc.Invoke[bool](rpc.WithIdempotent(bounded(t)), newClient(t, url, xmlrpc.ClientConfig{}), "f")
	if !errors.Is(err, &rpc.Fault{Code: rpc.CodeShuttingDown}) || calls.Load() != 1 {
		t.Errorf("a fault: got %v after %d calls; want it after one", err, calls.Load())
	}
}

// TestMarkedCallsStayUnknown: that the second try was not sent says nothing about
// the first.
func TestMarkedCallsStayUnknown(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := ln.Accept()
		ln.Close()
		if err == nil {
			take(bufio.NewReader(c))
			c.Close()
		}
	}()
	_, err = rpc.Invoke[bool](rpc.WithIdempotent(bounded(t)), newClient(t, "http://"+ln.Addr().String(), xmlrpc.ClientConfig{}), "f")
	<-done
	wantLink(t, err, rpc.Unknown)
}

// TestMarkedCallsThatAreGivenUp are not made again.
func TestMarkedCallsThatAreGivenUp(t *testing.T) {
	var calls atomic.Int32
	taken := make(chan struct{}, 9)
	url := script(t, func(_ int, c net.Conn) {
		r := bufio.NewReader(c)
		if _, _, err := take(r); err == nil {
			calls.Add(1)
			taken <- struct{}{}
			io.Copy(io.Discard, r) // until the client goes away
		}
	})
	c := newClient(t, url, xmlrpc.ClientConfig{})
	ctx, cancel := context.WithCancel(rpc.WithIdempotent(bounded(t)))
	go func() {
		<-taken
		cancel()
	}()
	_, err := rpc.Invoke[bool](ctx, c, "f")
	if wantLink(t, err, rpc.Unknown); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; want %v", err, context.Canceled)
	}
	short, cancel := context.WithTimeout(rpc.WithIdempotent(context.Background()), 50*time.Millisecond)
	defer cancel()
	_, err = rpc.Invoke[bool](short, c, "f")
	if wantLink(t, err, rpc.Unknown); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v; want %v", err, context.DeadlineExceeded)
	}
	if strings.Contains(err.Error(), "tries") {
		t.Errorf("got %v; want no second try", err)
	}
	if n := calls.Load(); n != 2 {
		t.Errorf("2 calls were made %d times", n)
	}
}
