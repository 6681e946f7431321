package harness

import (
	"time"

	"github.com/parley-rpc/parley/internal/compare/measure"
)

// Figures are those of one peer at one work, turn by turn. A figure that cannot
// be known has no turns.
type Figures struct {
	Rate                       []float64 // calls per second
	P50, P90, P99, P999, Max   []float64 // microseconds; in a turn of few calls some are the maximum, see Fewest
	ClientCPU, ServerCPU       []float64 // microseconds for one call
	CPU                        []float64 // both together
	ClientAllocs, ServerAllocs []float64 // objects for one call
	ClientBytes, ServerBytes   []float64 // bytes allocated for one call

	Calls   int64 // in all turns, as those that were late and that were not sent
	Late    int64
	Unsent  int64
	Fewest  *measure.Histogram // of the turn with the fewest calls; nil before the first
	Latency *measure.Histogram // of all turns; nil before the first
}

// Add adds what a turn gave.
func (f *Figures) Add(t Turn) {
	calls := float64(t.Calls)
	us := func(d time.Duration) float64 { return float64(d) / 1e3 }
	cpu := func(to *[]float64, d *time.Duration) {
		if d != nil {
			*to = append(*to, us(*d)/calls)
		}
	}
	count := func(to *[]float64, n *int64) {
		if n != nil {
			*to = append(*to, float64(*n)/calls)
		}
	}
	f.Rate = append(f.Rate, calls/t.Wall.Seconds())
	for _, q := range []struct {
		to *[]float64
		q  float64
	}{{&f.P50, 0.5}, {&f.P90, 0.9}, {&f.P99, 0.99}, {&f.P999, 0.999}, {&f.Max, 1}} {
		*q.to = append(*q.to, us(t.Latency.Quantile(q.q)))
	}
	cpu(&f.ClientCPU, t.ClientCPU)
	cpu(&f.ServerCPU, t.ServerCPU)
	if t.ClientCPU != nil && t.ServerCPU != nil {
		cpu(&f.CPU, new(*t.ClientCPU+*t.ServerCPU))
	}
	count(&f.ClientAllocs, t.ClientAllocs)
	count(&f.ServerAllocs, t.ServerAllocs)
	count(&f.ClientBytes, t.ClientAllocBytes)
	count(&f.ServerBytes, t.ServerAllocBytes)

	f.Calls += t.Calls
	f.Late += t.Late
	f.Unsent += t.Unsent
	if f.Fewest == nil || t.Latency.Count() < f.Fewest.Count() {
		f.Fewest = t.Latency
	}
	if f.Latency == nil {
		f.Latency = measure.NewHistogram()
	}
	f.Latency.Merge(t.Latency)
}
