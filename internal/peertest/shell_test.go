package peertest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

func needsShell(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("no sh on Windows")
	}
}

func TestShell(t *testing.T) {
	needsShell(t)
	t.Setenv("PARLEY_SECRET_OF_THE_USER", "seen")
	dir := t.TempDir()
	out, err := Shell(t, t.Context(), dir, `pwd -P; echo "$WHAT" "$PARLEY_SECRET_OF_THE_USER" "$TZ" "$LC_ALL"; ls -A "$HOME"`, "WHAT=a b")
	if err != nil {
		t.Fatal(err)
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := real + "\na b  UTC C.UTF-8\n"; out != want {
		t.Errorf("got %q; want %q", out, want)
	}

	out, err = Shell(t, t.Context(), dir, "echo before; echo why >&2; exit 3")
	if err == nil || !strings.Contains(err.Error(), "exit status 3\nwhy") || out != "before\n" {
		t.Errorf("one that fails: got %q, %v; want what it printed, and why", out, err)
	}
}

// A command line that does not end, and what it started, are killed.
func TestShellIsKilledInTime(t *testing.T) {
	needsShell(t)
	dir := t.TempDir()
	ctx, cancel := context.WithCancelCause(t.Context())
	late := errors.New("late")
	started := make(chan string, 1)
	go func() {
		defer cancel(late)
		started <- waitFile(filepath.Join(dir, "pid"))
	}()
	_, err := Shell(t, ctx, dir, "sleep 600 & echo $! >pid; wait")
	if !errors.Is(err, late) {
		t.Errorf("got %v; want the reason why ctx ended", err)
	}
	pid, err := strconv.Atoi(<-started)
	if err != nil {
		t.Fatal(err)
	}
	waitGone(t, pid)
}

// waitFile returns the first line of a file as soon as there is one, or nothing.
func waitFile(path string) string {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		text, _ := os.ReadFile(path)
		if line, _, whole := strings.Cut(string(text), "\n"); whole {
			return line
		}
	}
	return ""
}
