package harness

import "slices"

// Stat is one figure over all rounds.
type Stat struct {
	Median, Min, Max float64
	Known            bool
}

// statOf returns the statistics of samples; of none it is not known.
func statOf(samples []float64) Stat {
	if len(samples) == 0 {
		return Stat{}
	}
	s := slices.Sorted(slices.Values(samples))
	n := len(s)
	return Stat{Median: (s[(n-1)/2] + s[n/2]) / 2, Min: s[0], Max: s[n-1], Known: true}
}
