package harness

import "math/bits"

// histogram counts latencies in nanoseconds. Each power of two has 32 parts, so
// that a quantile is at most 3 % off. It takes no memory while it counts.
type histogram struct {
	n      int64
	counts [parts * (maxPower + 1)]uint32
}

const (
	partBits = 5
	parts    = 1 << partBits
	maxPower = 36 // parts<<35 ns are 18 minutes
)

func (h *histogram) count(ns int64) {
	h.n++
	h.counts[bucket(ns)]++
}

// bucket is the index for a latency: the power of two and the next five bits.
func bucket(ns int64) int {
	if ns < 0 {
		ns = 0
	}
	shift := max(0, bits.Len64(uint64(ns))-partBits-1)
	return min(shift*parts+int(ns>>shift), parts*(maxPower+1)-1)
}

// middle is a latency in the middle of a bucket.
func middle(bucket int) int64 {
	if bucket < 2*parts {
		return int64(bucket)
	}
	shift := bucket/parts - 1
	return int64(bucket-shift*parts)<<shift + int64(1)<<shift/2
}

func (h *histogram) add(other *histogram) {
	h.n += other.n
	for i, n := range other.counts {
		h.counts[i] += n
	}
}

// quantile returns the latency that q of 1 stay below, 0 if none was counted.
func (h *histogram) quantile(q float64) int64 {
	rank := min(int64(q*float64(h.n)), h.n-1)
	for i, n := range h.counts {
		if rank -= int64(n); rank < 0 && n > 0 {
			return middle(i)
		}
	}
	return 0
}
