package compare

import (
	"fmt"
	"math"
	"strings"
)

// costs is the second sentence: what a call of lane a costs, at the first work,
// and beside it what one of b does, if there is a b.
func (r *Result) costs(a, b *Lane) string {
	work, nameB := r.worksOf(a.Name)[0], ""
	rowB := &Row{}
	if b != nil {
		_, nameB = r.names(a, b)
		if both := r.shared(a.Name, b.Name); len(both) > 0 {
			work = both[0]
			rowB = r.Row(b.Name, work)
		}
	}
	rowA := r.Row(a.Name, work)
	var parts []string
	latency := ""
	for _, c := range []struct {
		a, b   *Stat
		unit   unit
		format string
	}{
		{single(rowA.WireBytes), single(rowB.WireBytes), octets, "%s on the wire"},
		{bothSides(rowA.ClientCPU, rowA.ServerCPU), bothSides(rowB.ClientCPU, rowB.ServerCPU), micros, "%s of processor time"},
		{rowA.P99, rowB.P99, micros, "99 of 100 end within %s"},
	} {
		if c.a == nil {
			continue
		}
		other := c.b
		if other == nil {
			other = c.a
		}
		text := inOne(c.unit, c.a.Median, other.Median)
		part := fmt.Sprintf(c.format, text[0]+" "+text[2])
		if c.b != nil {
			if mark := r.mark(c.a, c.b); c.unit != octets && mark != "" {
				text[1] = mark + " " + text[1]
			}
			if nameB != "" { // the first that has both
				text[1], nameB = nameB+": "+text[1], ""
			}
			part += " (" + text[1] + ")"
		}
		if c.a == rowA.P99 {
			latency = part
		} else {
			parts = append(parts, part)
		}
	}
	kept := r.kept(a, b)
	if len(parts) == 0 && latency == "" {
		if kept == "" {
			return "What a call costs cannot be said, for neither processor time nor bytes nor latencies were measured."
		}
		return strings.ToUpper(kept[:1]) + kept[1:] + "."
	}
	s := "Of calls of " + r.titleOf(work) + " "
	if len(parts) > 0 {
		s = "A call of " + r.titleOf(work) + " takes " + list(parts)
		if latency != "" {
			s += ", and "
		}
	}
	s += latency
	if kept != "" {
		s += "; " + kept
	}
	return s + "."
}

// mark is that of two figures, empty if they are certainly not equal.
func (r *Result) mark(a, b *Stat) string {
	switch f, ok := r.ratio(b, a); {
	case !ok || f.order() == 0 && f.seldom():
		return SeldomMark
	case f.order() == 0 || f.order() > 0 != (b.Median > a.Median):
		return CloseMark
	}
	return ""
}

// behind is the part of a rate below which it was not kept.
const behind = 0.98

// kept says whether lanes kept the rate that was given. Empty: there was none.
func (r *Result) kept(a, b *Lane) string {
	if r.Rate <= 0 {
		return ""
	}
	var late []string
	for _, l := range []*Lane{a, b} {
		if l == nil {
			continue
		}
		works, n := r.worksOf(l.Name), 0
		for _, w := range works {
			if r.Row(l.Name, w).CallsPerS.Median < behind*r.Rate {
				n++
			}
		}
		if n > 0 {
			late = append(late, fmt.Sprintf("%s fell behind at %d of %s", r.nameOf(l), n, Count(len(works), "work")))
		}
	}
	switch {
	case len(late) > 0:
		return list(late)
	case b == nil:
		return "the rate was kept"
	}
	return "both kept the rate"
}

// unit is one in which figures are written beside each other.
type unit int

const (
	micros unit = iota
	octets
)

// inOne writes two figures in the unit that suits the greater, and that unit.
func inOne(u unit, a, b float64) [3]string {
	by, name := 1.0, "µs"
	switch most := max(a, b); {
	case u == octets && most >= 1<<20:
		by, name = 1<<20, "MiB"
	case u == octets && most >= 10<<10:
		by, name = 1<<10, "KiB"
	case u == octets:
		a, b, name = math.Round(a), math.Round(b), "bytes"
	case most >= 999_500:
		by, name = 1e6, "s"
	case most >= 9_995:
		by, name = 1e3, "ms"
	}
	return [3]string{grouped(a / by), grouped(b / by), name}
}
