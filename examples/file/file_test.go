package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc/native"
)

func TestBothEnds(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), []string{"-size", "1000000"}, &out); err != nil {
		t.Fatal(err)
	}
	const sum = "sha256 2216ee3646405ebf966966f6c40d518b42a5d3ee58bf5750ba5a388961801b66"
	if want := "put 1000000 bytes: " + sum + "\ngot 1000000 bytes: " + sum + "\n"; out.String() != want {
		t.Errorf("got\n%s; want\n%s", out.String(), want)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"dance"}, {"client", "put"}, {"client", "eat", "it"}} {
		if err := run(t.Context(), args, io.Discard); err == nil || !strings.Contains(err.Error(), "usage:") {
			t.Errorf("run %q: got %v; want the usage", args, err)
		}
	}
}

// service is a server that runs until the end of the test.
type service struct {
	url, keyfile, store string
	key                 *auth.Authkey
}

func start(t *testing.T) service {
	t.Helper()
	dir := t.TempDir()
	s := service{keyfile: filepath.Join(dir, "key"), store: filepath.Join(dir, "stored")}
	var err error
	if s.key, err = makeKey(s.keyfile); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	listening, served := make(chan string, 1), make(chan error, 1)
	go func() {
		served <- serve(ctx, "tcp://127.0.0.1:0", s.key, s.store, func(url string) { listening <- url })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("serve: got %v; want nil after the end of its context", err)
		}
		if left, _ := filepath.Glob(s.store + ".part-*"); len(left) > 0 {
			t.Errorf("got %v after the end of the server; want nothing left", left)
		}
	})
	select {
	case s.url = <-listening:
		return s
	case err := <-served:
		served <- err
		t.Fatal(err)
	}
	panic("unreachable")
}

// write writes a file of that many bytes of noise and returns what is in it.
func write(t *testing.T, path string, size int) []byte {
	t.Helper()
	content := make([]byte, size)
	rand.NewChaCha8([32]byte{1}).Read(content)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return content
}

func wantFile(t *testing.T, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s: got %d bytes, %v; want the %d that were sent", path, len(got), err, len(want))
	}
	// A connection may be closed a moment before what came on it is removed.
	deadline := time.Now().Add(30 * time.Second)
	for {
		left, _ := filepath.Glob(path + ".part-*")
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("got %v; want nothing left", left)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestSizes(t *testing.T) {
	s := start(t)
	for _, size := range []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 3*chunkSize + 17} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			dir := t.TempDir()
			content := write(t, dir+"/original", size)
			sum, err := put(t.Context(), s.url, s.key, dir+"/original")
			if err != nil || sha256.Sum256(content) != [32]byte(sum) {
				t.Fatalf("put: got %x, %v; want the SHA-256 of the file", sum, err)
			}
			wantFile(t, s.store, content)
			sum, err = get(t.Context(), s.url, s.key, dir+"/copy")
			if err != nil || sha256.Sum256(content) != [32]byte(sum) {
				t.Fatalf("get: got %x, %v; want the SHA-256 of the file", sum, err)
			}
			wantFile(t, dir+"/copy", content)
		})
	}
}

func TestNothingToGet(t *testing.T) {
	s := start(t)
	path := filepath.Join(t.TempDir(), "copy")
	if _, err := get(t.Context(), s.url, s.key, path); err == nil || !strings.Contains(err.Error(), "nobody has put a file yet") {
		t.Errorf("got %v; want the reason", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("got a file; want none")
	}
}

// A put that is not right leaves what was there before.
func TestBadPut(t *testing.T) {
	s := start(t)
	dir := t.TempDir()
	content := write(t, dir+"/original", 1000)
	if _, err := put(t.Context(), s.url, s.key, dir+"/original"); err != nil {
		t.Fatal(err)
	}
	sum, long := sha256.Sum256([]byte("1234")), sha256.Sum256([]byte("12345"))
	for name, test := range map[string]struct {
		messages [][]byte
		want     string // in the last answer; "": the connection ends
	}{
		"Huge":        {[][]byte{withSize("put", maxFile+1)}, "want at most 4294967296"},
		"Negative":    {[][]byte{withSize("put", -1)}, "want at most 4294967296"},
		"NoSize":      {[][]byte{[]byte("put")}, "want put with a size"},
		"NoCommand":   {[][]byte{{}}, "want put with a size"},
		"OtherSum":    {[][]byte{withSize("put", 4), []byte("1235"), sum[:]}, errSum.Error()},
		"ShortSum":    {[][]byte{withSize("put", 4), []byte("1234"), sum[:31]}, errSum.Error()},
		"EmptyChunk":  {[][]byte{withSize("put", 4), {}, []byte("1234"), sum[:]}, ""},
		"LongChunk":   {[][]byte{withSize("put", 4), []byte("12345"), long[:]}, ""},
		"MoreThanMax": {[][]byte{withSize("put", 1<<20), make([]byte, chunkSize+1)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := native.DialConn(t.Context(), s.url, native.ConnConfig{Auth: s.key})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			var last []byte
			for i, message := range test.messages {
				_ = conn.SendBytes(t.Context(), message) // may be cut off by the server
				if i == 0 || i == len(test.messages)-1 {
					last, err = conn.RecvBytes(t.Context())
				}
			}
			switch {
			case test.want == "" && err == nil:
				t.Errorf("got %q; want an end of the connection", last)
			case test.want != "" && !strings.Contains(string(last), test.want):
				t.Errorf("got %q, %v; want %q", last, err, test.want)
			}
			wantFile(t, s.store, content)
		})
	}
	t.Run("Cut", func(t *testing.T) {
		conn, err := native.DialConn(t.Context(), s.url, native.ConnConfig{Auth: s.key})
		if err != nil {
			t.Fatal(err)
		}
		for _, message := range [][]byte{withSize("put", 1000), []byte("half")} {
			if err := conn.SendBytes(t.Context(), message); err != nil {
				t.Fatal(err)
			}
		}
		conn.Close()
		wantStored(t, s, content)
	})
}

// wantStored gets the file of the server.
func wantStored(t *testing.T, s service, want []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "copy")
	if _, err := get(t.Context(), s.url, s.key, path); err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, want)
}

// A sum that is not right never leads to a file at the client either.
func TestBadGet(t *testing.T) {
	key := auth.GenerateKey()
	l, err := native.Listen("tcp://127.0.0.1:0", native.ListenConfig{Auth: key})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	path := filepath.Join(t.TempDir(), "copy")
	for name, test := range map[string]struct {
		messages [][]byte
		want     string
	}{
		"OtherSum": {[][]byte{withSize("ok", 4), []byte("1234"), make([]byte, 32)}, errSum.Error()},
		"Cut":      {[][]byte{withSize("ok", 4), []byte("12")}, "2 bytes are missing"},
		"Huge":     {[][]byte{withSize("ok", maxFile+1)}, "want at most 4294967296"},
		"NoSize":   {[][]byte{[]byte("ok")}, "got a size of 0 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			served := make(chan error, 1)
			go func() {
				conn, err := l.Accept(t.Context())
				if err != nil {
					served <- err
					return
				}
				defer conn.Close()
				_, err = conn.RecvBytes(t.Context())
				for _, message := range test.messages {
					err = errors.Join(err, conn.SendBytes(t.Context(), message))
				}
				served <- err
			}()
			if _, err := get(t.Context(), l.Addr(), key, path); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v; want %q", err, test.want)
			}
			if left, _ := filepath.Glob(path + "*"); len(left) > 0 {
				t.Errorf("got %v; want no file", left)
			}
			if err := <-served; err != nil {
				t.Error(err)
			}
		})
	}
}

// peak is a writer that notes the largest heap it sees.
type peak struct{ heap uint64 }

func (p *peak) Write(chunk []byte) (int, error) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	p.heap = max(p.heap, m.HeapAlloc)
	return len(chunk), nil
}

// Both ends together take a few chunks of memory for a file of 128.
func TestMemoryIsBounded(t *testing.T) {
	key := auth.GenerateKey()
	l, err := native.Listen("tcp://127.0.0.1:0", native.ListenConfig{Auth: key, MaxMessage: chunkSize})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	sender, err := dial(t.Context(), l.Addr(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	conn, err := l.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()

	const size = 128 * chunkSize
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	sent := make(chan error, 1)
	go func() {
		_, err := sendChunks(t.Context(), sender, zeros{}, size)
		sent <- err
	}()
	var p peak
	if _, err := recvChunks(t.Context(), conn, &p, size); err != nil {
		t.Fatal(err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if grown := int64(p.heap) - int64(before.HeapAlloc); grown > size/3 {
		t.Errorf("the heap grew by %d bytes for a file of %d; want some chunks of %d", grown, size, chunkSize)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
