package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc/native/pickle"
)

const want = "1: Hello\n2: World\n"

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
	if err := run(t.Context(), []string{"dance"}, io.Discard); err == nil || !strings.Contains(err.Error(), "usage:") {
		t.Errorf("got %v; want the usage", err)
	}
}

// message is a message as Python writes it.
func message(t *testing.T, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := writeMessage(&b, v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestMessagesOnOneStream(t *testing.T) {
	first, second := message(t, map[string]int{"a": 1}), message(t, []string{"b"})
	if header, want := string(first[:headerSize]), fmt.Sprint(len(first)-headerSize)+"        "; header != want {
		t.Errorf("header: got %q; want %q", header, want)
	}
	r := iotest.OneByteReader(bytes.NewReader(append(first, second...)))
	var dict map[string]int
	var list []string
	if err := readMessage(r, &dict); err != nil || dict["a"] != 1 {
		t.Errorf("first: got %v, %v; want a: 1", dict, err)
	}
	if err := readMessage(r, &list); err != nil || len(list) != 1 || list[0] != "b" {
		t.Errorf("second: got %v, %v; want b", list, err)
	}
	if err := readMessage(r, &list); err != io.EOF {
		t.Errorf("after the last: got %v; want io.EOF", err)
	}
}

// counter counts what is asked for and what is read.
type counter struct {
	r    io.Reader
	asks int // bytes asked for beyond the header
}

func (c *counter) Read(p []byte) (int, error) {
	c.asks += len(p)
	return c.r.Read(p)
}

func TestHostileHeader(t *testing.T) {
	for name, test := range map[string]struct {
		stream string
		want   error
	}{
		"Negative":       {"-1        rest", errHeader},
		"NegativeZero":   {"-0        rest", errHeader},
		"Huge":           {"9999999999rest", errHeader},
		"JustTooLarge":   {"1048577   rest", errHeader},
		"NoDigits":       {"          rest", errHeader},
		"Letters":        {"12ab      rest", errHeader},
		"Hex":            {"0x10      rest", errHeader},
		"Plus":           {"+4        rest", errHeader},
		"Underscore":     {"1_0       rest", errHeader},
		"OtherDigits":    {"٤٢      rest", errHeader}, // ten bytes that Python's int() takes for 42, as text
		"SpacesInFront":  {"         4rest", errHeader},
		"SpaceInBetween": {"1 2       rest", errHeader},
		"Newline":        {"4\n        rest", errHeader},
		"Zeros":          {"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04rest", errHeader},
		"CutHeader":      {"12", io.ErrUnexpectedEOF},
		"CutMessage":     {"12        rest", io.ErrUnexpectedEOF},
		"CutAfterHeader": {"12        ", io.ErrUnexpectedEOF},
		"LargeClaim":     {"1048576   rest", io.ErrUnexpectedEOF},
		"Nothing":        {"", io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			c := &counter{r: strings.NewReader(test.stream)}
			var v any
			err := readMessage(c, &v)
			if !errors.Is(err, test.want) {
				t.Errorf("got %v; want %v", err, test.want)
			}
			if c.asks > 4096 {
				t.Errorf("asked for %d bytes after %q; want no memory for what is claimed", c.asks, test.stream)
			}
		})
	}
}

func TestHostilePickle(t *testing.T) {
	stream := "34        cposix\nsystem\n(S'echo hacked >&2'\ntR."
	var v any
	err := readMessage(strings.NewReader(stream), &v)
	var class *pickle.ClassError
	if !errors.As(err, &class) || class.Class != "posix.system" {
		t.Errorf("got %v; want an error about the class posix.system", err)
	}
}

func TestTooLargeToSend(t *testing.T) {
	if err := writeMessage(io.Discard, make([]byte, maxMessage)); err == nil || !strings.Contains(err.Error(), "at most 1048576") {
		t.Errorf("got %v; want an error that tells the limit", err)
	}
}

// python runs one half with each CPython.
func python(t *testing.T, file string, run func(t *testing.T, path, script string)) {
	t.Helper()
	script, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range peertest.Pythons(t) {
		t.Run(v.String(), func(t *testing.T) { run(t, v.Path, string(script)) })
	}
}

func TestLivePythonClient(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- serve(ctx, l) }()
	host, port, _ := net.SplitHostPort(l.Addr().String())
	python(t, "client.py", func(t *testing.T, path, script string) {
		if got := peertest.RunPython(t, t.Context(), path, script, host, port); got != want {
			t.Errorf("got\n%s; want\n%s", got, want)
		}
	})
	cancel()
	if err := <-served; err != nil {
		t.Errorf("serve: got %v; want nil after the end of its context", err)
	}
}

func TestLivePythonServer(t *testing.T) {
	python(t, "server.py", func(t *testing.T, path, script string) {
		server := peertest.StartPython(t, path, script, "127.0.0.1", "0")
		line, err := server.ReadLine(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		addr := strings.TrimPrefix(line, "headersize listens on ")
		for range 2 { // the server goes on
			var out strings.Builder
			if err := run(t.Context(), []string{"-addr", addr, "client"}, &out); err != nil || out.String() != want {
				t.Errorf("got %q, %v; want %q", out.String(), err, want)
			}
		}
	})
}
