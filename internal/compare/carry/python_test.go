package carry

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/internal/peertest"
)

// recordPath has what the columns of Python are, by lane and row.
const recordPath = "testdata/python.json"

type record map[string]map[string]compare.Outcome

func readRecord(t *testing.T) record {
	t.Helper()
	text, err := os.ReadFile(recordPath)
	if err != nil {
		t.Fatal(err)
	}
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// The columns of Python are the same with each CPython, and as they were recorded.
func TestLivePython(t *testing.T) {
	for _, v := range peertest.Pythons(t) {
		if !v.AtLeast(3, 6) {
			continue
		}
		t.Run(v.String(), func(t *testing.T) {
			table, err := try(t.Context(), options{python: v.Path, lanes: pythonLanes()})
			if err != nil {
				t.Fatal(err)
			}
			got := record{}
			for _, lane := range pythonLanes() {
				got[lane] = map[string]compare.Outcome{}
			}
			for _, a := range table {
				for lane, o := range a.Lanes {
					got[lane][a.Name] = o
				}
			}
			if *update {
				text, err := json.MarshalIndent(got, "", "\t")
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(recordPath, append(text, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want := readRecord(t)
			if !v.AtLeast(3, 8) { // has no slots there, and is sent as its attributes are
				want[pyXMLLane]["a UUID"] = no("int exceeds XML-RPC limits")
			}
			if diff := gocmp.Diff(got, want); diff != "" {
				t.Errorf("the columns of Python (-got +want); if it should be so: go test ./internal/compare/carry -run TestLivePython -update\n%s", diff)
			}
		})
	}
}

// Without a python3, and with one that does not start, the columns are untried and the
// reason is told.
func TestPythonIsMissing(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "python3")
	if err := os.WriteFile(broken, []byte("#!/bin/sh\necho 'no module named socket' >&2\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for python, want := range map[string]string{
		"":     "there is no python3",
		broken: "python3 does not start: no module named socket",
	} {
		table, err := try(t.Context(), options{python: python, lanes: pythonLanes()})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range table {
			if got := a.Lanes[pythonLane]; got.Verdict != Untried || got.Note != want {
				t.Fatalf("%s: got %+v; want untried, %q", a.Name, got, want)
			}
		}
	}
}

// Lines that are no outcome of a row are errors, and a trial that broke is one.
func TestOutcomesOfPython(t *testing.T) {
	tests := map[string]string{
		`{"name": "a set", "verdict": "broke", "note": "EOFError: "}`:     "a set: EOFError",
		`{"name": "a sat", "verdict": "yes", "note": ""}`:                 "which is no row",
		`{"name": "a set", "verdict": "no", "note": "deadline exceeded"}`: "a set: the server had no time",
		`Traceback (most recent call last):`:                              "the program writes",
		`{"name": "a set", "verdict": "maybe", "note": "who knows"}`:      "who knows",
	}
	for _, line := range slices.Sorted(maps.Keys(tests)) {
		outcomes, began, bad := outcomesOf(`{"python": "3.11.7"}` + "\n" + line + "\n")
		if !began || len(outcomes) != 0 || len(bad) != 1 || !strings.Contains(bad[0].Error(), tests[line]) {
			t.Errorf("%s: got %v, began %v, %v; want one error with %q", line, outcomes, began, bad, tests[line])
		}
	}
}
