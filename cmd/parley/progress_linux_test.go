package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// lastLine is what is left to see of a line that was written over and erased.
func lastLine(screen string) string {
	screen = regexp.MustCompile(`(?s)^.*\x1b\[2K\r`).ReplaceAllString(screen, "")
	return screen
}

// A call that takes longer than two seconds says so on a terminal, and leaves
// nothing of that behind.
func TestProgressOnTerminal(t *testing.T) {
	t.Parallel()
	r := newHome(t).serve(t)
	for name, url := range map[string]string{"XML-RPC": r.xmlrpc, "native": r.native} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := atTerminal(t, r.home, "call", url, "sleep", "4.5")
			p.shows(t, "waiting for the answer of sleep ", 1)
			if strings.Contains(p.screen.String(), "4.5") {
				t.Error("it had been answered already")
			}
			if code := p.exits(t); code != 0 {
				t.Errorf("exit code %d; want 0:\n%s", code, p.screen)
			}
			p.shows(t, "4.5\r\n", 1)
			if screen := p.screen.String(); lastLine(screen) != "4.5\r\n" || strings.Contains(screen, "sleep 1s") || strings.Contains(screen, "sleep 0s") {
				t.Errorf("got %q; want a line from the second second on that is erased, and the result", screen)
			}
		})
	}
}

// What is short shows no progress.
func TestProgressNotForShort(t *testing.T) {
	t.Parallel()
	r := newHome(t).serve(t)
	p := atTerminal(t, r.home, "call", r.native, "sleep", "0.5")
	if code := p.exits(t); code != 0 {
		t.Errorf("exit code %d; want 0", code)
	}
	p.shows(t, "0.5\r\n", 1)
	if got := p.screen.String(); got != "0.5\r\n" {
		t.Errorf("got %q; want the result alone", got)
	}
}

// Nothing goes to a pipe.
func TestProgressNotInPipe(t *testing.T) {
	t.Parallel()
	r := newHome(t).serve(t)
	if got := r.call(t, r.native, "sleep", "2.5"); got != (outcome{0, "2.5\n", ""}) {
		t.Errorf("got %+v; want the result alone", got)
	}
}

// The result is in the pipe, the progress on the terminal.
func TestProgressStandardOutput(t *testing.T) {
	t.Parallel()
	r := newHome(t).serve(t)
	h := r.home
	h.out = filepath.Join(t.TempDir(), "result")
	p := atTerminal(t, h, "call", r.native, "sleep", "3.6")
	p.shows(t, "waiting for the answer", 1)
	if code := p.exits(t); code != 0 {
		t.Errorf("exit code %d; want 0", code)
	}
	p.shows(t, "\x1b[2K\r", 1) // what is written last may be read after the end
	if got, err := os.ReadFile(h.out); err != nil || string(got) != "3.6\n" {
		t.Errorf("standard output got %q, %v; want the result alone", got, err)
	}
	if screen := p.screen.String(); lastLine(screen) != "" || strings.Contains(screen, "3.6") {
		t.Errorf("got %q; want progress, erased", screen)
	}
}
