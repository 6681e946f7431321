package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// event is one line of "go test -json"; see go doc test2json.
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build events, in place of Package
	Test        string // empty for what concerns a whole package
	Output      string
	FailedBuild string
	Elapsed     float64 // seconds, of what is done
}

// testID names one test or subtest.
type testID struct{ pkg, test string }

// report is what is known so far.
type report struct {
	out    io.Writer
	output map[testID]*strings.Builder // of tests that are not done; of packages under test ""
	build  map[string]*strings.Builder // output of builds by import path
	failed map[string]int              // tests by package
	passed map[testID]int              // how often
	nFail  int
	skips  []skip // in the order they came
}

type skip struct {
	testID
	reason string
}

func newReport(out io.Writer) *report {
	return &report{
		out:    out,
		output: map[testID]*strings.Builder{},
		build:  map[string]*strings.Builder{},
		failed: map[string]int{},
		passed: map[testID]int{},
	}
}

// read takes events until the end. Lines that are no events are passed on.
func (r *report) read(in io.Reader) error {
	scanner := bufio.NewScanner(in)
	scanner.Buffer(nil, 64<<20)
	for scanner.Scan() {
		line := scanner.Bytes()
		var e event
		if !bytes.HasPrefix(line, []byte("{")) || json.Unmarshal(line, &e) != nil {
			fmt.Fprintf(r.out, "%s\n", line)
			continue
		}
		r.take(e)
	}
	return scanner.Err()
}

func (r *report) take(e event) {
	id := testID{e.Package, e.Test}
	switch e.Action {
	case "output":
		grow(r.output, id, e.Output)
	case "build-output":
		grow(r.build, e.ImportPath, e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.packageDone(e)
		} else {
			r.testDone(id, e.Action)
		}
	}
}

func grow[K comparable](m map[K]*strings.Builder, key K, text string) {
	b := m[key]
	if b == nil {
		b = &strings.Builder{}
		m[key] = b
	}
	b.WriteString(text)
}

func (r *report) testDone(id testID, action string) {
	text := r.takeOutput(id)
	switch action {
	case "pass":
		r.passed[id]++
	case "fail":
		r.nFail++
		r.failed[id.pkg]++
		fmt.Fprintf(r.out, "--- %s.%s\n%s", id.pkg, id.test, text)
	case "skip":
		r.skips = append(r.skips, skip{id, reason(text)})
	}
}

// packageDone prints the line that go test has for a package in which tests ran, and
// makes one where a test binary ran without go test. One that failed without a failed test (its build, a panic, a time-out) counts
// as one failure, with all of its output.
func (r *report) packageDone(e event) {
	text := r.takeOutput(testID{e.Package, ""})
	if e.Action != "fail" {
		fmt.Fprint(r.out, passedLine(e, text))
		return
	}
	if r.failed[e.Package] == 0 {
		r.nFail++
		if b := r.build[e.FailedBuild]; b != nil {
			fmt.Fprint(r.out, b.String())
		}
	}
	for _, id := range r.unfinished(e.Package) {
		fmt.Fprintf(r.out, "--- %s.%s did not end\n%s", id.pkg, id.test, r.takeOutput(id))
	}
	fmt.Fprint(r.out, text)
}

func passedLine(e event, text string) string {
	if e.Action == "skip" || strings.Contains(text, "no tests to run") {
		return ""
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "ok ") {
			return line
		}
	}
	return fmt.Sprintf("ok  \t%s\t%.3fs\n", e.Package, e.Elapsed)
}

// unfinished lists the tests of a package that began and never ended.
func (r *report) unfinished(pkg string) []testID {
	var ids []testID
	for id := range r.output {
		if id.pkg == pkg && id.test != "" {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b testID) int { return strings.Compare(a.test, b.test) })
	return ids
}

func (r *report) takeOutput(id testID) string {
	b := r.output[id]
	if b == nil {
		return ""
	}
	delete(r.output, id)
	return b.String()
}

// reason is what a skipped test said, without the lines that go test adds.
func reason(output string) string {
	var said []string
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") {
			said = append(said, line)
		}
	}
	if len(said) == 0 {
		return "no reason given"
	}
	return strings.Join(said, " ")
}

// finish writes the end of the report and tells whether all is well. A test that
// one run skipped and another one passed, without the race detector perhaps, is
// not told as skipped.
func (r *report) finish(noSkips bool) bool {
	skips := slices.DeleteFunc(r.skips, func(s skip) bool { return r.passed[s.testID] > 0 })
	if len(skips) > 0 {
		fmt.Fprintf(r.out, "\nskipped:\n")
		for _, s := range skips {
			fmt.Fprintf(r.out, "  %s.%s: %s\n", s.pkg, s.test, s.reason)
		}
	}
	passed, failed, skipped := 0, r.nFail, len(skips)
	for _, n := range r.passed {
		passed += n
	}
	if noSkips && skipped > 0 {
		fmt.Fprintf(r.out, "  each counts as failed: this run has to try everything\n")
		failed, skipped = failed+skipped, 0
	}
	if passed+failed+skipped == 0 {
		fmt.Fprintf(r.out, "no test ran\n")
		failed = 1
	}
	fmt.Fprintf(r.out, "%d passed, %d failed", passed, failed)
	if skipped > 0 {
		fmt.Fprintf(r.out, ", %d skipped", skipped)
	}
	fmt.Fprintln(r.out)
	return failed == 0
}
