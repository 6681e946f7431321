package measure

import "slices"

// Stat is one figure over several turns.
type Stat struct {
	Median float64   `json:"median"`
	Min    float64   `json:"min"`
	Max    float64   `json:"max"`
	Turns  []float64 `json:"turns"` // the figure of each, in order
}

// StatOf returns the statistics of the figures of some turns; nil of none.
func StatOf(turns ...float64) *Stat {
	if len(turns) == 0 {
		return nil
	}
	s := slices.Sorted(slices.Values(turns))
	n := len(s)
	return &Stat{Median: (s[(n-1)/2] + s[n/2]) / 2, Min: s[0], Max: s[n-1], Turns: turns}
}

// Ratio is s divided by other, turn by turn: what disturbs a machine for a while
// disturbs both. Turns in which other is zero are left out; nil if none is left,
// or one of the two is nil.
func (s *Stat) Ratio(other *Stat) *Stat {
	if s == nil || other == nil {
		return nil
	}
	var ratios []float64
	for i := range min(len(s.Turns), len(other.Turns)) {
		if other.Turns[i] > 0 {
			ratios = append(ratios, s.Turns[i]/other.Turns[i])
		}
	}
	return StatOf(ratios...)
}
