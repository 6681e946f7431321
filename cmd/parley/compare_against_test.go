package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/cmd/parley/internal/exit"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
)

// guarded is a server whose transports all want a login, each another one.
type guarded struct {
	*running
	files map[string]string // by use
	tls   string            // URL of a second server, with the same credentials
}

func newGuarded(t *testing.T) guarded {
	t.Helper()
	h := newHome(t)
	dir := t.TempDir()
	credentials := filepath.Join(dir, "credentials.jsonl")
	files := map[string]string{}
	for _, use := range []string{"authkey", "http", "channel"} {
		files[use] = filepath.Join(dir, use+" of ann")
		if got := h.parley(t, "auth", "add", "ann."+use, "--use", use, "--file", credentials, "--generate", "--secret-out", files[use]); got.code != 0 {
			t.Fatalf("auth add: %+v", got)
		}
	}
	second := newHome(t).start(t, "--xmlrpc", "off", "--native", "tls://127.0.0.1:0", "--credentials", credentials)
	return guarded{h.serve(t, "--credentials", credentials), files, second.native}
}

// Both transports of one server are compared though each asks for another login,
// with flags or with profiles, and what the report gives as its command measures
// the same again.
func TestCompareAgainstLogins(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	flags := []string{"--authkey-file", g.files["authkey"], "--credential-file", g.files["http"]}
	path := filepath.Join(t.TempDir(), "r.json")
	got := g.compareWith(t, os.Getenv("PATH"), append([]string{"compare", "--quick", "--timeout", "20s", "--json", path, "--against", g.native, g.xmlrpc, "add", "3", "two words"}, flags...)...)
	if got.code != exit.Fault || !strings.HasPrefix(got.stderr, "fault -32602: ") {
		t.Fatalf("%+v; want the fault of add, for both logins are right", got)
	}
	got.oneLine(t, "; this was "+g.native)
	got = g.compareWith(t, os.Getenv("PATH"), append([]string{"compare", "--quick", "--timeout", "20s", "--json", path, "--against", g.native, g.xmlrpc, "add", "3", "5"}, flags...)...)
	if got.code != 0 || got.stderr != "" {
		t.Fatalf("%+v; want both compared", got)
	}
	r := readResult(t, path)
	want := "parley compare --quick --timeout 20s --credential-file '" + g.files["http"] + "' --authkey-file '" + g.files["authkey"] + "' --against " + g.native + " " + g.xmlrpc + " add 3 5"
	if r.Command != want || len(r.Lanes) != 2 || r.TurnMS != 300 {
		t.Errorf("got %d lanes, turns of %d ms, and the command\n%s\nwant two, of 300, and\n%s", len(r.Lanes), r.TurnMS, r.Command, want)
	}

	// With three logins two would want --credential-file: profiles have each its own,
	// and what a flag says goes to the others.
	g.writeProfiles(t, "[server.web]\nurl = '"+g.xmlrpc+"'\ncredential_file = '"+g.files["http"]+"'\n[server.tls]\nurl = '"+g.tls+"'\ncredential_file = '"+g.files["channel"]+"'\n")
	got = g.compareWith(t, os.Getenv("PATH"), "compare", "--quick", "--json", path, "--against", "web", g.native, "tls", "add", "3", "5", "--authkey-file", g.files["authkey"])
	if got.code != 0 || got.stderr != "" {
		t.Fatalf("%+v; want all three compared", got)
	}
	r = readResult(t, path)
	var lanes []string
	for _, l := range r.Lanes {
		lanes = append(lanes, l.Title)
	}
	if want := []string{g.xmlrpc, g.native, g.tls}; !slices.Equal(lanes, want) {
		t.Errorf("got the lanes %q; want %q", lanes, want)
	}
	// One profile alone is what call makes of it: the flag counts.
	got = g.parley(t, "compare", "--against", "web", "add", "--credential-file", g.files["channel"])
	if got.code != exit.Auth {
		t.Errorf("%+v; want that the flag counts, and the server refuses it", got)
	}
	got.oneLine(t, "the server refused the login", "this was "+g.xmlrpc)
	// A profile that is misspelt is no function that anybody meant.
	got = g.parley(t, "compare", "--against", "web", "tsl", "add", "3", "5")
	if got.code != exit.Fault {
		t.Errorf("%+v; want that there is no function tsl", got)
	}
	got.oneLine(t, "fault -32601", "did you mean tls?")
}

// The command of a report is read as the one that was given: all flags that matter,
// and words that look like flags.
func TestCompareAgainstLine(t *testing.T) {
	t.Parallel()
	for _, line := range [][]string{
		{"--full", "--rate", "0.5", "--timeout", "1m0s", "--user", "ann b", "--password-file", "p", "--against", "http://127.0.0.1:1/", "add", "it's", "3"},
		{"--quick", "--credential-file", "c", "--pin", "sha256/x", "--ca", "a", "--cert", "b", "--key", "k", "--against", "tls://127.0.0.1:1", "add"},
		{"--authkey-file", "~/k", "--allow-md5", "--dangerously-allow-short-key", "--against", "--", "tcp://127.0.0.1:1", "add", "-x", "-3", "--quick"},
	} {
		std := terminal.Streams{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}
		cmd, err := parse(append([]string{"compare"}, line...), std)
		if err != nil {
			t.Errorf("%q: %v", line, err)
			continue
		}
		want := "parley compare"
		for _, word := range line {
			want += " " + shellWord(word)
		}
		if got := cmd.(*compareCommand).againstLine(); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}

// A file of profiles that cannot be read might have made a server of any word.
func TestCompareAgainstBadProfiles(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.writeProfiles(t, "[server.add]\n")
	got := h.parley(t, "compare", "--against", "http://127.0.0.1:1/", "add", "3", "5")
	if got.code != exit.Usage {
		t.Errorf("%+v; want exit code 2", got)
	}
	got.oneLine(t, "server.add: there is no url")
}
