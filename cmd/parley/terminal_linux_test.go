package main

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"unicode/utf8"
)

// onScreen runs a command at a terminal to its end, and returns what is to see.
func onScreen(t *testing.T, h home, want int, last string, args ...string) string {
	t.Helper()
	p := atTerminal(t, h, args...)
	if code := p.exits(t); code != want {
		t.Errorf("%q: exit code %d; want %d:\n%s", args, code, want, p.screen)
	}
	p.shows(t, last, 1) // the rest of the output is on its way when a command ends
	return p.screen.String()
}

// On a terminal there are colours; not for who wants none, and not in a pipe.
func TestColours(t *testing.T) {
	t.Parallel()
	r := newHome(t).serve(t)
	r.writeProfiles(t, "[server.prod]\nurl = '"+r.native+"'\n")
	s := newStore(t)
	if got := r.parley(t, "auth", "add", "ann", "--use", "channel", "--file", s.file, "--generate", "--secret-out", s.secret("ann")); got.code != 0 {
		t.Fatal(got)
	}
	for _, tt := range []struct {
		args []string
		code int
		last string // of what is to see, in any case
		want string // in colours
	}{
		{[]string{"call", r.native, "catalog.get", "2"}, 0, "}", "\x1b[94m\"pname\"\x1b[0m:\x1b[32m\"Cup and saucer\"\x1b[0m"},
		{[]string{"call", r.native, "catalog.list", "--output", "table"}, 0, "8.25", "\x1b[1mpid\x1b[22m"},
		{[]string{"call", r.native, "add", "3", "x"}, 3, "int and string", "\x1b[31;1mfault -32602:\x1b[0"},
		{[]string{"call", "nowhere", "add", "3", "x"}, 2, "nowhere", "\x1b[31;1mparley:\x1b[0"},
		{[]string{"list", r.native}, 0, "system.ping", "\x1b[36madd\x1b[0"},
		{[]string{"describe", r.native, "sleep"}, 0, "double", "\x1b[36msleep\x1b[0m(seconds double) -> double"},
		{[]string{"profiles"}, 0, "prod", "\x1b[1mNAME\x1b[22m"},
		{[]string{"auth", "list", "--file", s.file}, 0, "live", "\x1b[1mIDENTITY\x1b[22m"},
		{[]string{"auth", "check", s.file}, 0, "no errors", "\x1b[32m✓ \x1b[0"},
	} {
		h := r.home
		h.env = []string{"NO_COLOR=", "TERM=xterm"}
		if screen := onScreen(t, h, tt.code, tt.last, tt.args...); !strings.Contains(screen, tt.want) {
			t.Errorf("%q: got\n%q\nwant %q in it", tt.args, screen, tt.want)
		}
		for _, env := range [][]string{{"NO_COLOR=0", "TERM=xterm"}, {"NO_COLOR=", "TERM=dumb"}} {
			h.env = env
			if screen := onScreen(t, h, tt.code, tt.last, tt.args...); strings.Contains(screen, "\x1b") {
				t.Errorf("%q with %q: got\n%q\nwant no colours", tt.args, env, screen)
			}
		}
		h.env = []string{"NO_COLOR=", "TERM=xterm", "CLICOLOR_FORCE=1", "FORCE_COLOR=1"}
		if got := h.parley(t, tt.args...); strings.Contains(got.stdout+got.stderr, "\x1b") || !strings.Contains(got.stdout+got.stderr, tt.last) {
			t.Errorf("%q in a pipe: got %+v; want no colours", tt.args, got)
		}
	}
}

// A table is as wide as the terminal, and JSON has lines there. A pipe gets all
// of it, in one.
func TestTerminalWidth(t *testing.T) {
	t.Parallel()
	r := newHome(t).serve(t)
	list := `[{"name":"` + strings.Repeat("x", 100) + `","n":1},{"name":"short","n":2}]`
	for width, want := range map[int]string{40: "n  name\r\n1  " + strings.Repeat("x", 36) + "…\r\n2  short\r\n", 60: strings.Repeat("x", 56) + "…\r\n", 200: strings.Repeat("x", 100) + "\r\n", 0: strings.Repeat("x", 76) + "…\r\n"} {
		h := r.home
		h.width, h.env = width, []string{"NO_COLOR=1"}
		screen := onScreen(t, h, 0, "short", "call", r.native, "add", list, "[]", "--output", "table")
		if !strings.Contains(screen, want) {
			t.Errorf("%d columns: got\n%s\nwant\n%s", width, screen, want)
		}
		for line := range strings.Lines(screen) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\r\n")); width > 0 && n > width {
				t.Errorf("%d columns: a line has %d: %q", width, n, line)
			}
		}
	}
	h := r.home
	h.width, h.env = 30, []string{"NO_COLOR=1"}
	screen := onScreen(t, h, 0, "2", "call", r.native, "echo", `{"a":"some text that is long"}`, "2")
	if want := "[\r\n  {\r\n    \"a\": \"some text that is long\"\r\n  },\r\n  2\r\n]\r\n"; screen != want {
		t.Errorf("got\n%q\nwant\n%q", screen, want)
	}
	if got := r.call(t, r.native, "echo", `{"a":"some text that is long"}`, "2"); got.stdout != `[{"a":"some text that is long"},2]`+"\n" {
		t.Errorf("in a pipe: %+v", got)
	}
	if got := r.call(t, r.native, "add", list, "[]", "--output", "table"); !strings.Contains(got.stdout, strings.Repeat("x", 100)+"\n") {
		t.Errorf("in a pipe: %+v", got)
	}
}

// TestThreatCompletionAsks: pressing the tab key asks for no password, and does
// not call a server to which it could send none.
func TestThreatCompletionAsks(t *testing.T) {
	t.Parallel()
	var called atomic.Bool
	server := listenWith(t, func(c net.Conn) { called.Store(true); c.Close() })
	p := atTerminal(t, newHome(t), "__complete", "--", "call", "http://"+server, "--user", "ann", "")
	if code := p.exits(t); code != 0 || p.screen.String() != "" || called.Load() {
		t.Errorf("code %d, called %v:\n%s", code, called.Load(), p.screen)
	}
}
