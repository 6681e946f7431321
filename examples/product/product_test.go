package main

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/pickle"
)

const want = `Corner shop has 5 products
1: pen costs 1.20
2: ruler costs 2.50
3: notebook costs 3.75
4: lamp costs 24.90
5: chair costs 89.00
all of them cost 121.35
`

func TestBothEnds(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), []string{"-pause", "1ms"}, &out); err != nil {
		t.Fatal(err)
	}
	if out.String() != want {
		t.Errorf("got\n%s; want\n%s", out.String(), want)
	}
}

func TestUsage(t *testing.T) {
	if err := run(t.Context(), []string{"dance"}, io.Discard); err == nil || !strings.Contains(err.Error(), "usage:") {
		t.Errorf("got %v; want the usage", err)
	}
}

// start serves until the end of the test.
func start(t *testing.T) (url, keyfile string) {
	t.Helper()
	keyfile = filepath.Join(t.TempDir(), "key")
	key, err := makeKey(keyfile)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	listening, served := make(chan string, 1), make(chan error, 1)
	go func() { served <- serve(ctx, "tcp://127.0.0.1:0", key, 0, func(url string) { listening <- url }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("serve: got %v; want nil after the end of its context", err)
		}
	})
	select {
	case url := <-listening:
		return url, keyfile
	case err := <-served:
		served <- err
		t.Fatal(err)
	}
	panic("unreachable")
}

// Without a registry a class is an error that names it, and the connection goes
// on.
func TestUnknownClass(t *testing.T) {
	url, keyfile := start(t)
	key, err := loadKey(keyfile)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := native.DialConn(t.Context(), url, native.ConnConfig{Auth: key})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var shop Shop
	if err := conn.Recv(t.Context(), &shop); err != nil || shop.Products != 5 {
		t.Fatalf("got %+v, %v; want the shop", shop, err)
	}
	for range shop.Products {
		var p any
		err := conn.Recv(t.Context(), &p)
		var class *pickle.ClassError
		if !errors.As(err, &class) || class.Class != "product.Product" {
			t.Errorf("got %v, %v; want an error about the class product.Product", p, err)
		}
	}
}

// runner runs a script with the folder of its module in front.
const runner = `
import runpy, sys
folder, script = sys.argv[1:3]
sys.path.insert(0, folder)
del sys.argv[:2]
runpy.run_path(script, run_name="__main__")
`

// eachProduct runs f for each CPython with each module product that it can read.
func eachProduct(t *testing.T, f func(t *testing.T, python peertest.PythonVersion, folder string)) {
	t.Helper()
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, python := range peertest.Pythons(t) {
		t.Run(python.String(), func(t *testing.T) {
			t.Run("Plain", func(t *testing.T) { f(t, python, here) })
			if python.AtLeast(3, 7) {
				t.Run("Dataclass", func(t *testing.T) { f(t, python, filepath.Join(here, "dataclass")) })
			}
		})
	}
}

func script(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLivePythonClient(t *testing.T) {
	url, keyfile := start(t)
	host, port, _ := strings.Cut(strings.TrimPrefix(url, "tcp://"), ":")
	eachProduct(t, func(t *testing.T, python peertest.PythonVersion, folder string) {
		got := peertest.RunPython(t, t.Context(), python.Path, runner, folder, script(t, "client.py"), keyfile, host, port)
		if got != want {
			t.Errorf("got\n%s; want\n%s", got, want)
		}
	})
}

func TestLivePythonServer(t *testing.T) {
	keyfile := filepath.Join(t.TempDir(), "key")
	if _, err := makeKey(keyfile); err != nil {
		t.Fatal(err)
	}
	eachProduct(t, func(t *testing.T, python peertest.PythonVersion, folder string) {
		server := peertest.StartPython(t, python.Path, runner, folder, script(t, "server.py"), keyfile, "127.0.0.1", "0", "0")
		line, err := server.ReadLine(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		url := strings.TrimPrefix(line, "product listens on ")
		var out strings.Builder
		if err := run(t.Context(), []string{"-url", url, "-key", keyfile, "client"}, &out); err != nil || out.String() != want {
			t.Errorf("got\n%s%v; want\n%s", out.String(), err, want)
		}
	})
}
