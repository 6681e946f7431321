package harness

import "slices"

// Stat is one figure over all rounds.
type Stat struct {
	Median, Min, Max float64
	Known            bool
	Rounds           []float64 // the figure of each, in order
}

// StatOf returns the statistics of the figures of some rounds; of none they are
// not known.
func StatOf(rounds ...float64) Stat {
	if len(rounds) == 0 {
		return Stat{}
	}
	s := slices.Sorted(slices.Values(rounds))
	n := len(s)
	return Stat{Median: (s[(n-1)/2] + s[n/2]) / 2, Min: s[0], Max: s[n-1], Known: true, Rounds: rounds}
}

// Ratio is s divided by other, round by round: what disturbs a machine for a
// while disturbs both.
func (s Stat) Ratio(other Stat) Stat {
	var ratios []float64
	for i := range min(len(s.Rounds), len(other.Rounds)) {
		if other.Rounds[i] > 0 {
			ratios = append(ratios, s.Rounds[i]/other.Rounds[i])
		}
	}
	return StatOf(ratios...)
}
