package chart

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// What the dots are is read from the left to the right, in the order of the cases,
// also where more callers get less.
func TestCasesInTheirOrder(t *testing.T) {
	for falling, want := range map[bool]string{false: ">64 callers</text>", true: "dots, the small one first: 1, 8, 64 callers"} {
		p := sampleDots(t)
		x, err := Log(1, 1000)
		if err != nil {
			t.Fatal(err)
		}
		p.X, p.Rows = x, p.Rows[:1]
		p.Rows[0].Marks = []*Mark{{Y: 10, Min: 10, Max: 10}, {Y: 100, Min: 100, Max: 100}, {Y: 900, Min: 900, Max: 900}}
		if falling {
			slices.Reverse(p.Rows[0].Marks)
		}
		d, err := p.Draw()
		if err != nil {
			t.Fatal(err)
		}
		if got := d.File(); !strings.Contains(got, want) {
			t.Errorf("falling %v: got %s; want %q in it", falling, got, want)
		}
	}
}

// Each power of ten has a label, up to the one where the winners are.
func TestEachDecadeIsLabelled(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		want   string
	}{
		{50, 350_000, "[100 1000 10000 100000]"},
		{100, 1e6, "[100 1000 10000 100000 1e+06]"},
		{2, 30, "[3 10 30]"},             // one power of ten is too few
		{1, 1e9, "[1 10000 1e+08]"}, // and ten are too many
	} {
		s, err := Log(c.lo, c.hi)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(s.decades(6)); got != c.want {
			t.Errorf("%v to %v: got %s; want %s", c.lo, c.hi, got, c.want)
		}
	}
}
