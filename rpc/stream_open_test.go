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
		"none":    func() io.Reader { return nil },
		"empty":   func() io.Reader { return strings.NewReader("") },
		"short":   func() io.Reader { return strings.NewReader("abc") },
		"long":    func() io.Reader { return bytes.NewReader(long) },
		"fails":   func() io.Reader { return io.MultiReader(strings.NewReader("abc"), failing{gone}) },
		"cut":     func() io.Reader { return io.MultiReader(strings.NewReader("abc"), failing{io.ErrUnexpectedEOF}) },
		"later":   func() io.Reader { return io.MultiReader(bytes.NewReader(long), failing{gone}) },
		"endless": func() io.Reader { return endless{} },
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
	ctx, cancel := context.WithCancel(t.Context())
	got, err := call(ctx, "endless")
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.Copy(io.Discard, got.(io.Reader)); !errors.Is(err, context.Canceled) {
		t.Errorf("an endless reader whose caller has left: got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

type closing struct {
	io.Reader
	n *int
}

func (c closing) Close() error { *c.n++; return nil }

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

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
