package measure

import (
	"errors"
	"fmt"
	"time"

	hdrhistogram "github.com/HdrHistogram/hdrhistogram-go"
)

// Latencies are counted from a nanosecond to highest; longer ones count as
// highest. Three significant digits: a quantile is at most 0.1 % off.
const (
	lowest  = 1
	highest = int64(10 * time.Minute)
	digits  = 3
)

// Histogram counts latencies: an HdrHistogram of 240 KiB, whatever it counts.
// It belongs to one goroutine at a time.
type Histogram struct {
	counts *hdrhistogram.Histogram
}

// NewHistogram returns one that is empty.
func NewHistogram() *Histogram {
	return &Histogram{hdrhistogram.New(lowest, highest, digits)}
}

// Record counts one latency. It allocates nothing.
func (h *Histogram) Record(d time.Duration) { h.recordN(d, 1) }

func (h *Histogram) recordN(d time.Duration, n int64) {
	// The one error that there is, a value out of range, cannot be.
	_ = h.counts.RecordValues(min(max(int64(d), 0), highest), n)
}

// Count is how many latencies were counted.
func (h *Histogram) Count() int64 { return h.counts.TotalCount() }

// Quantile returns the latency that q of 1 do not exceed: 0.5 is the median, 1
// the maximum. It is rounded to a whole number of latencies; of none it is 0.
func (h *Histogram) Quantile(q float64) time.Duration {
	return time.Duration(h.counts.ValueAtQuantile(q * 100))
}

// Knows reports whether there are enough latencies for a quantile: one at least
// must be beyond it. Of fewer, Quantile is the maximum under another name.
func (h *Histogram) Knows(q float64) bool {
	return float64(h.Count())*(1-q) >= 1-1e-9 // 1 - 0.9 is a little less than a tenth
}

// Merge adds what another one has counted.
func (h *Histogram) Merge(other *Histogram) { h.counts.Merge(other.counts) }

// Point is one point of a distribution.
type Point struct {
	Quantile float64       // from 0 to 1
	Latency  time.Duration // that this share of all did not exceed
}

// Points returns the distribution in at most a hundred points, from 0 to 1 and
// close together near the slow end; none if nothing was counted. Where there are
// too few latencies to tell, there are no points between.
func (h *Histogram) Points() []Point {
	n := h.Count()
	if n == 0 {
		return nil
	}
	points := []Point{{0, time.Duration(h.counts.Min())}}
	add := func(q float64) { points = append(points, Point{q, h.Quantile(q)}) }
	for percent := 2; percent <= 90; percent += 2 {
		add(float64(percent) / 100)
	}
	// Above nine tenths, nine steps for each further nine: 0.91 … 0.99, 0.991 …
	for rest, scale := 0.1, 10; rest*float64(n) > 1 && scale < 100_000; scale *= 10 {
		for step := range 9 {
			if q := 1 - rest + float64(step+1)/float64(scale*10); (1-q)*float64(n) >= 1 {
				add(q)
			}
		}
		rest /= 10
	}
	return append(points, Point{1, h.Quantile(1)})
}

// MarshalText returns the histogram in the format V2 of HdrHistogram, compressed
// and in base64: a kilobyte or so.
func (h *Histogram) MarshalText() ([]byte, error) {
	return h.counts.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
}

// UnmarshalText reads what MarshalText has written, in this process or another
// of the same program.
func (h *Histogram) UnmarshalText(text []byte) error {
	counts, err := hdrhistogram.Decode(text)
	if err != nil {
		return fmt.Errorf("measure: histogram: %w", err)
	}
	if counts.LowestTrackableValue() != lowest || counts.HighestTrackableValue() != highest || counts.SignificantFigures() != digits {
		return errors.New("measure: histogram: it is one of another program")
	}
	h.counts = counts
	return nil
}
