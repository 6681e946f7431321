package xmlrpc_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// stalled is a result that has much to say and then waits until it is closed.
type stalled struct {
	io.Reader
	pipe   *io.PipeReader
	closed chan struct{}
	t      *testing.T
}

func newStalled(t *testing.T) *stalled {
	r, _ := io.Pipe() // to which nobody writes
	return &stalled{io.MultiReader(bytes.NewReader(make([]byte, 100_000)), r), r, make(chan struct{}), t}
}

func (s *stalled) Close() error {
	select {
	case <-s.closed:
		s.t.Error("the result was closed twice")
	default:
		close(s.closed)
	}
	return s.pipe.Close()
}

// TestResultThatStalls: a result that waits in its Read for what does not come
// holds its connection no longer than the call has time, and its caller is there.
func TestResultThatStalls(t *testing.T) {
	registered, raw := newStalled(t), newStalled(t)
	reg := registry(t, map[string]any{"stall": func() io.Reader { return registered }})
	for name, test := range map[string]struct {
		handler rpc.Caller
		result  *stalled
	}{
		"registry": {reg, registered},
		"raw":      {callerFunc(func(context.Context, *rpc.Request) (any, error) { return raw, nil }), raw},
	} {
		// Its time is over.
		srv := &xmlrpc.Server{Handler: test.handler, Timeout: 100 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)}
		c := newClient(t, "http://"+serve(t, srv), xmlrpc.ClientConfig{})
		var link *rpc.LinkError
		if _, err := rpc.Invoke[[]byte](bounded(t), c, "stall"); !errors.As(err, &link) || link.Sent != rpc.Unknown {
			t.Errorf("%s: got %v; want an answer that is cut off", name, err)
		}
		wait(t, test.result.closed, "Close of the result")
		if err := srv.Shutdown(bounded(t)); err != nil {
			t.Errorf("%s: Shutdown: %v", name, err)
		}

		// Its caller has gone.
		*test.result = *newStalled(t)
		srv = &xmlrpc.Server{Handler: test.handler, Timeout: time.Hour, Logger: slog.New(slog.DiscardHandler)}
		addr := serve(t, srv)
		conn := dial(t, addr)
		io.WriteString(conn, request("POST / HTTP/1.1", addr, document("stall"), "Content-Type: text/xml"))
		if _, err := bufio.NewReader(conn).ReadString('<'); err != nil {
			t.Fatal(err)
		}
		conn.Close()
		wait(t, test.result.closed, "Close of the result")
		if err := srv.Shutdown(bounded(t)); err != nil {
			t.Errorf("%s: Shutdown: %v", name, err)
		}
	}
}

// TestResultWithoutEnd: a result that can be read for ever is cut off as well.
func TestResultWithoutEnd(t *testing.T) {
	srv := &xmlrpc.Server{Handler: registry(t, map[string]any{"zeros": func() io.Reader { return zeros{} }}), Timeout: 100 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)}
	addr := serve(t, srv)
	conn := dial(t, addr)
	io.WriteString(conn, request("POST / HTTP/1.1", addr, document("zeros"), "Content-Type: text/xml"))
	conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Errorf("got %v; want the end of the connection", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestResultOutlivesItsContext: an interceptor that ends the context of a function
// when that returns does not end the result.
func TestResultOutlivesItsContext(t *testing.T) {
	reg := registry(t, map[string]any{"blob": func() io.Reader { return bytes.NewReader(make([]byte, 1<<20)) }})
	reg.Use(func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, req *rpc.Request) (any, error) {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			return next(ctx, req)
		}
	})
	c := newClient(t, "http://"+serve(t, &xmlrpc.Server{Handler: reg}), xmlrpc.ClientConfig{})
	if got, err := rpc.Invoke[[]byte](bounded(t), c, "blob"); err != nil || len(got) != 1<<20 {
		t.Errorf("got %d bytes, %v; want %d", len(got), err, 1<<20)
	}
}
