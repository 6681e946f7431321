package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

func TestBothEnds(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), nil, &out); err != nil {
		t.Fatal(err)
	}
	if want := "3 and 5 is 8\nHello and World is HelloWorld\n[1 2 3] and [4 5] is [1 2 3 4 5]\n"; out.String() != want {
		t.Errorf("got\n%s; want\n%s", out.String(), want)
	}
}

// start serves until the end of the test and returns the URL.
func start(t *testing.T, key *auth.Authkey) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	listening, served := make(chan string, 1), make(chan error, 1)
	go func() { served <- serve(ctx, "tcp://127.0.0.1:0", key, func(url string) { listening <- url }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("serve: got %v; want nil after the end of its context", err)
		}
	})
	select {
	case url := <-listening:
		return url
	case err := <-served:
		served <- err
		t.Fatal(err)
	}
	panic("unreachable")
}

func TestSendWithKeyFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	key, err := makeKey(file)
	if err != nil {
		t.Fatal(err)
	}
	again, err := makeKey(file)
	if err != nil || string(again.Reveal()) != string(key.Reveal()) {
		t.Fatalf("makeKey a second time: got another key or %v; want the same key", err)
	}
	url := start(t, key)
	var out strings.Builder
	if err := run(t.Context(), []string{"-url", url, "-key", file, "send", "40", "2"}, &out); err != nil {
		t.Fatal(err)
	}
	if out.String() != "42\n" {
		t.Errorf("got %q; want \"42\\n\"", out.String())
	}
}

func TestWhatCannotBeAddedRaises(t *testing.T) {
	key := auth.GenerateKey()
	_, err := send(t.Context(), start(t, key), key, value.Tuple{3, "x"})
	var exception *pickle.Exception
	if !errors.As(err, &exception) || exception.Class != "TypeError" || exception.Text() != "add: cannot add int and string" {
		t.Errorf("got %v; want a TypeError: add: cannot add int and string", err)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"send", "3"}, {"dance"}} {
		if err := run(t.Context(), args, &strings.Builder{}); err == nil || !strings.Contains(err.Error(), "usage:") {
			t.Errorf("run %q: got %v; want the usage", args, err)
		}
	}
}

// The Python client of the tutorial, as it is.
func TestLivePythonClient(t *testing.T) {
	script, err := os.ReadFile("client.py")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key")
	key, err := makeKey(file)
	if err != nil {
		t.Fatal(err)
	}
	host, port, _ := strings.Cut(strings.TrimPrefix(start(t, key), "tcp://"), ":")
	for _, python := range peertest.Pythons(t) {
		t.Run(python.String(), func(t *testing.T) {
			got := peertest.RunPython(t, t.Context(), python.Path, string(script), file, host, port)
			want := "3 and 5 is 8\n'Hello' and 'World' is 'HelloWorld'\n[1, 2, 3] and [4, 5] is [1, 2, 3, 4, 5]\n"
			if python.Major == 2 {
				want = strings.Replace(want, "is 'HelloWorld'", "is u'HelloWorld'", 1)
			}
			if got != want {
				t.Errorf("got\n%s; want\n%s", got, want)
			}
		})
	}
}

// The server of the tutorial in Python, and the Go client.
func TestLivePythonServer(t *testing.T) {
	key := auth.GenerateKey()
	key, err := key.With(policy)
	if err != nil {
		t.Fatal(err)
	}
	for _, python := range peertest.Pythons(t) {
		t.Run(python.String(), func(t *testing.T) {
			server := peertest.StartPython(t, python.Path, `
import sys
from multiprocessing.connection import Listener
l = Listener(("127.0.0.1", 0), authkey=sys.argv[1].encode("ascii"))
print("tcp://127.0.0.1:%d" % l.address[1])
c = l.accept()
for _ in range(2):
    x, y = c.recv()
    c.send(x + y)
`, string(key.Reveal()))
			url, err := server.ReadLine(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			sums, err := send(t.Context(), url, key, value.Tuple{3, 5}, value.Tuple{"Hello", "World"})
			if err != nil || len(sums) != 2 || sums[0] != int64(8) || sums[1] != "HelloWorld" {
				t.Errorf("got %v, %v; want [8 HelloWorld]", sums, err)
			}
			if err := server.Wait(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}
