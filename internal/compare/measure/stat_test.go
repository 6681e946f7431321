package measure

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestStat(t *testing.T) {
	for _, test := range []struct {
		turns            []float64
		median, min, max float64
	}{
		{[]float64{3}, 3, 3, 3},
		{[]float64{4, 2}, 3, 2, 4},
		{[]float64{9, 1, 5}, 5, 1, 9},
		{[]float64{8, 2, 4, 1}, 3, 1, 8},
	} {
		before := slices.Clone(test.turns)
		s := StatOf(test.turns...)
		if s.Median != test.median || s.Min != test.min || s.Max != test.max || !slices.Equal(s.Turns, before) {
			t.Errorf("%v: got %+v; want median %v, from %v to %v, in order", before, *s, test.median, test.min, test.max)
		}
	}
	if s := StatOf(); s != nil {
		t.Errorf("of nothing: got %+v; want nil", *s)
	}
}

func TestRatio(t *testing.T) {
	a, b := StatOf(10, 200, 30), StatOf(5, 100, 10)
	if got := a.Ratio(b); !slices.Equal(got.Turns, []float64{2, 2, 3}) || got.Median != 2 {
		t.Errorf("got %+v; want 2, 2, 3, turn by turn", *got)
	}
	if got := a.Ratio(StatOf(0, 100)); !slices.Equal(got.Turns, []float64{2}) {
		t.Errorf("got %+v; want the one turn that both have, without the zero", *got)
	}
	for _, none := range []*Stat{a.Ratio(nil), (*Stat)(nil).Ratio(b), a.Ratio(StatOf(0, 0))} {
		if none != nil {
			t.Errorf("got %+v; want nil", *none)
		}
	}
}

func TestMachine(t *testing.T) {
	m := Machine(t.Context())
	if m.OS != runtime.GOOS+"/"+runtime.GOARCH || !strings.HasPrefix(m.Go, "go") || m.Processors < 1 {
		t.Errorf("got %+v", m)
	}
	if runtime.GOOS == "linux" && (m.Kernel == "" || m.MemoryMiB < 16 || m.Load < 0) {
		t.Errorf("got %+v; want kernel, memory and load", m)
	}
	if m.Noise < 0 || m.Noise > 1e6 {
		t.Errorf("got noise %v; want 0 or more", m.Noise)
	}
	ctx, cancel := context.WithTimeout(t.Context(), probeFor/2)
	defer cancel()
	if got := Machine(ctx).Noise; got != -1 {
		t.Errorf("got noise %v although nobody waits for it; want -1", got)
	}
}

func TestSlowShare(t *testing.T) {
	took := make([]time.Duration, 100)
	for i := range took {
		took[i] = 1000
	}
	if got := slowShare(slices.Clone(took)); got != 0 {
		t.Errorf("all the same: got %v; want 0", got)
	}
	took[3] = time.Hour
	if got := slowShare(slices.Clone(took)); got != 0 {
		t.Errorf("one of a hundred: got %v; want 0", got)
	}
	took[3] = 1000
	for i := range 6 {
		took[i*7] = time.Duration(2000 - 100*i)
	}
	if got := slowShare(took); got != 0.5 {
		t.Errorf("six from 1500 to 2000: got %v; want 0.5", got)
	}
	if got := slowShare([]time.Duration{4, 5}); got != 0 {
		t.Errorf("two: got %v; want 0, by the slower one", got)
	}
}
