package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

// documentPath is the document that the recordings become.
var documentPath = filepath.Join("..", "..", "docs", "interop.md")

const documentHead = `# XML-RPC programs of others

Which values survive between [Parley's XML-RPC server](../rpc/xmlrpc) and the XML-RPC libraries that people have, and what these libraries write. Each library is called as its documentation says, with its defaults, by one program in [internal/interop/testdata/clients](../internal/interop/testdata/clients), against a server with its defaults unless the second table says otherwise.

This page is written by a test from recorded conversations, and nothing in the tables is written by hand.

` + "```sh" + `
make test          # sends the recorded requests again: what arrives, and each byte of our answers, must be the same
make peers         # installs all libraries, runs all programs, compares with the recordings
make peers-update  # the same, and records anew
` + "```" + `

## What arrives and what comes back

A program calls a function with a value and gets it back as the answer. ✓ the value arrived as meant and came back as sent · → it arrived as something else · ← it came back as something else, though it arrived · – the library does not send it · ! the request or the answer is an error to one of the two

`

// marks of the document.
const (
	markFine    = "✓"
	markArrives = "→"
	markReturns = "←"
	markCannot  = "–"
	markError   = "!"
)

// outcome is how one case went with one peer.
type outcome struct {
	mark string
	text string // in words; "" if all went well
}

// outcomes tells for each case how it went.
func (c conversation) outcomes() []outcome {
	all := make([]outcome, len(cases))
	for i, tc := range cases {
		all[i] = c.outcome(tc, c.rec.results[i])
	}
	return all
}

func (c conversation) outcome(tc testCase, r result) outcome {
	var arrived *arrival
	x := c.byName[tc.name]
	if x != nil {
		arrived = x.arrived
	}
	var texts []string
	var mark string
	say := func(m, format string, args ...any) {
		if mark == "" {
			mark = m
		} else if mark != m {
			mark += " " + m
		}
		texts = append(texts, fmt.Sprintf(format, args...))
	}
	if arrived != nil && !equal(arrived.value, tc.want) {
		say(markArrives, "arrives as %s", code(difference(arrived.value, tc.want)))
	}
	switch {
	case x == nil && (r.outcome == "cannot" || r.outcome == "error"):
		say(markCannot, "is not sent: %s", quote(r.text))
	case arrived == nil && r.outcome == "ok":
		say(markError, "does not arrive, though the program gets its value")
	case arrived == nil:
		say(markError, "does not arrive; the program gets %s", quote(r.text))
	case r.outcome == "got":
		say(markReturns, "comes back as %s", quote(r.text))
	case r.outcome == "error":
		say(markError, "the answer is an error to the library: %s", quote(r.text))
	case r.outcome == "cannot":
		say(markError, "arrives, though the program says that it is not sent: %s", quote(r.text))
	}
	if mark == "" {
		mark = markFine
	}
	return outcome{mark, strings.Join(texts, "; ")}
}

// quote sets what a program printed as code.
func quote(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '`':
			b.WriteByte('\'')
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "\\u%04x", r)
		}
	}
	return code(b.String())
}

// document writes the whole page.
func document(all []conversation) string {
	// People look for their language.
	all = slices.SortedStableFunc(slices.Values(all), func(a, b conversation) int {
		return strings.Compare(strings.ToLower(a.peer.language), strings.ToLower(b.peer.language))
	})
	var b strings.Builder
	b.WriteString(documentHead)
	b.WriteString(summary(all))
	row := func(cells ...string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	head := []string{"", ""}
	for _, tc := range cases {
		head = append(head, tc.name)
	}
	row(head...)
	row(rule(len(head))...)
	for _, c := range all {
		cells := []string{c.peer.language, strings.TrimSpace(c.peer.library + " " + c.rec.version)}
		for _, o := range c.outcomes() {
			cells = append(cells, o.mark)
		}
		row(cells...)
	}

	b.WriteString("\n")
	for _, tc := range cases {
		fmt.Fprintf(&b, "- %s: %s\n", tc.name, tc.title)
	}
	fmt.Fprintf(&b, "\n%s\n", longIntSection(all))

	b.WriteString("\n## What goes wrong, program by program\n")
	for _, c := range all {
		fmt.Fprintf(&b, "\n### %s, %s\n\n", c.peer.language, c.peer.library)
		fmt.Fprintf(&b, "[%s](%s), %s\n", filepath.Base(c.peer.source()), c.peer.source(), c.peer.origin(c.rec.version))
		if c.peer.note != "" {
			fmt.Fprintf(&b, "\n%s\n", c.peer.note)
		}
		b.WriteString("\n")
		fine := true
		for i, o := range c.outcomes() {
			if o.text != "" {
				fine = false
				fmt.Fprintf(&b, "- %s: %s\n", cases[i].name, o.text)
			}
		}
		if fine {
			b.WriteString("Nothing.\n")
		}
	}

	b.WriteString("\n## On the wire\n\nWhat stands in the requests, as the libraries write it: what a server has to read that wants all of them as clients. An empty cell: the call was not made.\n\n")
	head = []string{"", ""}
	for _, f := range wireFacts {
		head = append(head, f.title)
	}
	row(head...)
	row(rule(len(head))...)
	for _, c := range all {
		cells := []string{c.peer.language, c.peer.library}
		for _, f := range wireFacts {
			cells = append(cells, f.of(c))
		}
		row(cells...)
	}
	return b.String()
}

// summary counts what survives.
func summary(all []conversation) string {
	fine, arrived := 0, 0
	languages := map[string]bool{}
	for _, c := range all {
		languages[c.peer.language] = true
		for i, o := range c.outcomes() {
			if x := c.byName[cases[i].name]; x != nil && x.arrived != nil && equal(x.arrived.value, cases[i].want) {
				arrived++
			}
			if o.mark == markFine {
				fine++
			}
		}
	}
	total := len(all) * len(cases)
	return fmt.Sprintf("%d programs in %d languages, %d calls each: of all %d values %d arrive as meant, and %d come back as sent as well.\n\n", len(all), len(languages), len(cases), total, arrived, fine)
}

// rule is the line below the head of a table.
func rule(n int) []string {
	cells := make([]string, n)
	for i := range cells {
		cells[i] = "---"
	}
	return cells
}

// source is where the program is, seen from the document.
func (p peer) source() string {
	if p.program != nil {
		return "../internal/interop/" + p.file
	}
	return "../internal/interop/testdata/clients/" + p.file
}

// origin is where the library came from.
func (p peer) origin(version string) string {
	switch {
	case p.module != "":
		return fmt.Sprintf("with `%s@%s` of npm", p.module, version)
	case p.live:
		return fmt.Sprintf("with %s of Debian", code(strings.Join(p.packages, " ")))
	case version == "":
		return "the client of this module"
	}
	return "version " + version
}

// conversations are those with all peers.
func conversations(t testing.TB) []conversation {
	t.Helper()
	var all []conversation
	for _, p := range peers {
		rec := p.read(t)
		all = append(all, newConversation(p, rec, p.replay(t, rec)))
	}
	return all
}

// TestReplayOwnClient: with our own client on the other side nothing is lost.
func TestReplayOwnClient(t *testing.T) {
	p := peerNamed(t, "parley")
	rec := p.read(t)
	for i, o := range newConversation(p, rec, p.replay(t, rec)).outcomes() {
		if o.mark != markFine {
			t.Errorf("%s: %s", cases[i].name, o.text)
		}
	}
}

// TestReplayDocument: docs/interop.md says what the recordings say.
func TestReplayDocument(t *testing.T) {
	text := document(conversations(t)) + serversSection(t)
	if *update {
		if err := os.WriteFile(documentPath, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	old, err := os.ReadFile(documentPath)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(old), text); diff != "" {
		t.Errorf("docs/interop.md does not say what the recordings do (-file +recordings); to write it anew: go test ./internal/interop -run TestReplayDocument -update\n%s", diff)
	}
}
