package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/internal/peertest"
)

func TestQuickstart(t *testing.T) {
	var out strings.Builder
	key := auth.GenerateKey()
	err := serve(key, func(webURL, nativeURL string) error {
		return call(t.Context(), &out, webURL, nativeURL, key)
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `*xmlrpc.Client: 3 + 5 = 8
*native.Client: 3 + 5 = 8
code -32602, add: params[1]: expected int, got string
`
	if out.String() != want {
		t.Errorf("got\n%s; want\n%s", out.String(), want)
	}
}

// client.py as it is, with each Python 3.
func TestLivePythonClient(t *testing.T) {
	script, err := os.ReadFile("client.py")
	if err != nil {
		t.Fatal(err)
	}
	key, err := auth.GenerateKey().With(auth.KeyConfig{AllowMD5: true}) // for Python 3.11 and older
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key")
	if err := key.WriteFile(file); err != nil {
		t.Fatal(err)
	}
	err = serve(key, func(webURL, nativeURL string) error {
		host, port, _ := strings.Cut(strings.TrimPrefix(nativeURL, "tcp://"), ":")
		for _, python := range peertest.Pythons(t) {
			if python.Major == 2 {
				continue // has no xmlrpc.client
			}
			t.Run(python.String(), func(t *testing.T) {
				got := peertest.RunPython(t, t.Context(), python.Path, string(script), webURL, host, port, file)
				if want := "xmlrpc: 8\nnative: 8\n"; got != want {
					t.Errorf("got %q; want %q", got, want)
				}
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
