//go:build unix

package doctest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-rpc/parley/internal/peertest"
)

// languages are those whose libraries "make peers" installs: a machine may have
// one without them.
var languages = []string{"ruby", "php", "node"}

// Every document with something to play is played, from its first block to its
// last. What needs another language than Go and Python is for TestLiveNeeds.
func TestSessions(t *testing.T) {
	python := peertest.AnyPython(t)
	played := 0
	for _, d := range documents(t) {
		if !IsSession(d) {
			continue
		}
		played++
		t.Run(d.Path, func(t *testing.T) {
			t.Parallel()
			playFully(t, d, python, func(program string) bool {
				_, err := exec.LookPath(program)
				return err == nil && !slices.Contains(languages, program)
			})
		})
	}
	if played < 4 {
		t.Errorf("got %d documents with something to play; want README.md, docs/command.md and others", played)
	}
}

// playFully plays a document in a folder of its own, beside the project, as one
// who has just cloned it.
func playFully(t *testing.T, d *Document, python string, has func(string) bool) {
	t.Helper()
	top, err := os.MkdirTemp("", "doc") //nolint:usetesting // that of t is too long for the path of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(top) })
	for _, name := range []string{"bin", "home", "run", "work"} {
		if err := os.Mkdir(filepath.Join(top, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	clone, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(clone, filepath.Join(top, "parley")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(parley(t), filepath.Join(top, "bin", "parley")); err != nil {
		t.Fatal(err)
	}
	wrapper := fmt.Sprintf("#!/bin/sh\nexec '%s' \"$@\"\n", python)
	if err := os.WriteFile(filepath.Join(top, "bin", "python3"), []byte(wrapper), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var log bytes.Buffer
	s := &Session{Document: d, Dir: filepath.Join(top, "work"), Env: environment(t, top), Port: FreePorts(), Has: has, Log: &log}
	if err := s.Run(ctx); err != nil {
		t.Errorf("%v\n\nSo far:\n%s", err, &log)
	}
}

// environment is that of a new user, who has the modules and the compiled
// packages of this one. With -trimpath they do not depend on the folder, and so
// are compiled once and not in each session.
func environment(t *testing.T, top string) []string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOMODCACHE", "GOCACHE", "GOROOT", "GOENV").Output()
	if err != nil {
		t.Fatal(err)
	}
	dirs := strings.Split(strings.TrimSpace(string(out)), "\n")
	env := []string{
		"PATH=" + filepath.Join(top, "bin") + ":" + filepath.Join(dirs[2], "bin") + ":" + os.Getenv("PATH"),
		"HOME=" + filepath.Join(top, "home"), "XDG_RUNTIME_DIR=" + filepath.Join(top, "run"), "TMPDIR=" + top,
		"GOMODCACHE=" + dirs[0], "GOCACHE=" + dirs[1], "GOENV=" + dirs[3],
		"GOTOOLCHAIN=local", "GOWORK=off", "GOFLAGS=-buildvcs=false -trimpath", "TZ=UTC", "LC_ALL=C.UTF-8",
	}
	for _, name := range []string{"GOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// built is the command of the project, made once for all tests.
var built struct {
	sync.Once
	dir string
	err error
}

// parley is the path of the command.
func parley(t *testing.T) string {
	t.Helper()
	built.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "parley"); built.err != nil { //nolint:usetesting // it outlives the test that comes first
			return
		}
		cmd := exec.Command("go", "build", "-o", built.dir, "./cmd/parley")
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("go build ./cmd/parley: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "parley")
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}
