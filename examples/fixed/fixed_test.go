package main

import (
	"bytes"
	"context"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc/native"
)

const want = "3 and 5: sum 8, difference -2\n-40 and 2: sum -38, difference -42\n"

func TestBothEnds(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), nil, &out); err != nil {
		t.Fatal(err)
	}
	if out.String() != want {
		t.Errorf("got\n%s; want\n%s", out.String(), want)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"dance"}, {"client", "3"}} {
		if err := run(t.Context(), args, io.Discard); err == nil || !strings.Contains(err.Error(), "usage:") {
			t.Errorf("run %q: got %v; want the usage", args, err)
		}
	}
}

func TestLayout(t *testing.T) {
	for _, test := range []struct {
		pair pair
		wire string // what struct.pack('>ii', x, y) gives
	}{
		{pair{0, 0}, "\x00\x00\x00\x00\x00\x00\x00\x00"},
		{pair{1, -1}, "\x00\x00\x00\x01\xff\xff\xff\xff"},
		{pair{0x01020304, math.MinInt32}, "\x01\x02\x03\x04\x80\x00\x00\x00"},
	} {
		if got := test.pair.appendTo(nil); string(got) != test.wire {
			t.Errorf("%v: got % x; want % x", test.pair, got, test.wire)
		}
		if got, err := parse([]byte(test.wire)); got != test.pair || err != nil {
			t.Errorf("% x: got %v, %v; want %v", test.wire, got, err, test.pair)
		}
	}
}

// start serves until the end of the test.
func start(t *testing.T) (url string, key *auth.Authkey, keyfile string) {
	t.Helper()
	keyfile = filepath.Join(t.TempDir(), "key")
	key, err := makeKey(keyfile)
	if err != nil {
		t.Fatal(err)
	}
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
		return url, key, keyfile
	case err := <-served:
		served <- err
		t.Fatal(err)
	}
	panic("unreachable")
}

// What is no pair, and what has no answer, ends that connection and no other.
func TestRefused(t *testing.T) {
	url, key, _ := start(t)
	for name, message := range map[string][]byte{
		"Empty":      {},
		"TooShort":   bytes.Repeat([]byte{1}, 7),
		"TooLong":    bytes.Repeat([]byte{1}, 9),
		"Sum":        pair{math.MaxInt32, 1}.appendTo(nil),
		"Difference": pair{math.MinInt32, 1}.appendTo(nil),
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := native.DialConn(t.Context(), url, native.ConnConfig{Auth: key})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SendBytes(t.Context(), message); err != nil {
				t.Fatal(err)
			}
			// Closed with bytes of the peer unread, a TCP connection is reset.
			if got, err := conn.RecvBytes(t.Context()); err == nil {
				t.Errorf("got the answer % x; want an end of the connection", got)
			}
		})
	}
	if err := client(t.Context(), url, key, io.Discard, pair{3, 5}); err != nil {
		t.Errorf("the next client: got %v; want no error", err)
	}
}

func script(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestLivePythonClient(t *testing.T) {
	url, _, keyfile := start(t)
	host, port, _ := strings.Cut(strings.TrimPrefix(url, "tcp://"), ":")
	for _, python := range peertest.Pythons(t) {
		t.Run(python.String(), func(t *testing.T) {
			if got := peertest.RunPython(t, t.Context(), python.Path, script(t, "client.py"), keyfile, host, port); got != want {
				t.Errorf("got\n%s; want\n%s", got, want)
			}
		})
	}
}

func TestLivePythonServer(t *testing.T) {
	_, key, keyfile := start(t)
	for _, python := range peertest.Pythons(t) {
		t.Run(python.String(), func(t *testing.T) {
			server := peertest.StartPython(t, python.Path, script(t, "server.py"), keyfile, "127.0.0.1", "0")
			line, err := server.ReadLine(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			url := strings.TrimPrefix(line, "fixed listens on ")
			if err := client(t.Context(), url, key, io.Discard, pair{math.MaxInt32, 1}); err == nil {
				t.Error("a sum that does not fit: got no error; want an end of the connection")
			}
			if line, err := server.ReadLine(t.Context()); !strings.HasPrefix(line, "closed: error(") {
				t.Errorf("the server: got %q, %v; want a struct.error", line, err)
			}
			var out strings.Builder // the server goes on
			if err := client(t.Context(), url, key, &out, pair{3, 5}, pair{-40, 2}); err != nil || out.String() != want {
				t.Errorf("got %q, %v; want %q", out.String(), err, want)
			}
		})
	}
}

// A header that claims more than a pair is refused before anything follows it.
func TestLiveClaimedLength(t *testing.T) {
	url, _, keyfile := start(t)
	host, port, _ := strings.Cut(strings.TrimPrefix(url, "tcp://"), ":")
	got := peertest.RunPython(t, t.Context(), peertest.Python(t), `
import os, struct, sys
from multiprocessing.connection import Client
c = Client((sys.argv[2], int(sys.argv[3])), authkey=open(sys.argv[1], "rb").read().rstrip(b"\n"))
os.write(c.fileno(), struct.pack(">i", 9))
try:
    c.recv_bytes()
except (EOFError, OSError):
    print("closed")
`, keyfile, host, port)
	if got != "closed\n" {
		t.Errorf("got %q; want the connection closed", got)
	}
}
