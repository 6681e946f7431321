package compare

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
)

// quiet is a result with these rates, work by work, measured in seven starts that
// hardly differ.
func quiet(rates map[string]map[string]float64) *Result {
	r := &Result{Format: Format, Depth: "full", Starts: 7, Rounds: 3, TurnMS: 100}
	kinds := map[string]Lane{}
	for _, t := range traits() {
		kinds[t.Name] = t.Lane
	}
	lanes := map[string]bool{}
	for _, work := range slices.Sorted(maps.Keys(rates)) {
		w := Work{Name: work, Title: "the work " + work, Form: "add", Callers: 1}
		if form, n, ok := strings.Cut(work, "-"); ok {
			w.Form = form
			fmt.Sscan(n, map[bool]*int{true: &w.Callers, false: &w.Size}[form == "add" || form == "call"])
		}
		r.Works = append(r.Works, w)
		for _, lane := range slices.Sorted(maps.Keys(rates[work])) {
			if !lanes[lane] {
				lanes[lane] = true
				l := kinds[lane]
				if l.Name == "" {
					l = Lane{Name: lane, Title: lane, Family: "native", Socket: "tcp", Client: "Parley", Server: "a server"}
				}
				r.Lanes = append(r.Lanes, l)
			}
			row := Row{Lane: lane, Work: work}
			if rate := rates[work][lane]; rate > 0 {
				row.CallsPerS = turns(rate)
			} else {
				row.Failed = "it cannot"
			}
			r.Rows = append(r.Rows, row)
		}
	}
	return r
}

// turns are 21 that differ by 1 %.
func turns(x float64) *Stat {
	var all []float64
	for i := range 21 {
		all = append(all, x*(1+.01*math.Sin(float64(i))))
	}
	return NewStat(all)
}

type rates = map[string]map[string]float64

// mostWords is how long a sentence is that a person can say.
const mostWords = 42

// The answers stand in testdata/answers.txt. Write them anew with:
// go test ./internal/compare -run TestAnswer$ -update
func TestAnswer(t *testing.T) {
	var got bytes.Buffer
	for _, c := range answers() {
		if c.edit != nil {
			c.edit(c.result)
		}
		c.result.Judge()
		fmt.Fprintf(&got, "%s\n", c.name)
		if len(c.result.Answer) != 3 {
			t.Errorf("%s: got %d sentences; want 3", c.name, len(c.result.Answer))
		}
		for _, s := range c.result.Answer {
			fmt.Fprintf(&got, "    %s\n", s)
			if n := len(strings.Fields(s)); n > mostWords || strings.Count(s, "too close to call") > 1 {
				t.Errorf("%s: got %d words in %q; want at most %d, and a tie told once", c.name, n, s, mostWords)
			}
		}
		fmt.Fprintln(&got)
	}
	golden(t, "answers.txt", got.Bytes())
}

// What is said of the sample is what its figures are, lane by lane taken away.
func TestAnswerOfFewerLanes(t *testing.T) {
	r := sample()
	for len(r.Lanes) > 0 {
		r.Judge()
		if len(r.Answer) != 3 {
			t.Fatalf("got %d sentences; want 3", len(r.Answer))
		}
		for _, s := range r.Answer {
			if !strings.HasSuffix(s, ".") || strings.Contains(s, ". ") || strings.Contains(s, "NaN") || strings.Contains(s, "Inf") {
				t.Errorf("%d lanes: %q is not one sentence", len(r.Lanes), s)
			}
		}
		gone := r.Lanes[0].Name
		if text := strings.Join(r.Answer, " "); len(r.Lanes) == 10 && !strings.Contains(text, "2.3 times") {
			t.Errorf("got %q; want the ratio at add-1", text)
		}
		r.Lanes = r.Lanes[1:]
		r.Rows = slices.DeleteFunc(r.Rows, func(row Row) bool { return row.Lane == gone })
	}
}

func TestWarnings(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*Result)
		want string // in one of them; empty: none at all
	}{
		"nothing": {func(*Result) {}, ""},
		"race":    {func(r *Result) { r.Machine.Race = true }, "race detector"},
		"noise":   {func(r *Result) { r.Machine.Noise = 2 }, "one in twenty pieces of work took 3.0 times as long as usual"},
		"load":    {func(r *Result) { r.Machine.Load, r.Machine.Processors = 1.5, 2 }, "a load of 1.5 on 2 processors"},
		"clock": {func(r *Result) {
			r.Machine.ClockNS = 100_000
			r.Rows[0].P50 = turns(150)
		}, "steps of 100 µs, which is much beside the latencies of native-tcp at a"},
		"few starts": {func(r *Result) { r.Starts, r.Rounds = 1, 21 }, "started once, and how fast a process is depends on its start as well: what differs by less than 1.3 times"},
		"gaps":       {func(r *Result) { r.Gaps = []string{"A trial went wrong."} }, "A trial went wrong."},
		"few turns": {func(r *Result) {
			r.Starts, r.Rounds = 1, 1
			r.Rows[0].CallsPerS, r.Rows[1].CallsPerS = NewStat([]float64{30000}), NewStat([]float64{100})
		}, "1 turn at each work only"},
		"one disturbed turn": {func(r *Result) {
			r.Starts, r.Rounds = 1, 1
			r.Rows[0].CallsPerS, r.Rows[1].CallsPerS = NewStat([]float64{30000}), NewStat([]float64{100})
		}, "The one pair of lanes was measured too seldom to tell which is faster, and marked ?."},
		"scatter": {func(r *Result) { r.Rows[0].CallsPerS = NewStat([]float64{100, 200, 300}) }, "The turns of native-tcp at a differ by ±50 %: look at"},
		"a tie":   {func(r *Result) { r.Rows[1].CallsPerS = turns(300.1) }, "The one pair of lanes is too close to call"},
	} {
		r := quiet(rates{"a": {"native-tcp": 300, "xmlrpc": 100}})
		c.edit(r)
		r.Judge()
		all := strings.Join(r.Warnings, "\n")
		if c.want == "" && all != "" || !strings.Contains(all, c.want) {
			t.Errorf("%s: got %q; want %q", name, all, c.want)
		}
	}
}

func TestWords(t *testing.T) {
	for got, want := range map[string]string{
		grouped(0): "0", grouped(7): "7", grouped(0.5): "0.50", grouped(9.999): "10.0", grouped(99.96): "100", grouped(1234567.4): "1,234,567",
		grouped(-1234): "-1,234", grouped(-123.4): "-123", micro(12.34): "12.3 µs", micro(12340): "12.3 ms", micro(2.5e6): "2.50 s",
		size(999): "999 bytes", size(20 << 10): "20 KiB", size(3 << 20): "3 MiB", percent(.034): "3.4 %", percent(.34): "34 %",
		fold(1.04): "1.04", fold(1.2): "1.2", fold(9.96): "10", fold(1234): "1,234", twoDigits(.751): "0.75", twoDigits(.0312): "0.031", twoDigits(2): "2.0",
		list(nil): "", list([]string{"a"}): "a", list([]string{"a", "b", "c"}): "a, b and c", Count(1, "pair"): "1 pair", Times(3): "3 times",
	} {
		if got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
	if got := fmt.Sprint(turns(100).Spread(), NewStat([]float64{1, 1, 1, 1, 9}).Spread(), NewStat([]float64{1, 9, 1}).Spread(), NewStat(nil).Spread()); got[2:] == "" ||
		!strings.HasSuffix(got, " 0 8 0") {
		t.Errorf("got spreads %s; want a disturbed one of five to be left out, and one of three to count", got)
	}
}
