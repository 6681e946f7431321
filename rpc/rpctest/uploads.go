package rpctest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// testUploads: the last argument of a call may be a stream.
func testUploads(t *testing.T, tr Transport) {
	sum := func(nums iter.Seq2[int, error]) (int, error) {
		total := 0
		for n, err := range nums {
			if err != nil {
				return 0, err
			}
			total += n
		}
		return total, nil
	}
	began, ended := make(chan struct{}, 4), make(chan error, 4)
	c := tr.connect(t, functions{
		"sum":  sum,
		"fast": rpc.Func1(func(_ context.Context, nums iter.Seq2[int, error]) (int, error) { return sum(nums) }),
		"scaled": func(ctx context.Context, factor int, nums iter.Seq2[int, error]) (int, error) {
			n, err := sum(nums)
			return factor * n, err
		},
		"names": func(items iter.Seq2[item, error]) ([]string, error) {
			list := []string{}
			for it, err := range items {
				if err != nil {
					return nil, err
				}
				list = append(list, it.Name)
			}
			return list, nil
		},
		"first": func(nums iter.Seq2[int, error]) (int, error) {
			for n, err := range nums {
				return n, err
			}
			return -1, nil
		},
		"ignores": func(iter.Seq2[int, error]) string { return "done" },
		"refuses": func(iter.Seq2[int, error]) (string, error) { return "", rpc.Errorf(79, "no uploads today") },
		"doubles": func(nums iter.Seq2[int, error]) iter.Seq2[int, error] {
			return func(yield func(int, error) bool) {
				for n, err := range nums {
					if !yield(2*n, err) {
						return
					}
				}
			}
		},
		"hash": func(r io.Reader) (string, error) {
			h := sha256.New()
			n, err := io.Copy(h, r)
			return fmt.Sprintf("%d %x", n, h.Sum(nil)), err
		},
		"outcome": func(nums iter.Seq2[int, error]) error {
			began <- struct{}{}
			_, err := sum(nums)
			ended <- err
			return err
		},
		"list": func(nums []int) int { return len(nums) },
	})
	ctx := tr.bounded(t)

	for _, n := range []int{0, 1, 2, 100, 20_000} {
		want := n * (n - 1) / 2
		for _, method := range []string{"sum", "fast"} {
			if got, err := rpc.Invoke[int](ctx, c, method, count(n, nil)); err != nil || got != want {
				t.Errorf("%s of a stream of %d: got %d, %v; want %d", method, n, got, err, want)
			}
		}
		if got, err := rpc.Invoke[int](ctx, c, "scaled", 3, count(n, nil)); err != nil || got != 3*want {
			t.Errorf("scaled(3, a stream of %d): got %d, %v; want %d", n, got, err, 3*want)
		}
	}
	// Who has no stream sends a list.
	if got, err := rpc.Invoke[int](ctx, c, "sum", []int{1, 2, 39}); err != nil || got != 42 {
		t.Errorf("sum of a list: got %d, %v; want 42", got, err)
	}
	if got, err := rpc.Invoke[string](ctx, c, "hash", []byte("abc")); err != nil || got != fmt.Sprintf("3 %x", sha256.Sum256([]byte("abc"))) {
		t.Errorf("hash of bytes: got %q, %v", got, err)
	}
	var names []string
	stream := func(yield func(item, error) bool) {
		for _, it := range manyItems(300) {
			names = append(names, it.Name)
			if !yield(it, nil) {
				return
			}
		}
	}
	if got, err := rpc.Invoke[[]string](ctx, c, "names", iter.Seq2[item, error](stream)); err != nil || !same(names, got) {
		t.Errorf("names of 300 records: got %d, %v", len(got), err)
	}
	for _, size := range []int{0, 1, 1000, 100_000, 1 << 20} {
		b := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
		want := fmt.Sprintf("%d %x", size, sha256.Sum256(b))
		if got, err := rpc.Invoke[string](ctx, c, "hash", io.MultiReader(bytes.NewReader(b))); err != nil || got != want {
			t.Errorf("hash of a reader of %d bytes: got %q, %v; want %q", size, got, err, want)
		}
	}
	doubled, err := drain(rpc.Stream[int](ctx, c, "doubles", count(3000, nil)))
	if err != nil || len(doubled) != 3000 || doubled[2999] != 5998 {
		t.Errorf("doubles of a stream of 3000: got %d items, %v", len(doubled), err)
	}

	// A function need not read all of it, or any.
	if got, err := rpc.Invoke[int](ctx, c, "first", count(20_000, nil)); err != nil || got != 0 {
		t.Errorf("first of a stream: got %d, %v; want 0", got, err)
	}
	if got, err := rpc.Invoke[string](ctx, c, "ignores", count(20_000, nil)); err != nil || got != "done" {
		t.Errorf("ignores: got %q, %v", got, err)
	}
	_, err = rpc.Invoke[string](ctx, c, "refuses", count(20_000, nil))
	wantFault(t, "refuses", err, 79)
	_, err = rpc.Invoke[int](ctx, c, "no.such", count(20_000, nil))
	wantFault(t, "an upload to no method", err, rpc.CodeMethodNotFound)

	// A stream that breaks off ends its call, whose function sees no end but an
	// error.
	broken := errors.New("the disk is on fire")
	_, err = rpc.Invoke[rpc.Void](ctx, c, "outcome", iter.Seq2[int, error](func(yield func(int, error) bool) {
		if yield(1, nil) {
			if tr.Pushes {
				wait(t, tr, began, "for the function to begin")
			}
			yield(0, broken)
		}
	}))
	if !errors.Is(err, broken) {
		t.Errorf("a call whose upload breaks off: got %v; want %v", err, broken)
	}
	if tr.Pushes {
		if err := wait(t, tr, ended, "for the function whose upload broke off"); err == nil {
			t.Error("the function saw its upload end as if it were complete")
		}
	}
	_, err = rpc.Invoke[string](ctx, c, "hash", io.MultiReader(strings.NewReader("abc"), failingReader{broken}))
	if !errors.Is(err, broken) {
		t.Errorf("a call whose reader fails: got %v; want %v", err, broken)
	}

	// What is no place for a stream.
	if _, err = rpc.Invoke[int](ctx, c, "scaled", count(1, nil), 3); err == nil {
		t.Error("a stream as the first of two arguments was taken")
	}
	_, err = rpc.Invoke[int](ctx, c, "sum", "abc")
	wantFault(t, "sum of a text", err, rpc.CodeInvalidParams)
	_, err = rpc.Invoke[int](ctx, c, "scaled", count(1, nil))
	wantFault(t, "an argument is missing before the stream", err, rpc.CodeInvalidParams)
	_, err = rpc.Invoke[int](ctx, c, "sum", iter.Seq2[string, error](func(yield func(string, error) bool) { yield("x", nil) }))
	if err == nil {
		t.Error("a stream of texts was summed")
	}
	tr.wantAlive(t, c)
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// testReaders: a result may be an io.Reader.
func testReaders(t *testing.T, tr Transport) {
	closed := make(chan struct{}, 8)
	content := func(n int) []byte { return bytes.Repeat([]byte("The quick brown fox. "), n/21+1)[:n] }
	reg, _ := newRegistry()
	reg.MaxBytes = 3 << 20
	register(t, reg, functions{
		"file": func(n int) io.ReadCloser { return &closeTeller{bytes.NewReader(content(n)), closed} },
		"fast": rpc.Func1(func(_ context.Context, n int) (io.Reader, error) { return bytes.NewReader(content(n)), nil }),
		"blob": func(n int) []byte { return content(n) },
		"none": func() (io.Reader, error) { return nil, nil },
		"gone": func() (io.Reader, error) { return nil, rpc.Errorf(404, "no such file") },
		"fails": func() io.Reader {
			return io.MultiReader(strings.NewReader("abc"), failingReader{rpc.Errorf(80, "bad sector")})
		},
		"endless": func() io.ReadCloser { return &closeTeller{zeros{}, closed} },
		"echo":    func(r io.Reader) io.Reader { return r },
	})
	c := tr.Connect(t, reg)
	ctx := tr.bounded(t)
	read := func(method string, args ...any) ([]byte, error) {
		r := rpc.Reader(ctx, c, method, args...)
		defer r.Close()
		return io.ReadAll(struct{ io.Reader }{r}) // by Read
	}
	for _, n := range []int{0, 1, 1000, 100_000, 2 << 20} {
		for _, method := range []string{"file", "fast", "blob"} {
			got, err := read(method, n)
			if err != nil || !bytes.Equal(got, content(n)) {
				t.Errorf("%s(%d): got %d bytes, %v", method, n, len(got), err)
			}
			var b bytes.Buffer
			r := rpc.Reader(ctx, c, method, n)
			if m, err := io.Copy(&b, r); err != nil || m != int64(n) || !bytes.Equal(b.Bytes(), content(n)) {
				t.Errorf("%s(%d) copied: got %d bytes, %v", method, n, m, err)
			}
			r.Close()
			if got, err := rpc.Invoke[[]byte](ctx, c, method, n); err != nil || !bytes.Equal(got, content(n)) {
				t.Errorf("%s(%d) in one value: got %d bytes, %v", method, n, len(got), err)
			}
		}
		for range 3 {
			wait(t, tr, closed, "for the file to be closed")
		}
	}
	if got, err := read("none"); err != nil || len(got) != 0 {
		t.Errorf("none: got %q, %v; want nothing", got, err)
	}
	_, err := read("gone")
	wantFault(t, "gone", err, 404)
	got, err := read("fails")
	wantFault(t, "fails", err, 80)
	if tr.Pushes && string(got) != "abc" {
		t.Errorf("fails gave %q before its error; want abc", got)
	}
	if got, err := io.ReadAll(rpc.Reader(ctx, c, "echo", strings.NewReader("there and back"))); err != nil || string(got) != "there and back" {
		t.Errorf("echo of a reader: got %q, %v", got, err)
	}
	_, err = rpc.Invoke[[]byte](ctx, c, "endless")
	if tr.SendsReaders {
		if f := new(rpc.Fault); err == nil || errors.As(err, &f) {
			t.Errorf("an endless reader in one value: got %v; want the client's own error", err)
		}
	} else {
		wantFault(t, "an endless reader in one value", err, rpc.CodeOverLimit)
	}
	wait(t, tr, closed, "for the endless reader to be closed")

	if tr.Pushes {
		r := rpc.Reader(ctx, c, "endless")
		if _, err := io.ReadFull(r, make([]byte, 5<<20)); err != nil {
			t.Errorf("5 MiB of an endless reader: %v", err)
		}
		r.Close()
		wait(t, tr, closed, "for the endless reader to be closed")
		if _, err := r.Read(make([]byte, 1)); err == nil {
			t.Error("a closed reader can be read")
		}
	}

	var api struct {
		File func(context.Context, int) io.ReadCloser `rpc:"file"`
	}
	if err := rpc.Bind(c, &api); err != nil {
		t.Fatal(err)
	}
	r := api.File(ctx, 100_000)
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content(100_000)) {
		t.Errorf("a bound reader: got %d bytes, %v", len(got), err)
	}
	r.Close()
	tr.wantAlive(t, c)
}

// closeTeller is a reader that tells when it is closed.
type closeTeller struct {
	io.Reader
	closed chan struct{}
}

func (c *closeTeller) Close() error {
	c.closed <- struct{}{}
	return nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// testUnendingUploads: a producer that does not end does not hold up its call.
func testUnendingUploads(t *testing.T, tr Transport) {
	if !tr.Pushes {
		return // it would be collected, up to a bound
	}
	c := tr.connect(t, functions{
		"first": func(nums iter.Seq2[int, error]) int {
			for n, err := range nums {
				if err == nil {
					return n
				}
			}
			return -1
		},
		"never": func(ctx context.Context, nums iter.Seq2[int, error]) error {
			for _, err := range nums {
				if err != nil {
					return err
				}
			}
			return nil
		},
	})
	stopped := make(chan struct{}, 1)
	endless := iter.Seq2[int, error](func(yield func(int, error) bool) {
		defer func() { stopped <- struct{}{} }()
		for i := 7; yield(i, nil); i++ {
		}
	})
	if n, err := rpc.Invoke[int](tr.bounded(t), c, "first", endless); err != nil || n != 7 {
		t.Errorf("first of an endless stream: got %d, %v; want 7", n, err)
	}
	wait(t, tr, stopped, "for the producer to be stopped")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := rpc.Invoke[rpc.Void](ctx, c, "never", endless); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a call with an endless stream: got %v; want context.DeadlineExceeded", err)
	}
	wait(t, tr, stopped, "for the producer to be stopped")
	tr.wantAlive(t, c)
}
