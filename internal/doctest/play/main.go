//go:build unix

// Play follows documents as their reader would: it types their commands, writes
// their files, and compares what is printed with what they say. It ends at the
// first thing that is not so.
//
//	go run ./internal/doctest/play -dir FOLDER docs/quickstart.md
//
// Beside the folder there is a clone of the project by the name of parley, for
// documents that use it. Loopback ports get numbers that are free. The last line
// is the count, "N passed, N failed".
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/parley-rpc/parley/internal/doctest"
)

// timeLimit bounds one document. Most of it goes to compiling, and to npm.
const timeLimit = 10 * time.Minute

func main() {
	dir := flag.String("dir", ".", "the `folder` to work in")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	passed, failed := 0, 0
	for _, name := range flag.Args() {
		n, err := play(ctx, *dir, name, os.Stdout)
		passed += n
		if err != nil {
			failed++
			fmt.Println(err)
		}
	}
	if passed+failed == 0 {
		failed++
		fmt.Println("play: no document, or none with anything to do")
	}
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	if failed != 0 {
		os.Exit(1)
	}
}

// play follows one document, and returns how many of its blocks were as it says.
func play(ctx context.Context, dir, name string, log io.Writer) (int, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return 0, fmt.Errorf("play: %w", err)
	}
	doc, err := doctest.Parse(name, string(text))
	if err != nil {
		return 0, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return 0, fmt.Errorf("play: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()
	s := &doctest.Session{Document: doc, Dir: dir, Env: os.Environ(), Port: doctest.FreePorts(), Log: log}
	err = s.Run(ctx)
	return s.Played, err
}
