package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/internal/peertest"
)

const want = `3 and 5 is 8
by name: [1, 2, 3]
counting down: [3, 2, 1]
saws left: 0
RuntimeError: fault -32500: there are 3 of hammer
TypeError: fault -32602: add: cannot add int and string
`

func TestLiveClient(t *testing.T) {
	script, err := os.ReadFile("client.py")
	if err != nil {
		t.Fatal(err)
	}
	for _, python := range peertest.Pythons(t) {
		t.Run(python.String(), func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			file := filepath.Join(t.TempDir(), "key")
			listening, served := make(chan net.Addr, 1), make(chan error, 1)
			go func() {
				served <- serve(ctx, "tcp://127.0.0.1:0", file, func(addr net.Addr) { listening <- addr })
			}()
			defer func() {
				cancel()
				if err := <-served; err != nil {
					t.Errorf("serve: got %v; want nil after the end of its context", err)
				}
			}()
			var addr net.Addr
			select {
			case addr = <-listening:
			case err := <-served:
				served <- err
				t.Fatal(err)
			}
			host, port, _ := net.SplitHostPort(addr.String())
			if got := peertest.RunPython(t, ctx, python.Path, string(script), file, host, port); got != want {
				t.Errorf("got\n%s; want\n%s", got, want)
			}
		})
	}
}

// The example as its reader runs it, from the root of the module.
func TestLiveBothEnds(t *testing.T) {
	peertest.Python(t)
	t.Chdir("../..")
	var out strings.Builder
	if err := run(t.Context(), nil, &out); err != nil {
		t.Fatal(err)
	}
	if out.String() != want {
		t.Errorf("got\n%s; want\n%s", out.String(), want)
	}
}

func TestUsage(t *testing.T) {
	if err := run(t.Context(), []string{"dance"}, &strings.Builder{}); err == nil || !strings.Contains(err.Error(), "usage:") {
		t.Errorf("run dance: got %v; want the usage", err)
	}
}
