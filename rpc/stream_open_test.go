package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// TestReaderForATransport: one that reads results itself gets what does not end
// soon, and a fault or binary for what does.
func TestReaderForATransport(t *testing.T) {
	long := bytes.Repeat([]byte("0123456789"), 10_000)
	gone := errors.New("the disk is gone")
	reg := rpc.NewRegistry()
	reg.Logger = slog.New(slog.DiscardHandler)
	reg.MapError(gone, 404)
	closed := 0
	for name, r := range map[string]func() io.Reader{
		"none":  func() io.Reader { return nil },
		"empty": func() io.Reader { return strings.NewReader("") },
		"short": func() io.Reader { return strings.NewReader("abc") },
		"long":  func() io.Reader { return bytes.NewReader(long) },
		"fails": func() io.Reader { return io.MultiReader(strings.NewReader("abc"), failing{gone}) },
		"cut":   func() io.Reader { return io.MultiReader(strings.NewReader("abc"), failing{io.ErrUnexpectedEOF}) },
		"later": func() io.Reader { return io.MultiReader(bytes.NewReader(long), failing{gone}) },
	} {
		if err := reg.Register(name, func() io.Reader {
			if r := r(); r != nil {
				return closing{r, &closed}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	call := func(ctx context.Context, method string) (any, error) {
		return reg.Call(ctx, &rpc.Request{Method: method, Reader: true})
	}
	for method, want := range map[string]string{"none": "", "empty": "", "short": "abc"} {
		closed = 0
		got, err := call(t.Context(), method)
		if b, ok := got.([]byte); !ok || string(b) != want || err != nil || method != "none" && closed != 1 {
			t.Errorf("%s: got %v, %v, closed %d times; want %q", method, got, err, closed, want)
		}
	}
	for method, code := range map[string]int{"fails": 404, "cut": rpc.CodeApplication} {
		closed = 0
		if _, err := call(t.Context(), method); !errors.Is(err, &rpc.Fault{Code: code}) || closed != 1 {
			t.Errorf("%s: got %v, closed %d times; want fault %d", method, err, closed, code)
		}
	}
	for method, want := range map[string]error{"long": nil, "later": gone} {
		closed = 0
		got, err := call(t.Context(), method)
		r, ok := got.(io.ReadCloser)
		if !ok || err != nil || closed != 0 {
			t.Fatalf("%s: got %T, %v, closed %d times; want an open reader", method, got, err, closed)
		}
		b, err := io.ReadAll(r)
		if !bytes.Equal(b, long) || !errors.Is(err, want) {
			t.Errorf("%s: got %d bytes, %v; want %d and %v", method, len(b), err, len(long), want)
		}
		if r.Close(); closed != 1 {
			t.Errorf("%s: closed %d times", method, closed)
		}
	}
	// What is read later is the transport's business, also if the context of the
	// function has ended with it.
	ctx, cancel := context.WithCancel(t.Context())
	closed = 0
	got, err := call(ctx, "long")
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if b, err := io.ReadAll(got.(io.Reader)); !bytes.Equal(b, long) || err != nil || closed != 0 {
		t.Errorf("after the end of its function: got %d bytes, %v, closed %d times", len(b), err, closed)
	}
}

// TestReaderThatWaits: a Read that waits for what does not come returns when its
// call is over.
func TestReaderThatWaits(t *testing.T) {
	reg := rpc.NewRegistry()
	reg.Logger = slog.New(slog.DiscardHandler)
	reading := make(chan struct{}, 1)
	if err := reg.Register("pipe", func() io.Reader {
		r, w := io.Pipe()
		go func() {
			_, _ = w.Write([]byte("abc")) // until it is read, or r is closed
			reading <- struct{}{}
		}()
		return r
	}); err != nil {
		t.Fatal(err)
	}
	for name, req := range map[string]*rpc.Request{
		"opened":    {Method: "pipe", Reader: true},
		"collected": {Method: "pipe"},
		"streamed":  {Method: "pipe", Yield: func(any) error { return nil }},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-reading
			cancel()
		}()
		if got, err := reg.Call(ctx, req); !errors.Is(err, &rpc.Fault{Code: rpc.CodeCancelled}) {
			t.Errorf("%s: got %v, %v; want fault %d", name, got, err, rpc.CodeCancelled)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

type closing struct {
	io.Reader
	n *int
}

func (c closing) Close() error { *c.n++; return nil }

// TestReaderUnderInterceptors: a deadline that an interceptor sets is over when the
// result is read, and costs it nothing; a result that it drops is closed.
func TestReaderUnderInterceptors(t *testing.T) {
	long := bytes.Repeat([]byte("0123456789"), 10_000)
	closed := 0
	reg := rpc.NewRegistry()
	reg.Logger = slog.New(slog.DiscardHandler)
	if err := reg.Register("long", func() io.Reader { return closing{bytes.NewReader(long), &closed} }); err != nil {
		t.Fatal(err)
	}
	after := func(result any) (any, error) { return result, nil }
	reg.Use(func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, req *rpc.Request) (any, error) {
			ctx, cancel := context.WithTimeout(ctx, time.Hour)
			defer cancel()
			result, err := next(ctx, req)
			if err != nil {
				return nil, err
			}
			return after(result)
		}
	})
	call := func() (any, error) {
		closed = 0
		return reg.Call(t.Context(), &rpc.Request{Method: "long", Reader: true})
	}
	for name, wrap := range map[string]func(any) (any, error){
		"as it is": after,
		"wrapped":  func(result any) (any, error) { return io.LimitReader(result.(io.Reader), 1<<20), nil },
	} {
		after = wrap
		got, err := call()
		if err != nil || closed != 0 {
			t.Fatalf("%s: got %v, closed %d times", name, err, closed)
		}
		if b, err := io.ReadAll(got.(io.Reader)); err != nil || !bytes.Equal(b, long) {
			t.Errorf("%s: got %d bytes, %v; want %d", name, len(b), err, len(long))
		}
	}
	for name, drop := range map[string]func(any) (any, error){
		"an error":       func(any) (any, error) { return nil, errors.New("no") },
		"another result": func(any) (any, error) { return 7, nil },
		"a panic":        func(any) (any, error) { panic("canary") },
	} {
		after = drop
		if _, err := call(); closed != 1 {
			t.Errorf("%s: %v, and the reader was closed %d times; want once", name, err, closed)
		}
	}
}

// note is a value that can be read besides.
type note struct{ Text string }

func (note) Read([]byte) (int, error) { return 0, io.EOF }

// TestThreatValuesThatCanBeRead: the result of a function that returns an any is a
// value, whatever methods it has; a transport must not find it empty.
func TestThreatValuesThatCanBeRead(t *testing.T) {
	reg := rpc.NewRegistry()
	if err := reg.Register("note", func() any { return note{"x"} }); err != nil {
		t.Fatal(err)
	}
	got, err := reg.Call(t.Context(), &rpc.Request{Method: "note", Reader: true})
	if m, ok := got.(map[string]any); !ok || m["Text"] != "x" || err != nil {
		t.Errorf("got %#v, %v; want the note", got, err)
	}
}
