package measure

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	hdrhistogram "github.com/HdrHistogram/hdrhistogram-go"
)

// spreads are distributions that latencies may have.
var spreads = map[string]func(*rand.Rand) time.Duration{
	"one value": func(*rand.Rand) time.Duration { return 12345 },
	"small":     func(r *rand.Rand) time.Duration { return time.Duration(r.IntN(3000)) },
	"even":      func(r *rand.Rand) time.Duration { return time.Duration(r.IntN(int(time.Second))) },
	"long tail": func(r *rand.Rand) time.Duration { return time.Duration(math.Exp(8 + 3*r.NormFloat64())) },
	"two humps": func(r *rand.Rand) time.Duration {
		return time.Duration(20e3+r.IntN(2)*40e6) + time.Duration(r.IntN(500))
	},
	"all powers": func(r *rand.Rand) time.Duration { return time.Duration(1) << r.IntN(39) },
}

// TestQuantileOfSorted compares quantiles with those of sorted slices.
func TestQuantileOfSorted(t *testing.T) {
	for name, next := range spreads {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			for _, n := range []int{1, 2, 3, 10, 999, 20_000} {
				h, all := NewHistogram(), make([]time.Duration, n)
				for i := range all {
					all[i] = next(random)
					h.Record(all[i])
				}
				slices.Sort(all)
				if h.Count() != int64(n) {
					t.Fatalf("counted %d; want %d", h.Count(), n)
				}
				for _, q := range []float64{0, 0.1, 0.5, 0.9, 0.99, 0.999, 1} {
					want := all[max(1, int(math.Round(q*float64(n))))-1]
					got := h.Quantile(q)
					if off := math.Abs(float64(got - want)); off > 1+float64(want)/1000 {
						t.Errorf("quantile %v of %d: got %d; want %d within 0.1 %%", q, n, got, want)
					}
				}
			}
		})
	}
}

// One call of a thousand is beyond the quantile 0.999; of 999 none need be.
func TestKnows(t *testing.T) {
	for q, least := range map[float64]int{0.5: 2, 0.9: 10, 0.99: 100, 0.999: 1000} {
		h := NewHistogram()
		for range least - 1 {
			h.Record(1)
		}
		if h.Knows(q) {
			t.Errorf("%d latencies tell the quantile %v; want that they do not", least-1, q)
		}
		if h.Record(1); !h.Knows(q) {
			t.Errorf("%d latencies do not tell the quantile %v", least, q)
		}
	}
}

func TestPoints(t *testing.T) {
	if points := NewHistogram().Points(); points != nil {
		t.Errorf("points of nothing: got %v; want none", points)
	}
	for name, next := range spreads {
		random := rand.New(rand.NewPCG(3, 4))
		for _, n := range []int{1, 5, 100, 50_000} {
			h := NewHistogram()
			for range n {
				h.Record(next(random))
			}
			points := h.Points()
			if len(points) < 2 || len(points) > 100 {
				t.Errorf("%s, %d: got %d points; want 2 to 100", name, n, len(points))
			}
			if first, last := points[0], points[len(points)-1]; first.Quantile != 0 || last != (Point{1, h.Quantile(1)}) {
				t.Errorf("%s, %d: from %v to %v; want from 0 to 1, the maximum", name, n, first, last)
			}
			for i, p := range points[1:] {
				if before := points[i]; p.Quantile <= before.Quantile || p.Latency < before.Latency {
					t.Errorf("%s, %d: %v follows %v; want them to rise", name, n, p, before)
				}
			}
		}
	}
}

// TestHistogramText takes a histogram through JSON, as a child's report.
func TestHistogramText(t *testing.T) {
	for name, next := range spreads {
		random := rand.New(rand.NewPCG(5, 6))
		for _, n := range []int{0, 1, 30_000} {
			s := Sample{Calls: int64(n), Latency: NewHistogram()}
			for range n {
				s.Latency.Record(next(random))
			}
			text, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			var got Sample
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatalf("%s, %d: %v", name, n, err)
			}
			if !got.Latency.counts.Equals(s.Latency.counts) || got.Latency.Count() != int64(n) {
				t.Errorf("%s, %d: the histogram came back different", name, n)
			}
			got.Latency.Merge(s.Latency) // and it goes on counting
			got.Latency.Record(time.Duration(highest))
			if count := got.Latency.Count(); count != int64(2*n+1) {
				t.Errorf("%s, %d: counts %d after a merge; want %d", name, n, count, 2*n+1)
			}
		}
	}
}

func TestHistogramTextOfOthers(t *testing.T) {
	coarse, err := hdrhistogram.New(lowest, highest, 2).Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "x", "AAAA", "HISTFAAAAAB42g==", string(coarse)} {
		if err := NewHistogram().UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q: got a histogram; want an error", text)
		}
	}
}

// TestHistogramBounds has latencies that do not fit.
func TestHistogramBounds(t *testing.T) {
	h := NewHistogram()
	h.Record(-5)
	h.Record(24 * time.Hour)
	if h.Count() != 2 || h.Quantile(0) != 0 || h.Quantile(1) < time.Duration(highest) {
		t.Errorf("got %d latencies from %v to %v; want 2, from 0 to %v", h.Count(), h.Quantile(0), h.Quantile(1), time.Duration(highest))
	}
}

func TestRecordAllocations(t *testing.T) {
	h := NewHistogram()
	if n := testing.AllocsPerRun(1000, func() { h.Record(123456) }); n != 0 {
		t.Errorf("got %v allocations; want none", n)
	}
}

func BenchmarkRecord(b *testing.B) {
	h := NewHistogram()
	b.ReportAllocs()
	var d time.Duration
	for b.Loop() {
		d = (d + 1237) % 1_000_000
		h.Record(d)
	}
}

func TestBars(t *testing.T) {
	h := NewHistogram()
	if bars := h.Bars(); len(bars) != 0 {
		t.Errorf("of nothing: got %v", bars)
	}
	for ns, n := range map[time.Duration]int64{30_000: 3, 19_000: 1, 21_000: 2, 150_000: 4, 199_000: 1} {
		h.recordN(ns, n)
	}
	want := []Bar{{10_000, 20_000, 1}, {20_000, 50_000, 5}, {50_000, 100_000, 0}, {100_000, 200_000, 5}}
	if got := h.Bars(); !slices.Equal(got, want) {
		t.Errorf("got %v; want %v", got, want)
	}
	for name, next := range spreads {
		random := rand.New(rand.NewPCG(7, 8))
		h, sum := NewHistogram(), int64(0)
		for range 10_000 {
			h.Record(next(random))
		}
		for i, bar := range h.Bars() {
			if sum += bar.Count; i > 0 && bar.From != h.Bars()[i-1].To {
				t.Errorf("%s: %v does not follow the one before", name, bar)
			}
		}
		if sum != 10_000 {
			t.Errorf("%s: got %d in all; want 10000", name, sum)
		}
	}
}
