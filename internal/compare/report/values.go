package report

import (
	"math"

	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/internal/compare/chart"
)

// drawable reports whether a value has a place on a logarithmic axis.
func drawable(v float64) bool { return v > 0 && !math.IsInf(v, 0) }

// markOf is a figure as a point at x, nil if it cannot be drawn on a logarithmic
// axis.
func markOf(x float64, s *compare.Stat) *chart.Mark {
	if s == nil || !drawable(s.Median) || !drawable(s.Min) || !drawable(s.Max) {
		return nil
	}
	return &chart.Mark{X: x, Y: s.Median, Min: min(s.Min, s.Median), Max: max(s.Max, s.Median)}
}

// sum adds two figures turn by turn, so that the spread of the sum is that of the
// same moments. Where the turns are not there, the ends are not known either.
func sum(a, b *compare.Stat) (total *compare.Stat) {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	s := compare.Stat{Median: a.Median + b.Median}
	s.Min, s.Max = s.Median, s.Median
	if len(a.Turns) == len(b.Turns) {
		for i := range a.Turns {
			v := a.Turns[i] + b.Turns[i]
			s.Min, s.Max = min(s.Min, v), max(s.Max, v)
		}
	}
	return &s
}

// quantiles are those that are marked in a distribution.
func quantiles(row *compare.Row) []struct {
	q float64
	s *compare.Stat
} {
	return []struct {
		q float64
		s *compare.Stat
	}{{.5, row.P50}, {.9, row.P90}, {.99, row.P99}, {.999, row.P999}}
}

// distribution is the part of a row's latencies from p50 to p99.9, whose ends lie
// between two of its points.
func distribution(row *compare.Row) [][2]float64 {
	const from, to = .5, .999
	var line [][2]float64
	add := func(q, us float64) {
		if drawable(us) {
			line = append(line, [2]float64{q, us})
		}
	}
	for i, p := range row.Latency {
		if i > 0 {
			before := row.Latency[i-1]
			for _, end := range []float64{from, to} {
				if before.Quantile < end && end < p.Quantile {
					part := (end - before.Quantile) / (p.Quantile - before.Quantile)
					add(end, before.US+part*(p.US-before.US))
				}
			}
		}
		if p.Quantile >= from && p.Quantile <= to {
			add(p.Quantile, p.US)
		}
	}
	return line
}
