//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// document writes a document whose backticks are single quotation marks.
func document(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "x.md")
	if err := os.WriteFile(name, []byte(strings.ReplaceAll(text, "'''", "```")), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestPlay(t *testing.T) {
	name := document(t, "'''sh run\necho 127.0.0.1:8080 > port; echo two words\n'''\n'''text output\ntwo words\n'''\n")
	dir := t.TempDir()
	var log strings.Builder
	n, err := play(t.Context(), dir, name, &log)
	if err != nil || n != 2 || !strings.Contains(log.String(), "\ntwo words\n") {
		t.Errorf("got %d, %v, log\n%s; want 2 blocks, and what they printed", n, err, log.String())
	}
	port, err := os.ReadFile(filepath.Join(dir, "port"))
	if err != nil || string(port) == "127.0.0.1:8080\n" {
		t.Errorf("got %q, %v; want another port", port, err)
	}
}

func TestPlayFindsWhatIsNotSo(t *testing.T) {
	name := document(t, "'''sh run\necho 8\n'''\n'''text output\n9\n'''\n")
	n, err := play(t.Context(), t.TempDir(), name, &strings.Builder{})
	if err == nil || !strings.Contains(err.Error(), "x.md:4: ") || n != 1 {
		t.Errorf("got %d, %v; want one block, and the place of the second", n, err)
	}
	if n, err := play(t.Context(), t.TempDir(), name+".no", &strings.Builder{}); err == nil || n != 0 {
		t.Errorf("a document that is not there: got %d, %v; want an error", n, err)
	}
}
