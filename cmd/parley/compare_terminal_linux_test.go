package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/parley-rpc/parley/cmd/parley/internal/exit"
)

// A comparison takes longer than two seconds, and says on a terminal how far it
// is. Ctrl-C there ends it, and leaves nothing of that behind.
func TestCompareOnTerminal(t *testing.T) {
	t.Parallel()
	p := atTerminal(t, newHome(t), "compare", "--full", "--lanes", "native-unix,xmlrpc-unix", "--work", "add-1")
	p.shows(t, "%", 1)
	if _, err := p.master.WriteString("\x03"); err != nil {
		t.Fatal(err)
	}
	if code := p.exits(t); code != exit.Failed {
		t.Errorf("exit code %d; want %d:\n%s", code, exit.Failed, p.screen)
	}
	p.shows(t, "interrupted\r\n", 1)
	last := lastLine(p.screen.String())
	if text := strings.TrimPrefix(last, "^C"); strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, " interrupted\r\n") {
		t.Errorf("got %q behind the progress; want that it was interrupted, and nothing else", last)
	}
}

// The table fits the terminal, and has colours there. A file gets all columns.
func TestCompareTableOnTerminal(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "table")
	h := newHome(t)
	h.width, h.env = 72, []string{"NO_COLOR=1"}
	screen := lastLine(onScreen(t, h, 0, "known.", small()...))
	for line := range strings.Lines(screen) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\r\n")); n > 72 {
			t.Errorf("72 columns: a line has %d: %q", n, line)
		}
	}
	if strings.Contains(screen, "\x1b[") || strings.Contains(screen, "p99.9") || !strings.Contains(screen, "add(3, 5), 1 caller") {
		t.Errorf("got\n%s\nwant fewer columns and no colours, and nothing behind the table", screen)
	}
	h.width, h.env = 200, []string{"NO_COLOR=", "TERM=xterm"}
	if screen := onScreen(t, h, 0, "known.", small()...); !strings.Contains(screen, "\x1b[1madd(3, 5), 1 caller") || !strings.Contains(screen, "p99.9") {
		t.Errorf("got\n%s\nwant all columns, in colours", screen)
	}
	h.out = path
	p := atTerminal(t, h, small()...)
	if code := p.exits(t); code != 0 {
		t.Errorf("exit code %d; want 0:\n%s", code, p.screen)
	}
	// What is written last may be read after the end.
	for end := time.Now().Add(patience); lastLine(p.screen.String()) != ""; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("got %q; want that nothing is left of the progress", p.screen)
		}
	}
	table, err := os.ReadFile(path)
	if text := string(table); err != nil || strings.Contains(text, "\x1b") || !strings.Contains(text, "p99.9") || strings.Contains(text, "…") {
		t.Errorf("the file has %v\n%s\nwant all columns, no colours, and nothing that was cut", err, text)
	}
}
