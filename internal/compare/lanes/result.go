package lanes

import (
	"math"
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
func (c *cell) row(lane, work string) compare.Row {
	r := compare.Row{Lane: lane, Work: work, Failed: c.refused}
	if c.refused != "" {
		return r
	}
	r.CallsPerS = stat(c.Rate)
	r.P50, r.P90, r.P99, r.P999, r.Max = stat(c.P50), c.quantile(0.9, c.P90), c.quantile(0.99, c.P99), c.quantile(0.999, c.P999), stat(c.Max)
	r.ClientCPU, r.ServerCPU = stat(c.ClientCPU), stat(c.ServerCPU)
	r.ClientAllocs, r.ServerAllocs = stat(c.ClientAllocs), stat(c.ServerAllocs)
	r.ClientAllocBytes, r.ServerAllocBytes = stat(c.ClientBytes), stat(c.ServerBytes)
	r.WireBytes = &c.wire
	r.Calls = c.Calls
	for _, p := range c.Latency.Points() {
		r.Latency = append(r.Latency, compare.Point{Quantile: p.Quantile, US: microseconds(p.Latency)})
	}
	return r
}

// beyond is how many calls must have taken longer than a quantile of latency for
// it to be told: the p99.9 of 50 calls is their maximum under another name.
const beyond = 10

// quantile returns the statistics of a quantile; nil if all calls together are too
// few for it. The middle is told of any number.
func (c *cell) quantile(q float64, turns []float64) *compare.Stat {
	if math.Round(float64(c.Calls)*(1-q)*1e6)/1e6 < beyond {
		return nil
	}
	return stat(turns)
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
