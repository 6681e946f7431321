package carry

import (
	"flag"
	"maps"
	"os"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/internal/compare"
)

var update = flag.Bool("update", false, "write what was tried into docs/choosing.md and testdata")

const (
	documentPath = "../../../docs/choosing.md"
	markBegin    = "<!-- written by: go test ./internal/compare/carry -run TestChoosingDocument -update -->\n"
	markEnd      = "<!-- end of what is written -->\n"
)

// The table in the document is what trying gives: the columns of Go now, and those of
// Python as they were recorded, which TestLivePython holds against each CPython.
func TestChoosingDocument(t *testing.T) {
	recorded := readRecord(t)
	var table []compare.Ability
	for _, a := range triedGo(t) {
		a.Lanes = maps.Clone(a.Lanes)
		for lane, outcomes := range recorded {
			if o, ok := outcomes[a.Name]; ok {
				a.Lanes[lane] = o
			}
		}
		table = append(table, a)
	}
	want := Markdown(table)
	document, err := os.ReadFile(documentPath)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(document), markBegin)
	got, after, ok2 := strings.Cut(rest, markEnd)
	if !ok1 || !ok2 {
		t.Fatalf("docs/choosing.md does not have the lines %q and %q", markBegin, markEnd)
	}
	if *update {
		if err := os.WriteFile(documentPath, []byte(before+markBegin+want+markEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("docs/choosing.md (-got +want); to write it anew: go test ./internal/compare/carry -run TestChoosingDocument -update\n%s", gocmp.Diff(got, want))
	}
}
