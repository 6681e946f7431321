// Pyserver works through the jobs of a queue that a Python program shares, and
// puts the results into a dictionary of that program. It is a BaseManager such as
// many programs have, queue_server.py beside this file, and knows nothing of Go.
//
//	go run ./examples/pyserver                                    starts queue_server.py and works with it
//	go run ./examples/pyserver -url tcp://127.0.0.1:16010 -key pyserver.key   works with one that runs
//
// The latter ends when the queue has been empty for a second. The key is made, and
// the program in Python started by hand, with
//
//	go run ./cmd/parley auth keygen --authkey --out pyserver.key
//	python3 examples/pyserver/queue_server.py pyserver.key
package main

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
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
	flags := flag.NewFlagSet("pyserver", flag.ContinueOnError)
	url := flags.String("url", "", "where queue_server.py listens; without it one is started")
	file := flags.String("key", "pyserver.key", "the `file` with the authkey")
	python := flags.String("python", "python3", "the interpreter for the one that is started")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *url == "" {
		return both(ctx, *python, out)
	}
	key, err := auth.LoadKey(*file, policy)
	if err != nil {
		return err
	}
	return work(ctx, *url, key, out)
}

// policy lets Python 3.11 and older in, which know MD5 alone. The key is 32
// random bytes, which nobody finds by trying; with newer Pythons leave it out.
var policy = auth.KeyConfig{AllowMD5: true}

//go:embed queue_server.py
var script string

// both starts the Python program, gives it some jobs and works through them.
func both(ctx context.Context, python string, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "pyserver")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	file := filepath.Join(dir, "key")
	key, err := auth.GenerateKey().With(policy)
	if err == nil {
		err = key.WriteFile(file)
	}
	if err != nil {
		return err
	}

	ctx, stop := context.WithCancel(ctx)
	server := exec.CommandContext(ctx, python, "-c", script, file, "127.0.0.1", "0")
	server.Stderr = os.Stderr
	lines, err := server.StdoutPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		stop()
		return fmt.Errorf("start queue_server.py: %w", err)
	}
	defer func() {
		stop() // it serves forever, and so it is killed
		_ = server.Wait()
	}()
	url, err := bufio.NewReader(lines).ReadString('\n')
	if err != nil {
		return fmt.Errorf("queue_server.py did not say where it listens: %w", err)
	}
	url = strings.TrimSpace(url)
	if err := add(ctx, url, key, "hammer", "saw", "nail"); err != nil {
		return err
	}
	return work(ctx, url, key, out)
}
