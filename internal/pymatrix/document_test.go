package pymatrix

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

const (
	documentPath = "../../docs/python.md"
	markBegin    = "<!-- written by: go test ./internal/pymatrix -run TestLiveMatrix -update -->\n"
	markEnd      = "<!-- end of what is written -->\n"
)

func (d deviations) versions() []version {
	return slices.SortedFunc(maps.Keys(d), func(a, b version) int {
		return cmp.Or(cmp.Compare(a.major, b.major), cmp.Compare(a.minor, b.minor))
	})
}

func sortedCells(cells map[cell]outcome) []cell {
	return slices.SortedFunc(maps.Keys(cells), func(a, b cell) int {
		fromGo := map[bool]int{true: 1}
		return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(fromGo[a.fromGo], fromGo[b.fromGo]), cmp.Compare(a.protocol, b.protocol))
	})
}

// section is the written part of the document.
func section(d deviations) string {
	var b strings.Builder
	rows := allRows()
	fmt.Fprintf(&b, "%d values were sent by each of %s, in each protocol that it has (0 to 5), as an argument of a Python program's call to a Go function and as a result of a Python program's function that Go calls, and then back again.\n",
		len(rows), versionList(d.versions()))
	for i, g := range groups {
		b.WriteString("\n### " + g.name + "\n\n")
		if i == len(groups)-1 {
			b.WriteString("| in Python | is refused, and why |\n|---|---|\n")
		} else {
			b.WriteString("| in Python | a Go function sees | Python gets back |\n|---|---|---|\n")
		}
		for _, r := range g.rows {
			if r.hidden {
				continue
			}
			reason, isRefused := strings.CutPrefix(r.sees, refused)
			switch {
			case i == len(groups)-1:
				fmt.Fprintf(&b, "| %s%s | %s |\n", code(unprefixed(r)), since(r), reason)
			case isRefused:
				fmt.Fprintf(&b, "| %s%s | – | refused: %s |\n", code(unprefixed(r)), since(r), reason)
			case r.back == "":
				fmt.Fprintf(&b, "| %s%s | %s | the same |\n", code(unprefixed(r)), since(r), code(r.sees))
			default:
				fmt.Fprintf(&b, "| %s%s | %s | **%s** |\n", code(unprefixed(r)), since(r), code(r.sees), code(plainBack(r)))
			}
		}
	}
	b.WriteString("\n### What differs between versions and protocols\n\n")
	b.WriteString("Everything else is the same with all of them. The protocol is that of Python's message; an answer to protocol 0 or 1 is in 2.\n\n")
	b.WriteString("| in Python | where | a Go function sees | Python gets back |\n|---|---|---|---|\n")
	for _, line := range differences(d) {
		b.WriteString(line)
	}
	return b.String()
}

func plainBack(r row) string {
	if r.only2 {
		return r.back
	}
	return prefixes.ReplaceAllString(r.back, "$1'")
}

// unprefixed shows text as Python 3 writes it.
func unprefixed(r row) string {
	if r.only2 {
		return r.python
	}
	return prefixes.ReplaceAllString(r.python, "$1'")
}

var prefixes = regexp.MustCompile(`(^|[^\w\\])u'`)

func code(s string) string {
	return "`" + strings.ReplaceAll(s, "|", `\|`) + "`"
}

func since(r row) string {
	switch {
	case r.only2:
		return " (2.7)"
	case r.since > 6:
		return fmt.Sprintf(" (3.%d)", r.since)
	case r.since > 0:
		return " (3)"
	}
	return ""
}

// differences are the deviations, put together where they are the same.
func differences(d deviations) []string {
	type what struct {
		id      int
		outcome outcome
	}
	where := map[what]map[version][]cell{}
	for v, cells := range d {
		for c, o := range cells {
			w := what{c.id, o}
			if where[w] == nil {
				where[w] = map[version][]cell{}
			}
			where[w][v] = append(where[w][v], c)
		}
	}
	rows := allRows()
	var lines []string
	for _, w := range slices.SortedFunc(maps.Keys(where), func(a, b what) int {
		return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.outcome.sees, b.outcome.sees), cmp.Compare(a.outcome.back, b.outcome.back))
	}) {
		places := map[string][]version{} // how it is reached -> by which versions
		for v, cells := range where[w] {
			p := place(cells)
			places[p] = append(places[p], v)
		}
		var texts []string
		for p, versions := range places {
			slices.SortFunc(versions, func(a, b version) int {
				return cmp.Or(cmp.Compare(a.major, b.major), cmp.Compare(a.minor, b.minor))
			})
			texts = append(texts, versionList(versions)+p)
		}
		slices.Sort(texts)
		sees := code(w.outcome.sees)
		if reason, ok := strings.CutPrefix(w.outcome.sees, refused); ok {
			sees = "refused: " + reason
		} else if strings.HasPrefix(w.outcome.sees, "not sent") {
			sees = w.outcome.sees
		}
		back := w.outcome.back
		switch back {
		case "same":
			back = "the same"
		case "":
			back = "–"
		default:
			back = code(prefixes.ReplaceAllString(back, "$1'"))
		}
		lines = append(lines, fmt.Sprintf("| %s | %s | %s | %s |\n", code(unprefixed(rows[w.id].row)), strings.Join(texts, "; "), sees, back))
	}
	return lines
}

// place names the protocols and directions of cells of one version.
func place(cells []cell) string {
	protocols := map[bool][]string{}
	slices.SortFunc(cells, func(a, b cell) int { return cmp.Compare(a.protocol, b.protocol) })
	for _, c := range cells {
		protocols[c.fromGo] = append(protocols[c.fromGo], fmt.Sprint(c.protocol))
	}
	in, out := strings.Join(protocols[false], ", "), strings.Join(protocols[true], ", ")
	switch {
	case in == out:
		return ", protocol " + in
	case out == "":
		return ", when Python calls, protocol " + in
	case in == "":
		return ", when Go calls, protocol " + out
	}
	return ", protocol " + in + " when Python calls and " + out + " when Go calls"
}

// versionList writes runs of versions of Python 3 as such.
func versionList(versions []version) string {
	var texts []string
	for i := 0; i < len(versions); {
		j := i
		for j+1 < len(versions) && versions[j+1].major == versions[i].major && versions[j+1].minor == versions[j].minor+1 {
			j++
		}
		if j > i {
			texts = append(texts, fmt.Sprintf("%s to %s", versions[i], versions[j]))
		} else {
			texts = append(texts, versions[i].String())
		}
		i = j + 1
	}
	return strings.Join(texts, ", ")
}

// writtenPart cuts the document around the written part.
func writtenPart(t testing.TB) (before, part, after string) {
	t.Helper()
	document, err := os.ReadFile(documentPath)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(document), markBegin)
	part, after, ok2 := strings.Cut(rest, markEnd)
	if !ok1 || !ok2 {
		t.Fatalf("docs/python.md does not have the lines %q and %q", markBegin, markEnd)
	}
	return before, part, after
}

func writeDocument(t testing.TB, d deviations) {
	t.Helper()
	before, _, after := writtenPart(t)
	if err := os.WriteFile(documentPath, []byte(before+markBegin+section(d)+markEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The document says what the rows and the recording say, and TestLiveMatrix holds
// these against the Pythons of this machine.
func TestMatrixDocument(t *testing.T) {
	_, got, _ := writtenPart(t)
	want := section(readDeviations(t))
	if *update || got == want {
		return
	}
	t.Errorf("docs/python.md (-got +want); to write it anew: go test ./internal/pymatrix -run TestLiveMatrix -update\n%s", gocmp.Diff(got, want))
}

func TestMatrixIsLarge(t *testing.T) {
	if n := len(allRows()); n < 80 {
		t.Errorf("got %d values; want 80 at least", n)
	}
	seen := map[string]bool{}
	for _, r := range allRows() {
		if seen[r.python] {
			t.Errorf("%s: stands there twice", r.python)
		}
		seen[r.python] = true
	}
}
