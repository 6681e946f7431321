package compare

import (
	"cmp"
	"slices"
)

// Judge fills Rankings, Answer and Warnings from what was measured and tried. It
// may be called again, when something was added.
func (r *Result) Judge() {
	r.Rankings = r.rank()
	r.Warnings = r.warnings()
	r.Answer = r.answer()
}

// rank orders the lanes of each work by their median rate, and marks the pairs
// that this run cannot tell apart.
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
		rate := func(lane string) *Stat { return r.Row(lane, w.Name).CallsPerS }
		slices.SortStableFunc(k.Lanes, func(a, b string) int { return cmp.Compare(rate(b).Median, rate(a).Median) })
		for i, a := range k.Lanes {
			for _, b := range k.Lanes[i+1:] {
				if f, ok := r.ratio(rate(a), rate(b)); !ok || f.order() <= 0 {
					k.Close = append(k.Close, [2]string{a, b})
				}
			}
		}
		rankings = append(rankings, k)
	}
	return rankings
}

// faster is 1 if lane a is clearly faster than b at a work, -1 if it is clearly
// slower, and 0 if that is too close to call or one of them is not ranked. It
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
