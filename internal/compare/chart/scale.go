package chart

import (
	"fmt"
	"math"
	"slices"
)

// Scale is an axis: it says where a value is, and which values to mark.
type Scale struct {
	lo, hi float64 // of what to is
	to     func(float64) float64
	kind   kind
	marks  []float64 // given ones
}

type kind int

const (
	linear kind = iota
	logarithmic
	percentile
)

// Zero is a linear scale from 0 to the largest of some values, none of which may
// be negative.
func Zero(values ...float64) (Scale, error) {
	hi := 0.0
	for _, v := range values {
		if !finite(v) || v < 0 {
			return Scale{}, refuse("an axis from zero", v)
		}
		hi = max(hi, v)
	}
	if hi == 0 {
		hi = 1
	}
	return Scale{0, hi, same, linear, nil}, nil
}

// Log is a logarithmic scale over some values, all above 0, widened to the next
// power of ten or twice or five times one.
func Log(values ...float64) (Scale, error) {
	if len(values) == 0 {
		return Scale{}, fmt.Errorf("%w: a logarithmic axis over no values", ErrValue)
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if !finite(v) || v <= 0 {
			return Scale{}, refuse("a logarithmic axis", v)
		}
		lo, hi = min(lo, math.Log10(v)), max(hi, math.Log10(v))
	}
	lo, hi = roundLog(lo, false), roundLog(hi, true)
	if hi-lo < math.Log10(2)/2 { // one value, which is a round one
		lo, hi = roundLog(lo-.1, false), roundLog(hi+.1, true)
	}
	return Scale{lo, hi, math.Log10, logarithmic, nil}, nil
}

// LogAt is a logarithmic scale that ends at the first and the last of some values,
// and marks them all.
func LogAt(values ...float64) (Scale, error) {
	s, err := Log(values...)
	if err != nil {
		return s, err
	}
	s.marks = slices.Compact(slices.Sorted(slices.Values(values)))
	if len(s.marks) > 1 {
		s.lo, s.hi = math.Log10(s.marks[0]), math.Log10(s.marks[len(s.marks)-1])
	}
	return s, nil
}

// roundLog returns the logarithm of the next power of ten, or two or five of them.
func roundLog(x float64, up bool) float64 {
	const little = 1e-9 // what is round already stays
	whole := math.Floor(x)
	steps := []float64{0, math.Log10(2), math.Log10(5), 1}
	if up {
		for _, s := range steps {
			if x-whole <= s+little {
				return whole + s
			}
		}
	}
	for _, s := range slices.Backward(steps) {
		if x-whole >= s-little {
			return whole + s
		}
	}
	return whole
}

// Percentiles is a scale over quantiles from lo to hi, below 1, on which the part
// of calls that take longer is logarithmic: as far from 90 % to 99 % as from there
// to 99.9 %. It marks the given ones.
func Percentiles(quantiles ...float64) (Scale, error) {
	for _, q := range quantiles {
		if !(q >= 0 && q < 1) {
			return Scale{}, refuse("a percentile axis", q)
		}
	}
	if len(quantiles) == 0 {
		return Scale{}, fmt.Errorf("%w: a percentile axis over no values", ErrValue)
	}
	marks := slices.Compact(slices.Sorted(slices.Values(quantiles)))
	s := Scale{nines(marks[0]), nines(marks[len(marks)-1]), nines, percentile, marks}
	if s.lo == s.hi {
		s.lo, s.hi = s.lo-1, s.hi+1
	}
	return s, nil
}

func same(v float64) float64 { return v }

// nines is how many nines a quantile has: 1 for 0.9, 2 for 0.99.
func nines(q float64) float64 { return -math.Log10(1 - q) }

// At is where a value is: 0 at the beginning of the axis, 1 at its end.
func (s Scale) At(v float64) (float64, error) {
	if s.to == nil {
		return 0, fmt.Errorf("%w: there is no axis", ErrValue)
	}
	at := (s.to(v) - s.lo) / (s.hi - s.lo)
	const little = 1e-6 // of rounding
	if !finite(v) || !finite(at) || at < -little || at > 1+little {
		return 0, refuse("on its axis", v)
	}
	return min(max(at, 0), 1), nil
}

// Ticks are values to mark, at most n of them unless they were given: round ones,
// 1, 2 or 5 times a power of ten.
func (s Scale) Ticks(n int) []float64 {
	switch {
	case s.marks != nil:
		return slices.Clone(s.marks)
	case s.kind == logarithmic:
		return s.logTicks(n)
	}
	n = max(n, 2)
	span := s.hi - s.lo
	step := math.Pow(10, math.Floor(math.Log10(span/float64(n))))
	for _, times := range []float64{1, 2, 5, 10} {
		if span/(step*times) <= float64(n-1) {
			step *= times
			break
		}
	}
	var ticks []float64
	for i := math.Ceil(s.lo / step); i*step <= s.hi*(1+1e-9) && len(ticks) < n; i++ {
		ticks = append(ticks, i*step)
	}
	return ticks
}

// decades are Ticks, but each power of ten of a logarithmic scale if these are at
// least two and at most n.
func (s Scale) decades(n int) []float64 {
	if s.kind != logarithmic || s.marks != nil {
		return s.Ticks(n - 2)
	}
	const little = 1e-9
	var ticks []float64
	for e := math.Ceil(s.lo - little); e <= s.hi+little; e++ {
		ticks = append(ticks, math.Pow(10, e))
	}
	if len(ticks) < 3 || len(ticks) > n {
		return s.Ticks(n - 2)
	}
	return ticks
}

func (s Scale) logTicks(n int) []float64 {
	const little = 1e-9
	from, to := int(math.Floor(s.lo+little)), int(math.Ceil(s.hi-little))
	for _, times := range [][]float64{{1, 2, 5}, {1, 3}, {1}} {
		var ticks []float64
		for e := from; e <= to; e++ {
			for _, t := range times {
				v := t * math.Pow10(e)
				if l := math.Log10(v); finite(v) && v > 0 && l >= s.lo-little && l <= s.hi+little {
					ticks = append(ticks, v)
				}
			}
		}
		if len(ticks) <= n && len(ticks) > 1 {
			return ticks
		}
	}
	every := max(1, (to-from)/max(n-1, 1)+1)
	var ticks []float64
	for e := from; e <= to; e += every {
		if v := math.Pow10(e); finite(v) && v > 0 && math.Log10(v) >= s.lo-little && math.Log10(v) <= s.hi+little {
			ticks = append(ticks, v)
		}
	}
	return ticks
}
