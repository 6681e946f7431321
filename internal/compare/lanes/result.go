package lanes

import (
	"time"

	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/internal/compare/harness"
	"github.com/parley-rpc/parley/internal/compare/measure"
)

// cell is what was measured of one lane at one work.
type cell struct {
	harness.Figures
	refused string
	wire    float64
}

// row is a cell in the form of a result.
func (c *cell) row(lane, work string, rate float64) compare.Row {
	r := compare.Row{Lane: lane, Work: work, Failed: c.refused}
	if c.refused != "" {
		return r
	}
	r.CallsPerS = stat(c.Rate)
	c.latencies(&r)
	r.ClientCPU, r.ServerCPU = stat(c.ClientCPU), stat(c.ServerCPU)
	r.ClientAllocs, r.ServerAllocs = stat(c.ClientAllocs), stat(c.ServerAllocs)
	r.ClientAllocBytes, r.ServerAllocBytes = stat(c.ClientBytes), stat(c.ServerBytes)
	r.WireBytes = &c.wire
	r.Calls = c.Calls
	if rate > 0 {
		r.Late, r.Unsent = &c.Late, &c.Unsent
	}
	for _, p := range c.Latency.Points() {
		r.Latency = append(r.Latency, compare.Point{Quantile: p.Quantile, US: microseconds(p.Latency)})
	}
	return r
}

// latencies fills those of a row, all from one population, so that none is below one
// before it: the turns, if each has calls enough for p99, or else all calls together.
// A quantile for which these are too few is nil.
func (c *cell) latencies(r *compare.Row) {
	turns := c.Fewest.Knows(.99)
	for _, l := range []struct {
		to *(*compare.Stat)
		q  float64
		of []float64
	}{{&r.P50, .5, c.P50}, {&r.P90, .9, c.P90}, {&r.P99, .99, c.P99}, {&r.P999, .999, c.P999}, {&r.Max, 1, c.Max}} {
		always := l.q == .5 || l.q == 1
		switch {
		case turns && (always || c.Fewest.Knows(l.q)):
			*l.to = stat(l.of)
		case !turns && (always || c.Latency.Knows(l.q)):
			*l.to = stat([]float64{microseconds(c.Latency.Quantile(l.q))})
		}
	}
}

// stat returns the statistics of some turns; nil of none.
func stat(turns []float64) *compare.Stat {
	s := measure.StatOf(turns...)
	if s == nil {
		return nil
	}
	return &compare.Stat{Median: s.Median, Min: s.Min, Max: s.Max, Turns: s.Turns}
}

func microseconds(d time.Duration) float64 { return float64(d) / 1e3 }

func machine(m measure.MachineInfo, python string) compare.Machine {
	return compare.Machine{
		OS: m.OS, Kernel: m.Kernel, Processor: m.Processor, Processors: m.Processors,
		MemoryMiB: m.MemoryMiB, Go: m.Go, Python: python, Load: m.Load, Noise: m.Noise,
		ClockNS: m.ClockNS, Race: m.Race,
	}
}
