package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc"
)

func register(t *testing.T, name string, fn any) *rpc.Registry {
	t.Helper()
	reg := rpc.NewRegistry()
	if err := reg.Register(name, fn); err != nil {
		t.Fatal(err)
	}
	return reg
}

// lessWriter takes n bytes and then less than it is given, with err.
type lessWriter struct {
	n   int
	err error
}

func (w *lessWriter) Write(p []byte) (int, error) {
	if w.n -= len(p); w.n >= 0 {
		return len(p), nil
	}
	return 0, w.err
}

// TestReader: the reader of a call keeps to the rules of io.Reader, and says
// io.EOF only when all has come.
func TestReader(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 20_000)
	calls := 0
	reg := register(t, "get", func() io.Reader { calls++; return bytes.NewReader(content) })
	ctx := t.Context()
	full := errors.New("the disk is full")

	r := rpc.Reader(ctx, reg, "get")
	if n, err := r.Read(nil); n != 0 || err != nil || calls != 0 {
		t.Errorf("a read without room: got %d, %v, and %d calls; want 0, nil and none", n, err, calls)
	}
	first := make([]byte, 5)
	if _, err := io.ReadFull(r, first); err != nil || string(first) != "01234" {
		t.Errorf("got %q, %v", first, err)
	}
	var rest bytes.Buffer
	if n, err := io.Copy(&rest, r); err != nil || int(n) != len(content)-5 || !bytes.Equal(rest.Bytes(), content[5:]) {
		t.Errorf("io.Copy after a read: got %d bytes, %v", n, err)
	}
	for range 2 {
		if n, err := r.Read(first); n != 0 || err != io.EOF {
			t.Errorf("at the end: got %d, %v; want io.EOF", n, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}

	for _, tt := range []struct {
		name string
		w    io.Writer
		want error
	}{
		{"a writer that fails", &lessWriter{50_000, full}, full},
		{"a writer that takes less", &lessWriter{50_000, nil}, io.ErrShortWrite},
	} {
		r := rpc.Reader(ctx, reg, "get")
		if n, err := io.Copy(tt.w, r); !errors.Is(err, tt.want) || n > 50_000 {
			t.Errorf("%s: got %d, %v; want %v", tt.name, n, err, tt.want)
		}
		if n, err := r.Read(first); n != 0 || err == nil || err == io.EOF {
			t.Errorf("%s: a read afterwards: got %d, %v; want an error that is not the end", tt.name, n, err)
		}
	}

	r = rpc.Reader(ctx, reg, "get")
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	before := calls
	if _, err := io.Copy(io.Discard, r); !errors.Is(err, io.ErrClosedPipe) || calls != before {
		t.Errorf("after Close: got %v and %d calls; want %v and none", err, calls-before, io.ErrClosedPipe)
	}
}

// TestUploadThatBroke: a function that asks on is told the same again, and never
// that the upload is complete.
func TestUploadThatBroke(t *testing.T) {
	broke := errors.New("the producer breaks off")
	var seen []error
	reg := rpc.NewRegistry()
	err := reg.Handle("ask", func(ctx context.Context, req *rpc.Request) (any, error) {
		for range 4 {
			var n int
			seen = append(seen, req.Next(&n))
		}
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = rpc.Invoke[any](t.Context(), reg, "ask", iter.Seq2[int, error](func(yield func(int, error) bool) {
		_ = yield(1, nil) && yield(0, broke)
	}))
	if !errors.Is(err, broke) {
		t.Errorf("got %v; want %v", err, broke)
	}
	if len(seen) != 4 || seen[0] != nil {
		t.Fatalf("got %v", seen)
	}
	for _, err := range seen[1:] {
		if !errors.Is(err, broke) {
			t.Errorf("got %v; want %v", err, broke)
		}
	}
}

// TestUploadIsReadOnce: a second loop goes on where the first one has stopped.
func TestUploadIsReadOnce(t *testing.T) {
	reg := register(t, "twice", func(items iter.Seq2[int, error]) (all []int, err error) {
		for range 3 {
			for n, err := range items {
				if err != nil {
					return nil, err
				}
				if all = append(all, n); n == 1 {
					break
				}
			}
		}
		return all, nil
	})
	got, err := rpc.Invoke[[]int](t.Context(), reg, "twice", iter.Seq2[int, error](func(yield func(int, error) bool) {
		for i := 0; i < 4 && yield(i, nil); i++ {
		}
	}))
	if err != nil || !slices.Equal(got, []int{0, 1, 2, 3}) {
		t.Errorf("got %v, %v; want 0 to 3, each once", got, err)
	}
}

// TestListsAreHandedOverInParts: of a list that is wanted item by item, dynamic
// values are made a few at a time, so that one of the last that cannot cross does
// not keep the first ones back.
func TestListsAreHandedOverInParts(t *testing.T) {
	const n = 10_000
	list := make([]any, n)
	for i := range list {
		list[i] = i
	}
	list[n-1] = func() {}
	reg := register(t, "list", func() []any { return list })
	reg.Logger = slog.New(slog.DiscardHandler)
	got := 0
	var last error
	for item, err := range rpc.Stream[int](t.Context(), reg, "list") {
		if last = err; err == nil {
			if item != got {
				t.Fatalf("got %d; want %d", item, got)
			}
			got++
		}
	}
	var fault *rpc.Fault
	if got < n-1000 || got == n || !errors.As(last, &fault) || fault.Code != rpc.CodeInternal {
		t.Errorf("got %d items, then %v; want nearly %d, then fault %d", got, last, n, rpc.CodeInternal)
	}
	for _, n := range []int{0, 1, 256, 257, 1000} {
		reg := register(t, "list", func() []string { return strings.Split(strings.Repeat("x,", n), ",")[:n] })
		got := 0
		for item, err := range rpc.Stream[string](t.Context(), reg, "list") {
			if err != nil || item != "x" {
				t.Fatalf("got %q, %v", item, err)
			}
			got++
		}
		if got != n {
			t.Errorf("got %d items; want %d", got, n)
		}
	}
}
