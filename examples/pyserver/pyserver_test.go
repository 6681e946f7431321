package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/internal/peertest"
)

const want = "done: map[hammer:6 nail:4 saw:3]\n"

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// TestLiveBoth runs the whole example with each CPython.
func TestLiveBoth(t *testing.T) {
	for _, python := range peertest.Pythons(t) {
		t.Run(python.String(), func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			if err := run(testContext(t), []string{"-python", python.Path}, &out); err != nil || out.String() != want {
				t.Errorf("got %q, %v; want %q", out.String(), err, want)
			}
		})
	}
}

// TestLiveServerThatRuns works with a server that somebody else has started.
func TestLiveServerThatRuns(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := auth.GenerateKey().WriteFile(file); err != nil {
		t.Fatal(err)
	}
	ctx := testContext(t)
	server := peertest.StartPython(t, peertest.Python(t), script, file, "127.0.0.1", "0")
	url, err := server.ReadLine(ctx)
	if err != nil {
		t.Fatal(err)
	}
	key, err := auth.LoadKey(file, policy)
	if err != nil {
		t.Fatal(err)
	}
	if err := add(ctx, url, key, "saw", "hammer", "nail"); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := run(ctx, []string{"-url", url, "-key", file}, &out); err != nil || out.String() != want {
		t.Errorf("got %q, %v; want %q", out.String(), err, want)
	}
}

func TestNoPython(t *testing.T) {
	err := run(testContext(t), []string{"-python", filepath.Join(t.TempDir(), "absent")}, &strings.Builder{})
	if err == nil || !strings.Contains(err.Error(), "start queue_server.py") {
		t.Errorf("got %v; want an error that says what could not be started", err)
	}
}

func TestUsage(t *testing.T) {
	if err := run(testContext(t), []string{"-url", "tcp://127.0.0.1:1", "-key", filepath.Join(t.TempDir(), "absent")}, &strings.Builder{}); err == nil {
		t.Error("a key file that is not there: got no error; want one")
	}
}
