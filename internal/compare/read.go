package compare

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
)

// What a result that is read may have at most. A full comparison has a tenth of
// it, or less.
const (
	maxSize   = 64 << 20 // bytes of JSON
	maxLanes  = 64
	maxWorks  = 256
	maxTurns  = 10_000 // of a figure
	maxPoints = 10_000 // of a distribution
)

// ErrNoResult is the error of ReadJSON for what is no result, or one that it
// does not know how to read.
var ErrNoResult = errors.New("no result of a comparison")

func noResult(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrNoResult, fmt.Sprintf(format, args...))
}

// ReadJSON reads what WriteJSON has written, this or an earlier version, at most
// 64 MiB. What it returns can be judged and shown: names are unique, rows and
// rankings are of lanes and works that there are, and all figures are finite.
// Fields that it does not know are left out.
func ReadJSON(in io.Reader) (*Result, error) {
	limited := &io.LimitedReader{R: in, N: maxSize + 1}
	text, err := io.ReadAll(limited)
	if err != nil {
		return nil, err
	}
	if limited.N == 0 {
		return nil, noResult("it has more than %d MiB", maxSize>>20)
	}
	r := &Result{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, noResult("%v", err)
	}
	if r.Format < 1 || r.Format > Format {
		return nil, noResult("its format is %d, and this program knows 1 to %d; it may be of a newer parley", r.Format, Format)
	}
	return r, r.check()
}

// check holds a result that somebody else has written against what those who
// show it rely on.
func (r *Result) check() error {
	if len(r.Lanes) > maxLanes || len(r.Works) > maxWorks {
		return noResult("%d lanes and %d works; at most %d and %d", len(r.Lanes), len(r.Works), maxLanes, maxWorks)
	}
	if r.Starts < 0 || r.Rounds < 0 || !finite(r.Machine.Noise, r.Machine.Load, r.Seconds, r.Rate) {
		return noResult("starts, rounds, or a figure of the machine is out of range")
	}
	lanes, works := map[string]bool{}, map[string]bool{}
	for _, l := range r.Lanes {
		if l.Name == "" || lanes[l.Name] {
			return noResult("a lane is named %.40q, which is empty or another's", l.Name)
		}
		lanes[l.Name] = true
	}
	for _, w := range r.Works {
		if w.Rounds < 0 {
			return noResult("the rounds of %.40q are out of range", w.Name)
		}
		if w.Name == "" || works[w.Name] {
			return noResult("a work is named %.40q, which is empty or another's", w.Name)
		}
		works[w.Name] = true
	}
	type place struct{ lane, work string }
	rows := map[place]bool{}
	for i := range r.Rows {
		row := &r.Rows[i]
		at := place{row.Lane, row.Work}
		if !lanes[row.Lane] || !works[row.Work] || rows[at] {
			return noResult("a row of %.40q at %.40q, which is there twice, or of no lane or work", row.Lane, row.Work)
		}
		rows[at] = true
		if err := row.check(); err != nil {
			return err
		}
	}
	for _, c := range r.Connections {
		if !lanes[c.Lane] || !c.SetUp.sound() || !c.IdleKiB.sound() {
			return noResult("the connections of %.40q: no lane, or figures that are none", c.Lane)
		}
	}
	for _, k := range r.Rankings {
		seen := map[string]bool{}
		for _, l := range k.Lanes {
			if !rows[place{l, k.Work}] || seen[l] || r.Row(l, k.Work).CallsPerS == nil {
				return noResult("the ranking of %.40q has %.40q, which is there twice or was not measured", k.Work, l)
			}
			seen[l] = true
		}
	}
	return nil
}

func (row *Row) check() error {
	for _, s := range csvStats(row) {
		if !s.stat.sound() {
			return noResult("%s of %.40q at %.40q is no figure of 1 to %d turns", s.name, row.Lane, row.Work, maxTurns)
		}
	}
	if row.WireBytes != nil && !finite(*row.WireBytes) || len(row.Latency) > maxPoints {
		return noResult("bytes or latencies of %.40q at %.40q are out of range", row.Lane, row.Work)
	}
	for _, n := range []*int64{row.Late, row.Unsent} {
		if n != nil && *n < 0 {
			return noResult("%.40q at %.40q has fewer than no calls that were late or not sent", row.Lane, row.Work)
		}
	}
	for _, p := range row.Latency {
		if !finite(p.Quantile, p.US) || p.Quantile < 0 || p.Quantile > 1 || p.US < 0 {
			return noResult("the latencies of %.40q at %.40q are no distribution", row.Lane, row.Work)
		}
	}
	return nil
}

// sound reports whether a stat has what all who look at it rely on.
func (s *Stat) sound() bool {
	return s == nil || len(s.Turns) >= 1 && len(s.Turns) <= maxTurns && finite(s.Median, s.Min, s.Max) && finite(s.Turns...) &&
		s.Min <= s.Median && s.Median <= s.Max
}

func finite(of ...float64) bool {
	for _, x := range of {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}
