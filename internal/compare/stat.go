package compare

import (
	"math"
	"slices"
)

// NewStat is the figure of each turn, with their median, least and greatest. It
// keeps turns, and is nil if there are none.
func NewStat(turns []float64) *Stat {
	if len(turns) == 0 {
		return nil
	}
	return &Stat{Median: median(turns), Min: slices.Min(turns), Max: slices.Max(turns), Turns: turns}
}

// Spread is how far the turns are from their median, as a part of it: four of
// five turns, and of fewer than five all, are within it. So 0.03 is ±3 %. One
// turn in which the machine did something else does not widen it.
func (s *Stat) Spread() float64 {
	if s == nil || len(s.Turns) == 0 || s.Median == 0 {
		return 0
	}
	off := make([]float64, len(s.Turns))
	for i, x := range s.Turns {
		off[i] = math.Abs(x - s.Median)
	}
	slices.Sort(off)
	return off[len(off)-len(off)/5-1] / math.Abs(s.Median)
}

// median of one value or more, which stay in their order.
func median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
