package main

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/internal/peertest"
)

// runner runs a script of a folder, where it finds its modules.
const runner = `
import os, runpy, sys
folder, name = sys.argv[1:3]
sys.path.insert(0, folder)
del sys.argv[:2]
runpy.run_path(os.path.join(folder, name), run_name="__main__")
`

// liveSize is some chunks and a rest, in bytes.
const liveSize = 5*chunkSize + 17

func here(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestLivePythonClient(t *testing.T) {
	s := start(t)
	host, port, _ := strings.Cut(strings.TrimPrefix(s.url, "tcp://"), ":")
	for i, python := range peertest.Pythons(t) {
		t.Run(python.String(), func(t *testing.T) {
			dir := t.TempDir()
			content := write(t, dir+"/original", liveSize+i) // not what the last one has put
			for _, command := range []string{"put", "get"} {
				path := dir + "/original"
				if command == "get" {
					path = dir + "/copy"
				}
				got := peertest.RunPython(t, t.Context(), python.Path, runner, here(t), "client.py", command, path, s.keyfile, host, port)
				if want := fmt.Sprintf("%s %s: sha256 %x\n", command, path, sha256.Sum256(content)); got != want {
					t.Errorf("got %q; want %q", got, want)
				}
			}
			wantFile(t, s.store, content)
			wantFile(t, dir+"/copy", content)
		})
	}
}

func TestLivePythonServer(t *testing.T) {
	keyfile := filepath.Join(t.TempDir(), "key")
	key, err := makeKey(keyfile)
	if err != nil {
		t.Fatal(err)
	}
	for _, python := range peertest.Pythons(t) {
		t.Run(python.String(), func(t *testing.T) {
			dir := t.TempDir()
			server := peertest.StartPython(t, python.Path, runner, here(t), "server.py", keyfile, "127.0.0.1", "0", dir+"/stored")
			line, err := server.ReadLine(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			url := strings.TrimPrefix(line, "file listens on ")
			if _, err := get(t.Context(), url, key, dir+"/copy"); err == nil || !strings.Contains(err.Error(), "nobody has put a file yet") {
				t.Errorf("get: got %v; want the reason that the server gives", err)
			}
			if line, err := server.ReadLine(t.Context()); line != "refused: nobody has put a file yet" {
				t.Errorf("the server: got %q, %v; want that it refused", line, err)
			}
			content := write(t, dir+"/original", liveSize)
			if _, err := put(t.Context(), url, key, dir+"/original"); err != nil {
				t.Fatal(err)
			}
			want := fmt.Sprintf("put %d bytes, sha256 %x", liveSize, sha256.Sum256(content))
			if line, err := server.ReadLine(t.Context()); line != want {
				t.Errorf("the server: got %q, %v; want %q", line, err, want)
			}
			wantFile(t, dir+"/stored", content)
			if _, err := get(t.Context(), url, key, dir+"/copy"); err != nil {
				t.Fatal(err)
			}
			wantFile(t, dir+"/copy", content)
		})
	}
}
