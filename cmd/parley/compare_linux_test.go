package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parley-rpc/parley/cmd/parley/internal/exit"
)

// processesOf are the processes whose parent a process is, by /proc.
func processesOf(t *testing.T, pid int) []string {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, path := range tasks {
		text, err := os.ReadFile(path)
		if err == nil { // else the thread has ended
			all = append(all, strings.Fields(string(text))...)
		}
	}
	return all
}

// Ctrl-C ends a comparison with all its processes, and leaves files as they were;
// so does a terminal that is closed.
func TestCompareIsInterrupted(t *testing.T) {
	t.Parallel()
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			interruptCompare(t, sig)
		})
	}
}

func interruptCompare(t *testing.T, sig os.Signal) {
	t.Helper()
	dir, temp := t.TempDir(), t.TempDir()
	path := filepath.Join(dir, "r.json")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), comparePatience)
	defer cancel()
	cmd := newHome(t).command(ctx, "compare", "--full", "--lanes", "native-unix,xmlrpc-unix", "--json", path)
	cmd.Env = append(cmd.Env, "TMPDIR="+temp)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	// What this process ignores, as under nohup, the command would ignore too.
	handled := make(chan os.Signal, 1)
	signal.Notify(handled, sig)
	err := cmd.Start()
	signal.Stop(handled)
	if err != nil {
		t.Fatal(err)
	}
	var children []string
	for deadline := time.Now().Add(patience); len(children) < 4; time.Sleep(10 * time.Millisecond) {
		if children = processesOf(t, cmd.Process.Pid); time.Now().After(deadline) {
			t.Errorf("got children %v; want four, of two lanes", children)
			break
		}
	}
	if err := cmd.Process.Signal(sig); err != nil {
		t.Error(err)
	}
	var ended *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &ended) || ended.ExitCode() != exit.Failed {
		t.Errorf("got %v; want code %d", err, exit.Failed)
	}
	if stdout.Len() > 0 || stderr.String() != "parley: interrupted\n" {
		t.Errorf("got %q and %q; want that it was interrupted, and nothing else", &stdout, &stderr)
	}
	for _, pid := range children {
		if _, err := os.Stat("/proc/" + pid); err == nil {
			t.Errorf("process %s is still there", pid)
		}
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("temporary files: got %v, %v; want none", left, err)
	}
	files, _ := os.ReadDir(dir)
	if text, err := os.ReadFile(path); err != nil || string(text) != "old" || len(files) != 1 {
		t.Errorf("the file is %q, %v, beside %d others; want it as it was", text, err, len(files)-1)
	}
}
