package interop

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// recording is one conversation of a program with our server.
type recording struct {
	requests []byte   // as they came, one after another
	replies  []byte   // ours
	version  string   // of the library
	conns    int      // connections that were made for it
	results  []result // what the program printed
	longInt  string   // and of the case i8 where our server has Values.LongInt; "" where it was not asked
}

// result is what a program says about one case.
type result struct {
	name    string // of the case
	outcome string // ok, got, error or cannot
	text    string // the rest of what it says, in its language
}

func (r result) String() string {
	if r.outcome == "ok" {
		return r.name + "\tok"
	}
	return r.name + "\t" + r.outcome + "\t" + r.text
}

// parseResults reads what a program printed: one line for each case, in order.
func parseResults(out string) ([]result, error) {
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	var results []result
	for i, line := range lines {
		fields := strings.SplitN(strings.TrimSuffix(line, "\r"), "\t", 3)
		if i >= len(cases) || fields[0] != cases[i].name {
			return nil, fmt.Errorf("line %d is %q; want the cases, each once and in order: %s", i+1, line, caseNames())
		}
		r := result{name: fields[0]}
		switch len(fields) {
		case 3:
			r.text = strings.TrimSpace(fields[2])
			fallthrough
		case 2:
			r.outcome = fields[1]
		}
		switch r.outcome {
		case "ok", "got", "error", "cannot":
		default:
			return nil, fmt.Errorf("line %d is %q; want ok, got, error or cannot after the case's name", i+1, line)
		}
		if (r.outcome == "ok") != (r.text == "") {
			return nil, fmt.Errorf("line %d is %q; want a text after got, error and cannot, and none after ok", i+1, line)
		}
		results = append(results, r)
	}
	if len(results) != len(cases) {
		return nil, fmt.Errorf("got %d lines; want one for each of %s", len(results), caseNames())
	}
	return results, nil
}

func caseNames() string {
	names := make([]string, len(cases))
	for i, c := range cases {
		names[i] = c.name
	}
	return strings.Join(names, ", ")
}

// file is where a part of a peer's recording is kept.
func file(part, name, ext string) string { return filepath.Join("testdata", part, name+ext) }

// dateLine is what differs from one run to the next.
var dateLine = regexp.MustCompile(`(?m)^Date: .*\r$`)

// undated puts one date into all heads.
func undated(messages []byte) []byte {
	return dateLine.ReplaceAll(messages, []byte("Date: Thu, 29 Feb 2024 13:45:06 GMT\r"))
}

// read returns the recording of a peer.
func (p peer) read(t testing.TB) *recording {
	t.Helper()
	requests, err := os.ReadFile(file("requests", p.name, ".http"))
	if err != nil {
		t.Fatalf("%v; to record it: make peers-update", err)
	}
	replies, err := os.ReadFile(file("replies", p.name, ".http"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file("results", p.name, ".txt"))
	if err != nil {
		t.Fatal(err)
	}
	head, printed, _ := strings.Cut(string(text), "\n\n")
	rec := &recording{requests: requests, replies: replies}
	for line := range strings.Lines(head) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch name {
		case "version":
			rec.version = value
		case "connections":
			rec.conns, err = strconv.Atoi(value)
		case "i8 with LongInt":
			rec.longInt = value
		default:
			err = fmt.Errorf("unknown line %q", line)
		}
		if err != nil {
			t.Fatalf("%s: %v", file("results", p.name, ".txt"), err)
		}
	}
	rec.results, err = parseResults(printed)
	if err != nil {
		t.Fatalf("%s: %v", file("results", p.name, ".txt"), err)
	}
	return rec
}

// write keeps the recording of a peer.
func (p peer) write(t testing.TB, rec *recording) {
	t.Helper()
	var text bytes.Buffer
	if rec.version != "" {
		fmt.Fprintf(&text, "version: %s\n", rec.version)
	}
	fmt.Fprintf(&text, "connections: %d\n", rec.conns)
	if rec.longInt != "" {
		fmt.Fprintf(&text, "i8 with LongInt: %s\n", rec.longInt)
	}
	text.WriteString("\n")
	for _, r := range rec.results {
		fmt.Fprintln(&text, r)
	}
	for path, content := range map[string][]byte{
		file("requests", p.name, ".http"): rec.requests,
		file("replies", p.name, ".http"):  rec.replies,
		file("results", p.name, ".txt"):   text.Bytes(),
	} {
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
