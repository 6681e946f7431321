package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc/native"
)

func TestBothEnds(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), nil, &out); err != nil {
		t.Fatal(err)
	}
	// On a machine that is busy nobody comes several times.
	want := regexp.MustCompile(`^(nobody came within 100ms\n)+Gopher came\n(nobody came within 100ms\n)*$`)
	if !want.MatchString(out.String()) {
		t.Errorf("got\n%s; want %s", out.String(), want)
	}
}

func TestUsage(t *testing.T) {
	if err := run(t.Context(), []string{"dance"}, io.Discard); err == nil || !strings.Contains(err.Error(), "usage:") {
		t.Errorf("got %v; want the usage", err)
	}
}

func testKey(t *testing.T) (key *auth.Authkey, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "key")
	key, err := makeKey(file)
	if err != nil {
		t.Fatal(err)
	}
	return key, file
}

// start serves until the end of the test and returns the URL.
func start(t *testing.T, s server, key *auth.Authkey) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	listening, served := make(chan string, 1), make(chan error, 1)
	s.out, s.ready = io.Discard, func(url string) { listening <- url }
	go func() { served <- s.serve(ctx, "tcp://127.0.0.1:0", key) }()
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

// A client that says nothing is given up, and the next one is greeted.
func TestSilentClient(t *testing.T) {
	key, _ := testKey(t)
	url := start(t, server{interval: time.Minute, patience: 100 * time.Millisecond}, key)
	silent, err := native.DialConn(t.Context(), url, native.ConnConfig{Auth: key})
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	var greeting string
	if err := silent.Recv(t.Context(), &greeting); !errors.Is(err, io.EOF) {
		t.Errorf("a client that says nothing: got %v; want io.EOF", err)
	}
	var out strings.Builder
	if err := client(t.Context(), url, key, "Gopher", 30*time.Second, &out); err != nil || out.String() != "Hello, Gopher\n" {
		t.Errorf("the next one: got %q, %v; want a greeting", out.String(), err)
	}
}

// A server that admits and then says nothing is given up as well.
func TestSilentServer(t *testing.T) {
	key, _ := testKey(t)
	l, err := native.Listen("tcp://127.0.0.1:0", native.ListenConfig{Auth: key})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	// The login is over before Accept; nobody accepts.
	const patience = 50 * time.Millisecond
	var out strings.Builder
	for {
		out.Reset()
		err = client(t.Context(), l.Addr(), key, "Gopher", patience, &out)
		if err == nil || !errors.Is(err, context.DeadlineExceeded) {
			break // otherwise the login alone took too long on a busy machine
		}
	}
	if err == nil || !strings.Contains(err.Error(), "no greeting within 250ms") {
		t.Errorf("got %v; want one that tells how long it was waited", err)
	}
	if want := strings.Repeat("no greeting within 50ms\n", patientSteps); out.String() != want {
		t.Errorf("got\n%s; want\n%s", out.String(), want)
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

// The client of Python comes when the server has waited in vain before.
func TestLivePythonClient(t *testing.T) {
	key, file := testKey(t)
	nobody := make(chan struct{}, 1)
	url := start(t, server{interval: 20 * time.Millisecond, patience: time.Minute, nobody: func() {
		select {
		case nobody <- struct{}{}:
		default:
		}
	}}, key)
	host, port, _ := strings.Cut(strings.TrimPrefix(url, "tcp://"), ":")
	for _, python := range peertest.Pythons(t) {
		t.Run(python.String(), func(t *testing.T) {
			<-nobody
			got := peertest.RunPython(t, t.Context(), python.Path, script(t, "client.py"), file, host, port)
			if !strings.HasSuffix(got, "Hello, Monty\n") { // after its own time-outs maybe
				t.Errorf("got %q; want a greeting", got)
			}
		})
	}
}

func TestLivePythonServer(t *testing.T) {
	_, file := testKey(t)
	for _, python := range peertest.Pythons(t) {
		t.Run(python.String(), func(t *testing.T) {
			server := peertest.StartPython(t, python.Path, script(t, "server.py"), file, "127.0.0.1", "0")
			line, err := server.ReadLine(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			url := strings.TrimPrefix(line, "accept listens on ")
			for range 2 { // the server goes on
				var out strings.Builder
				err := run(t.Context(), []string{"-url", url, "-key", file, "-patience", "30s", "client"}, &out)
				if err != nil || out.String() != "Hello, Gopher\n" {
					t.Errorf("got %q, %v; want a greeting", out.String(), err)
				}
				if line, err := server.ReadLine(t.Context()); line != "Gopher came" {
					t.Errorf("the server: got %q, %v; want \"Gopher came\"", line, err)
				}
			}
		})
	}
}
