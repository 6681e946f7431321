package compare

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"unicode/utf8"
)

// Change is how a row stands to the same row of an earlier result.
type Change struct {
	Lane string `json:"lane"`
	Work string `json:"work"`
	// Ratio is calls per second now for each then; where both runs kept a rate that
	// was given, p99 then for that of now. Above 1 it is better now.
	Ratio float64 `json:"ratio"`
	// Verdict is faster, slower, or close: too close to call.
	Verdict string `json:"verdict"`
}

// Changes compares a result with an earlier one, row by row, in the order of the
// rows now. Rows that one of them does not have are left out.
//
// Nothing was measured at the same time, so what slowed the machine in one of
// the runs is in the ratio; only a difference beyond the luck of the starts of
// both, and beyond what lasts as long as each of the runs, is no chance.
func Changes(before, now *Result) []Change {
	var changes []Change
	for i := range now.Rows {
		row := &now.Rows[i]
		old := before.Row(row.Lane, row.Work)
		was, is := changing(before, now, old, row)
		if was == nil || is == nil {
			continue
		}
		a, okA := before.figure(was.Turns)
		b, okB := now.figure(is.Turns)
		if !okA || !okB || min(len(was.Turns), len(is.Turns)) < leastTurns {
			continue
		}
		if byLatency(before, now) {
			a.centre, b.centre = -a.centre, -b.centre
		}
		c := Change{row.Lane, row.Work, math.Exp(b.centre - a.centre), "close"}
		stderr := math.Hypot(math.Hypot(a.stderr, b.stderr), math.Hypot(lasting, lasting))
		switch beyond(b.centre-a.centre, stderr, min(a.df, b.df)) {
		case 1:
			c.Verdict = "faster"
		case -1:
			c.Verdict = "slower"
		}
		changes = append(changes, c)
	}
	return changes
}

// byLatency reports whether what two runs have to compare is latency: both made as
// many calls as they were told to.
func byLatency(before, now *Result) bool { return before.Rate > 0 && now.Rate > 0 }

// changing are the figures of a row that two runs are compared by, nil where one
// does not know it.
func changing(before, now *Result, old, row *Row) (was, is *Stat) {
	switch {
	case old == nil || row == nil:
		return nil, nil
	case byLatency(before, now):
		return old.P99, row.P99
	}
	return old.CallsPerS, row.CallsPerS
}

const nearly = 5 // pairs that are named

// WriteChanges writes for a person what has changed against an earlier result.
func WriteChanges(w io.Writer, before, now *Result, s Style) error {
	t := newTable(now, s)
	changes := Changes(before, now)
	t.line(t.style.Heading(cut("Against "+plain(before.Command)+" of "+before.Taken.UTC().Format("2006-01-02 15:04 UTC")+", parley "+plain(before.Version), t.style.Width)))
	if len(changes) == 0 {
		t.line("  There is no row that both have.")
		_, err := w.Write(t.b.Bytes())
		return err
	}
	for _, text := range differences(before, now) {
		t.paragraph("! ", t.style.Warning(plain(text)))
	}
	var ratios []float64
	changed, lane, work := 0, 0, 0
	for _, c := range changes {
		ratios = append(ratios, c.Ratio)
		if c.Verdict != "close" {
			changed++
			lane, work = max(lane, utf8.RuneCountInString(plain(c.Lane))), max(work, utf8.RuneCountInString(plain(c.Work)))
		}
	}
	for _, c := range changes {
		if c.Verdict == "close" {
			continue
		}
		by := c.Ratio
		if c.Verdict == "slower" {
			by = 1 / by
		}
		was, is := changing(before, now, before.Row(c.Lane, c.Work), now.Row(c.Lane, c.Work))
		text := fmt.Sprintf("%s calls/s, was %s", grouped(is.Median), grouped(was.Median))
		if byLatency(before, now) {
			text = fmt.Sprintf("p99 %s, was %s", micro(is.Median), micro(was.Median))
		}
		t.line(fmt.Sprintf("  %s  %s  %s by %s times: %s", pad(plain(c.Lane), lane), pad(plain(c.Work), work), c.Verdict, fold(by), text))
	}
	rest, middle := len(changes)-changed, "there are "+twoDigits(median(ratios))+" times the calls/s"
	if byLatency(before, now) {
		middle = "p99 is " + twoDigits(1/median(ratios)) + " times what it was"
	}
	t.paragraph("", fmt.Sprintf("%d faster, %d slower, %d too close to call. In the middle of all rows %s: if that is not 1, look for the reason at the machine first.",
		countOf(changes, "faster"), countOf(changes, "slower"), rest, middle))
	_, err := w.Write(t.b.Bytes())
	return err
}

func countOf(changes []Change, verdict string) int {
	n := 0
	for _, c := range changes {
		if c.Verdict == verdict {
			n++
		}
	}
	return n
}

// differences are what keeps two results from being compared.
func differences(before, now *Result) []string {
	var all []string
	for _, d := range []struct{ what, before, now string }{
		{"The processor", before.Machine.Processor, now.Machine.Processor},
		{"The system", before.Machine.OS, now.Machine.OS},
		{"The number of processors", fmt.Sprint(before.Machine.Processors), fmt.Sprint(now.Machine.Processors)},
		{"Go", before.Machine.Go, now.Machine.Go},
		{"Python", before.Machine.Python, now.Machine.Python},
		{"The rate", fmt.Sprint(before.Rate), fmt.Sprint(now.Rate)},
		{"The race detector", fmt.Sprint(before.Machine.Race), fmt.Sprint(now.Machine.Race)},
	} {
		if d.what == "Python" && (!before.hasPython() || !now.hasPython()) {
			continue
		}
		if d.before != d.now {
			all = append(all, fmt.Sprintf("%s is another: %q, was %q.", d.what, d.now, d.before))
		}
	}
	if text := disagreementText(Disagreements(before, now)); text != "" {
		all = append(all, text)
	}
	return all
}

// hasPython reports whether a lane of Python was measured.
func (r *Result) hasPython() bool {
	return slices.ContainsFunc(r.Lanes, func(l Lane) bool { return l.Family == "python" && len(r.worksOf(l.Name)) > 0 })
}

func disagreementText(pairs []Disagreement) string {
	if len(pairs) == 0 {
		return ""
	}
	var names bytes.Buffer
	for i, d := range pairs[:min(len(pairs), nearly)] {
		if i > 0 {
			names.WriteString(", ")
		}
		fmt.Fprintf(&names, "%s and %s at %s", d.Faster, d.Other, d.Work)
	}
	if len(pairs) > nearly {
		fmt.Fprintf(&names, ", and %d more", len(pairs)-nearly)
	}
	return "The order of lanes is another, and neither run has found it too close to call: " + names.String() + "."
}
