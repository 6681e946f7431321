// Streams shows calls that carry more than fits into one message: results that
// come item by item, uploads and downloads of any length. Whoever reads slowly
// stops the writer, and no one else.
//
//	go run ./examples/streams
package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"iter"
	"log"
	"os"
	"strings"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// squares streams its result: each item leaves as it is yielded. When the caller
// leaves its loop, yield returns false.
func squares(from int) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for n := from; yield(n*n, nil); n++ {
		}
	}
}

// mean takes a stream.
func mean(numbers iter.Seq2[float64, error]) (float64, error) {
	sum, n := 0.0, 0
	for x, err := range numbers {
		if err != nil {
			return 0, err // the caller has broken off
		}
		sum += x
		n++
	}
	return sum / float64(n), nil
}

// store takes a file of any length.
func store(name string, content io.Reader) (string, error) {
	hash := sha256.New()
	n, err := io.Copy(hash, content)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s: %d bytes, sha256 %x...", name, n, hash.Sum(nil)[:4]), nil
}

// fetch returns a file of any length, which is closed at its end.
func fetch(name string) (io.ReadCloser, error) {
	if name != "poem.txt" {
		return nil, rpc.Errorf(404, "no file %s", name)
	}
	return io.NopCloser(strings.NewReader(strings.Repeat("All work and no play makes Jack a dull boy.\n", 50_000))), nil
}

func run(ctx context.Context, out io.Writer) error {
	reg := rpc.NewRegistry()
	for name, fn := range map[string]any{"squares": squares, "mean": mean, "store": store, "fetch": fetch} {
		if err := reg.Register(name, fn); err != nil {
			return err
		}
	}
	key := auth.GenerateKey()
	srv := native.Server{Handler: reg, Auth: key}
	l, err := srv.Listen("tcp://127.0.0.1:0")
	if err != nil {
		return err
	}
	go srv.Serve(l)
	defer srv.Close()
	client, err := native.Dial(ctx, "tcp://"+l.Addr().String(), native.DialConfig{Auth: key})
	if err != nil {
		return err
	}
	defer client.Close()
	return calls(ctx, client, out)
}

// calls uses the service.
func calls(ctx context.Context, client rpc.Caller, out io.Writer) error {
	for square, err := range rpc.Stream[int](ctx, client, "squares", 7) {
		if err != nil {
			return err
		}
		fmt.Fprintln(out, square)
		if square > 100 {
			break // ends the call
		}
	}

	temperatures := iter.Seq2[float64, error](func(yield func(float64, error) bool) {
		for i := 0; i < 100_000 && yield(20+float64(i%7), nil); i++ {
		}
	})
	average, err := rpc.Invoke[float64](ctx, client, "mean", temperatures)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%.2f\n", average)

	file := io.LimitReader(strings.NewReader(strings.Repeat("0123456789", 1_000_000)), 9_999_999)
	stored, err := rpc.Invoke[string](ctx, client, "store", "digits", file)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, stored)

	poem := rpc.Reader(ctx, client, "fetch", "poem.txt")
	defer poem.Close()
	n, err := io.Copy(io.Discard, poem)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, n, "bytes of poetry")
	return nil
}
