package harness

import (
	"math"
	"reflect"
	"testing"
)

func TestStatOf(t *testing.T) {
	for _, c := range []struct {
		samples []float64
		want    Stat
	}{
		{nil, Stat{}},
		{[]float64{7}, Stat{7, 7, 7, true, []float64{7}}},
		{[]float64{3, 1}, Stat{2, 1, 3, true, []float64{3, 1}}},
		{[]float64{9, 1, 2}, Stat{2, 1, 9, true, []float64{9, 1, 2}}},
		{[]float64{4, 100, 1, 2}, Stat{3, 1, 100, true, []float64{4, 100, 1, 2}}},
	} {
		if got := StatOf(c.samples...); !reflect.DeepEqual(got, c.want) {
			t.Errorf("StatOf(%v): got %+v; want %+v", c.samples, got, c.want)
		}
	}
}

func TestRatio(t *testing.T) {
	// The machine was three times slower in the second round.
	got := StatOf(8, 24, 10).Ratio(StatOf(4, 12, 4))
	if want := StatOf(2, 2, 2.5); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v; want %+v", got, want)
	}
	if got := StatOf(1).Ratio(StatOf()); got.Known {
		t.Errorf("to what is not known: got %+v; want that it is not known", got)
	}
	if got := StatOf(1, 2).Ratio(StatOf(0, 1)); !reflect.DeepEqual(got, StatOf(2)) {
		t.Errorf("to a zero: got %+v; want the other round alone", got)
	}
}

func TestHistogramQuantiles(t *testing.T) {
	var h, other histogram
	for ns := int64(1); ns <= 100_000; ns++ {
		if ns%2 == 0 {
			h.count(ns)
		} else {
			other.count(ns)
		}
	}
	h.add(&other)
	if h.n != 100_000 {
		t.Fatalf("got %d latencies; want 100000", h.n)
	}
	for _, q := range []float64{0, 0.01, 0.5, 0.99, 1} {
		want := max(1, q*100_000)
		if got := float64(h.quantile(q)); math.Abs(got-want) > 0.03*want {
			t.Errorf("quantile %v: got %v; want %v, 3 %% off at most", q, got, want)
		}
	}
	var empty histogram
	if got := empty.quantile(0.5); got != 0 {
		t.Errorf("of nothing: got %d; want 0", got)
	}
}

// Buckets rise with the latency, and the middle of each lies in it.
func TestHistogramBuckets(t *testing.T) {
	last := -1
	for ns := int64(0); ns < 1<<40; ns += 1 + ns/100 {
		b := bucket(ns)
		if b < last {
			t.Fatalf("bucket(%d): got %d; want at least %d", ns, b, last)
		}
		last = b
		if got := bucket(middle(b)); got != b {
			t.Fatalf("the middle of bucket %d is in bucket %d", b, got)
		}
	}
	for _, ns := range []int64{-1, math.MaxInt64} {
		if b := bucket(ns); b < 0 || b >= parts*(maxPower+1) {
			t.Errorf("bucket(%d): got %d", ns, b)
		}
	}
}
