//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What the search of .ci/fuzz finds can be had from its log alone: the commands that it
// prints make the input a seed of another checkout, and run it.
func TestFuzzScriptTellsTheInput(t *testing.T) {
	script, err := os.ReadFile("../../.ci/fuzz")
	if err != nil {
		t.Fatal(err)
	}
	checkout := func() string {
		dir := t.TempDir()
		for name, text := range map[string]string{
			".ci/fuzz": string(script),
			"go.mod":   "module example.com/m\n\ngo 1.26\n",
			"p/p_test.go": `package p

import "testing"

func FuzzFails(f *testing.F) {
	f.Add([]byte("seed"), 1)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		if string(b) != "seed" || n != 1 {
			t.Fatal("not the seed")
		}
	})
}

func FuzzHolds(f *testing.F) { f.Fuzz(func(*testing.T, string) {}) }
`,
		} {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	sh := func(dir, script string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "FUZZTIME=1000x", "GOFLAGS=", "GOWORK=off")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}

	log, err := sh(checkout(), ".ci/fuzz")
	if err == nil || !strings.HasSuffix(log, "\n1 passed, 1 failed\n") {
		t.Fatalf("got %v\n%s\nwant that one of two has failed", err, log)
	}
	_, commands, _ := strings.Cut(log, "To have the input in a checkout, and to run it there:\n\n")
	commands, _, _ = strings.Cut(commands, "\n\n")
	if !strings.HasPrefix(commands, "mkdir -p 'p/testdata/fuzz/FuzzFails'\n") {
		t.Fatalf("got\n%s\nwant the commands", log)
	}
	other := checkout()
	out, err := sh(other, commands)
	if err == nil || !strings.Contains(out, "not the seed") || !strings.Contains(out, "FuzzFails/") {
		t.Errorf("the commands\n%s\nin another checkout: got %v\n%s\nwant that the input fails there", commands, err, out)
	}
}
