// Manager is a server for programs that use multiprocessing.managers of Python,
// such as client.py beside this file: they know nothing of Go, and call functions
// as methods of the objects that their BaseManager gives them.
//
//	go run ./examples/manager                     a server, and client.py with python3
//	go run ./examples/manager serve               until Ctrl-C, on tcp://127.0.0.1:16000
//	python3 examples/manager/client.py            in another terminal
//
// The flags -url and -key, in front of serve, name another address and another
// file for the key.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"log"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/python"
	"github.com/parley-rpc/parley/services/adder"
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
	flags := flag.NewFlagSet("manager", flag.ContinueOnError)
	url := flags.String("url", "tcp://127.0.0.1:16000", "where the server listens")
	file := flags.String("key", "manager.key", "the `file` with the authkey; it is made if it is not there")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch rest := flags.Args(); {
	case len(rest) == 0:
		return both(ctx, out)
	case len(rest) == 1 && rest[0] == "serve":
		return serve(ctx, *url, *file, func(addr net.Addr) { fmt.Fprintf(out, "managers connect to %s\n", addr) })
	}
	return errors.New("usage: manager [-url URL] [-key FILE] [serve]")
}

// both runs the server, and the client of Python beside this file.
func both(ctx context.Context, out io.Writer) error {
	dir, err := os.MkdirTemp("", "manager")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "key")
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	listening := make(chan net.Addr, 1)
	served := make(chan error, 1)
	go func() { served <- serve(ctx, "tcp://127.0.0.1:0", file, func(addr net.Addr) { listening <- addr }) }()

	select {
	case addr := <-listening:
		host, port, _ := net.SplitHostPort(addr.String())
		client := exec.CommandContext(ctx, "python3", "examples/manager/client.py", file, host, port)
		client.Stdout, client.Stderr = out, os.Stderr
		err = client.Run()
		cancel()
		return errors.Join(err, <-served)
	case err := <-served:
		return err
	}
}

// serve answers managers until ctx ends. ready is told where it listens.
func serve(ctx context.Context, url, file string, ready func(addr net.Addr)) error {
	if err := auth.GenerateKey().WriteFile(file); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	// Python 3.11 and older know MD5 alone. The key is 32 random bytes, which
	// nobody finds by trying; with newer Pythons leave AllowMD5 out.
	key, err := auth.LoadKey(file, auth.KeyConfig{AllowMD5: true})
	if err != nil {
		return err
	}
	reg, err := functions()
	if err != nil {
		return err
	}
	warnings := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s := &native.Server{Objects: python.Handler(reg), Auth: key, Logger: warnings}
	l, err := s.Listen(url)
	if err != nil {
		return err
	}
	ready(l.Addr())
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := s.Serve(l); !errors.Is(err, native.ErrServerClosed) {
		return err
	}
	return nil
}

// functions makes what clients call: add and countdown are methods of the object
// rpc of their manager, and those of the stock are methods of its object stock.
func functions() (*rpc.Registry, error) {
	reg := rpc.NewRegistry()
	return reg, errors.Join(
		adder.Register(reg),
		reg.Register("countdown", countdown, rpc.Params("n")),
		reg.Register("stock", &stock{count: map[string]int{"saw": 12, "hammer": 3}}),
	)
}

// countdown streams, which is a list for Python.
func countdown(n int) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for ; n > 0; n-- {
			if !yield(n, nil) {
				return
			}
		}
	}
}

// stock is shared by all clients.
type stock struct {
	mu    sync.Mutex
	count map[string]int // guarded by mu
}

func (s *stock) Count(item string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count[item]
}

// Take takes n of an item, if there are as many, and returns what is left.
func (s *stock) Take(item string, n int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n < 0 || n > s.count[item] {
		return 0, fmt.Errorf("there are %d of %s", s.count[item], item)
	}
	s.count[item] -= n
	return s.count[item], nil
}
