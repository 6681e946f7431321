package compare

import (
	"cmp"
	"math"
	"slices"
)

// Judge fills Rankings, Answer, Summary and Warnings from what was measured and tried. It
// may be called again, when something was added.
func (r *Result) Judge() {
	r.Rankings = r.rank()
	r.Warnings = r.warnings()
	r.Answer = r.answer()
	r.Summary = r.summary()
}

// speed is what lanes are ranked by: calls per second, and at a rate that was
// given, at which all make as many, the latency that 99 of 100 calls keep to. It
// is nil if that is not known.
func (r *Result) speed(row *Row) *Stat {
	switch {
	case row == nil:
		return nil
	case r.Rate > 0:
		return row.P99
	}
	return row.CallsPerS
}

// ahead compares what lanes are ranked by. It is above 0 if a is the faster.
func (r *Result) ahead(a, b *Stat) (figure, bool) {
	if r.Rate > 0 {
		a, b = b, a
	}
	return r.ratio(a, b)
}

// lead is how many times as fast as b lane a is at a work; NaN if one is not known.
func (r *Result) lead(a, b, work string) float64 {
	x, y := r.speed(r.Row(a, work)), r.speed(r.Row(b, work))
	switch {
	case x == nil || y == nil:
		return math.NaN()
	case r.Rate > 0:
		x, y = y, x
	}
	return x.Median / y.Median
}

// rank orders the lanes of each work, the fastest first, and marks the pairs that
// this run cannot tell apart: those that it knows to be close, and those of which it
// knows too little. A lane whose speed is not known is last, and no pair with it can
// be told.
func (r *Result) rank() []Ranking {
	var rankings []Ranking
	for _, w := range r.Works {
		k := Ranking{Work: w.Name}
		for _, l := range r.Lanes {
			if row := r.Row(l.Name, w.Name); row != nil && row.CallsPerS != nil {
				k.Lanes = append(k.Lanes, l.Name)
			}
		}
		if len(k.Lanes) == 0 {
			continue
		}
		if r.Rate > 0 {
			k.By = "p99_us"
		}
		speed := func(lane string) *Stat { return r.speed(r.Row(lane, w.Name)) }
		slices.SortStableFunc(k.Lanes, func(a, b string) int {
			x, y := speed(a), speed(b)
			switch {
			case x == nil || y == nil:
				return cmp.Compare(unknown(x), unknown(y))
			case r.Rate > 0:
				return cmp.Compare(x.Median, y.Median)
			}
			return cmp.Compare(y.Median, x.Median)
		})
		for i, a := range k.Lanes {
			for _, b := range k.Lanes[i+1:] {
				f, ok := r.ahead(speed(a), speed(b))
				if ok && f.order() > 0 {
					continue
				}
				k.Close = append(k.Close, [2]string{a, b})
				if !ok || f.seldom() {
					k.Seldom = append(k.Seldom, [2]string{a, b})
				}
			}
		}
		rankings = append(rankings, k)
	}
	return rankings
}

// unknown orders what is not known behind what is.
func unknown(s *Stat) int {
	if s == nil {
		return 1
	}
	return 0
}

// faster is 1 if lane a is clearly faster than b at a work, -1 if it is clearly
// slower, and 0 if this run cannot tell or one of them is not ranked. It
// says what the rankings say.
func (r *Result) faster(a, b, work string) int {
	k := r.Ranking(work)
	if k == nil || k.TooClose(a, b) {
		return 0
	}
	i, j := slices.Index(k.Lanes, a), slices.Index(k.Lanes, b)
	if i < 0 || j < 0 {
		return 0
	}
	return cmp.Compare(j, i)
}

// Disagreement is a pair of lanes that two runs order differently, though neither
// has found it too close to call.
type Disagreement struct {
	Work          string
	Faster, Other string // in the first run
}

// Disagreements compares the rankings of two results. Works and lanes that one
// of them does not have are left out.
func Disagreements(a, b *Result) []Disagreement {
	var found []Disagreement
	for _, k := range a.Rankings {
		for i, first := range k.Lanes {
			for _, second := range k.Lanes[i+1:] {
				if a.faster(first, second, k.Work)*b.faster(first, second, k.Work) < 0 {
					found = append(found, Disagreement{k.Work, first, second})
				}
			}
		}
	}
	return found
}
