// File sends a large file in chunks: each is one message of SendBytes, so that
// neither end ever holds more than a chunk, and the SHA-256 at the end tells
// whether all of it arrived as it was. What comes is kept beside its place and
// takes it only after that check. The server keeps one file, which clients put
// and get; chunks.go says what is sent.
//
//	go run ./examples/file                               64 MiB there and back
//
//	go run ./examples/file server                        until Ctrl-C, on tcp://127.0.0.1:16004
//	python3 examples/file/client.py put go.sum           in another terminal
//	python3 examples/file/client.py get copy-of-go.sum
//
//	python3 examples/file/server.py                      or the other way round
//	go run ./examples/file client put go.sum
//	go run ./examples/file client get copy-of-go.sum
//
// The authkey is in tutorial.key. The Go server makes that file if it is not
// there; before the Python server has its first start, this does:
//
//	go run ./cmd/parley auth keygen --authkey --out tutorial.key
//
// The flags -url, -key, -store and -size, in front of server or client, name
// another address, another file for the key, the file that the server keeps
// (stored.bin), and how much is sent there and back.
//
// Between two Go programs streams are the better choice (examples/streams): a
// parameter of type io.Reader is a file of any length, other calls go on beside
// it on the same connection, either side can break it off without losing that,
// and a failure half-way arrives as an error with its reason. Chunks are for a
// Python at the other end, which has nothing else.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/parley-rpc/parley/auth"
)

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("file", flag.ContinueOnError)
	url := flags.String("url", "tcp://127.0.0.1:16004", "where the server listens")
	file := flags.String("key", "tutorial.key", "the `file` with the authkey; the server makes it if it is not there")
	store := flags.String("store", "stored.bin", "the `file` that the server keeps")
	size := flags.Int64("size", 64<<20, "how many `bytes` are sent there and back")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch rest := flags.Args(); {
	case len(rest) == 0:
		return both(ctx, *size, out)
	case len(rest) == 1 && rest[0] == "server":
		key, err := makeKey(*file)
		if err != nil {
			return err
		}
		return serve(ctx, *url, key, *store, func(url string) { fmt.Fprintf(out, "file listens on %s\n", url) })
	case len(rest) == 3 && rest[0] == "client" && (rest[1] == "put" || rest[1] == "get"):
		key, err := loadKey(*file)
		if err != nil {
			return err
		}
		transfer := put
		if rest[1] == "get" {
			transfer = get
		}
		sum, err := transfer(ctx, *url, key, rest[2])
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s %s: sha256 %x\n", rest[1], rest[2], sum)
		return nil
	}
	return errors.New("usage: file [-url URL] [-key FILE] [-store FILE] [-size BYTES] [server | client put FILE | client get FILE]")
}

// both runs the server, and a client that puts a file and gets it back.
func both(ctx context.Context, size int64, out io.Writer) error {
	dir, err := os.MkdirTemp("", "file")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	original := dir + "/original"
	if err := makeFile(original, size); err != nil {
		return err
	}

	key := auth.GenerateKey()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	listening, served := make(chan string, 1), make(chan error, 1)
	go func() {
		served <- serve(ctx, "tcp://127.0.0.1:0", key, dir+"/stored", func(url string) { listening <- url })
	}()
	var url string
	select {
	case url = <-listening:
	case err := <-served:
		return err
	}
	err = func() error {
		sum, err := put(ctx, url, key, original)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "put %d bytes: sha256 %x\n", size, sum)
		sum, err = get(ctx, url, key, dir+"/copy")
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "got %d bytes: sha256 %x\n", size, sum)
		return nil
	}()
	cancel()
	return errors.Join(err, <-served)
}

// makeFile makes a file of that many bytes.
func makeFile(path string, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	line := []byte("All work and no play makes Jack a dull boy.\n")
	for left := size; left > 0; left -= int64(len(line)) {
		if _, err := f.Write(line[:min(int64(len(line)), left)]); err != nil {
			return err
		}
	}
	return f.Close()
}
