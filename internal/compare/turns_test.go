package compare

import (
	"strings"
	"testing"
)

// Fewer than three turns rank nothing, however far apart lanes are: one that the
// machine disturbed cannot be seen among them.
func TestTooFewTurnsRankNothing(t *testing.T) {
	for n, want := range map[int]string{
		1: "native-tcp ≈ kolo ≈ xmlrpc", 2: "native-tcp ≈ kolo ≈ xmlrpc", 3: "native-tcp > kolo > xmlrpc",
	} {
		r := quiet(rates{"add-1": {"native-tcp": 90000, "kolo": 3000, "xmlrpc": 100}})
		r.Depth, r.Starts, r.Rounds, r.TurnMS = "quick", 1, n, 40
		for i := range r.Rows {
			r.Rows[i].CallsPerS = NewStat(r.Rows[i].CallsPerS.Turns[:n])
		}
		r.Judge()
		if got := ranks(&r.Rankings[0]); got != want {
			t.Errorf("%d turns: got %s; want %s", n, got, want)
		}
		if mark := r.Rankings[0].Mark("kolo", "xmlrpc"); mark != map[bool]string{true: "?"}[n < 3] {
			t.Errorf("%d turns: got the mark %q", n, mark)
		}
		if cannot := strings.HasPrefix(r.Answer[0], "This run cannot say"); cannot != (n < 3) {
			t.Errorf("%d turns: got %q", n, r.Answer[0])
		}
	}
}

// A run that would not have seen a difference does not say that there is none.
func TestNoVerdictWithoutEvidence(t *testing.T) {
	for _, c := range answers() {
		if c.edit != nil {
			c.edit(c.result)
		}
		r := c.result
		r.Judge()
		a, b := r.contenders()
		if b == nil {
			continue
		}
		d := r.duel(a.Name, b.Name)
		if strings.Contains(r.Answer[0], " is no reason ") && d.within > narrow {
			t.Errorf("%s: got %q, though they may differ by %.1f times", c.name, r.Answer[0], d.within)
		}
		if strings.HasPrefix(r.Answer[0], "Take ") && (r.Starts*r.Rounds < 3 || (d.ties-d.few)*2 > d.works-d.few && d.within > narrow) {
			t.Errorf("%s: got %q of %d turns, with %d of %d works too close to call", c.name, r.Answer[0], r.Starts*r.Rounds, d.ties, d.works)
		}
	}
}

// At a rate that is given all make as many calls, and the one that answers sooner
// is first.
func TestRankedByLatencyAtARate(t *testing.T) {
	r := quiet(rates{"add-1": {"native-tcp": 500, "kolo": 501, "xmlrpc": 500, "py-mp": 500}})
	r.Rate = 500
	for lane, us := range map[string]float64{"native-tcp": 900, "xmlrpc": 100, "kolo": 101} {
		r.Row(lane, "add-1").P99 = turns(us)
	}
	r.Judge()
	if got, want := ranks(&r.Rankings[0]), "xmlrpc ≈ kolo > native-tcp ≈ py-mp"; got != want || r.Rankings[0].By != "p99_us" {
		t.Errorf("got %s by %q; want %s by p99_us", got, r.Rankings[0].By, want)
	}
	for _, s := range r.Answer {
		if strings.Contains(s, "faster") && !strings.Contains(s, "times as fast") {
			t.Errorf("got %q; want nothing said of speed", s)
		}
	}
	if want := "Take XML-RPC: at 500 calls/s over TCP it has a lower p99 than the native transport by 9.0 times (small calls)."; r.Answer[0] != want {
		t.Errorf("got %q; want %q", r.Answer[0], want)
	}
}

// The warning has a number only if that says something.
func TestThreshold(t *testing.T) {
	for noise, want := range map[float64]string{
		0: "what differs by less than 1.3 times cannot be told apart", 1000: "what differs by less than 3.0 times cannot be told apart",
	} {
		r := quiet(rates{"add-1": {"native-tcp": 300, "xmlrpc": 100}})
		r.Starts, r.Rounds, r.TurnMS, r.Machine.Noise = 1, 21, 1, noise
		r.Judge()
		if got := strings.Join(r.Warnings, "\n"); !strings.Contains(got, want) {
			t.Errorf("noise %v: got %q; want %q in it", noise, got, want)
		}
	}
}

// The summary has the figures of the rows, the better lane first.
func TestSummary(t *testing.T) {
	r := quiet(rates{
		"add-1": {"native-tcp": 100, "xmlrpc": 250}, "blob-1": {"native-tcp": 100, "xmlrpc": 100},
		"blob-2": {"native-tcp": 1, "xmlrpc": 1}, "blob-3": {"native-tcp": 100, "xmlrpc": 300},
	})
	costly(r)
	r.Connections = []Connection{{Lane: "native-tcp", SetUp: turns(400)}, {Lane: "xmlrpc"}}
	r.Judge()
	if r.Summary == nil || r.Summary.Lanes != [2]string{"xmlrpc", "native-tcp"} {
		t.Fatalf("got %+v; want XML-RPC beside native", r.Summary)
	}
	var got []string
	for _, l := range r.Summary.Lines {
		got = append(got, l.What+" "+twoDigits(l.Times)+map[bool]string{true: " ≈"}[l.Close])
	}
	want := "the work add-1 2.5, the work blob-1 1.00 ≈, the work blob-3 3.0, on the wire, the work add-1 0.097, processor time, the work add-1 2.5, p99, the work add-1 2.5"
	if strings.Join(got, ", ") != want {
		t.Errorf("got %s; want %s", strings.Join(got, ", "), want)
	}
}

// A run without Python is not another machine.
func TestBaselineWithoutPython(t *testing.T) {
	python := rates{"add-1": {"native-tcp": 300, "py-mp": 100}}
	without := rates{"add-1": {"native-tcp": 300, "xmlrpc": 100}}
	for _, c := range []struct {
		before, now rates
		want        bool
	}{{python, without, false}, {without, python, false}, {without, without, false}, {python, python, true}} {
		before, now := quiet(c.before), quiet(c.now)
		before.Machine.Python, now.Machine.Python = "3.11.7", "3.13.1"
		before.Judge()
		now.Judge()
		if got := strings.Contains(strings.Join(differences(before, now), " "), "Python is another"); got != c.want {
			t.Errorf("lanes %v and then %v: got %v; want %v", before.Lanes, now.Lanes, got, c.want)
		}
	}
}

func TestOneFormForEach(t *testing.T) {
	for got, want := range map[string]string{
		Micros(9_994): "9,994 µs", Micros(10_000): "10 ms", Micros(1e6): "1 s", timeText(NewStat([]float64{12_345}), "-"): "12.3 ms",
		timeText(NewStat([]float64{123}), "-"): "123", timeText(nil, "-"): "-",
		cpuText(NewStat([]float64{13.7}), nil): "13.7+?", cpuText(NewStat([]float64{1}), NewStat([]float64{20_000})): "0.00+20 ms",
		Noise(13.7): "one in twenty pieces of work took 15 times as long", Noise(.021): "one in twenty pieces of work took 1.02 times as long",
	} {
		if got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
}

// What a table says of lanes and works, it says once.
func TestTableNamesThings(t *testing.T) {
	write := func(r *Result) string {
		var b strings.Builder
		r.Judge()
		if err := WriteTable(&b, r, Style{Width: 100}); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	r := quiet(rates{"call-1": {"tcp://127.0.0.1:1": 100, "http://127.0.0.1:2/RPC2": 50}})
	against(r)
	r.Connections = []Connection{{Lane: "tcp://127.0.0.1:1", SetUp: turns(400)}}
	for line := range strings.Lines(write(r)) {
		if strings.Count(line, "tcp://127.0.0.1:1") > 1 {
			t.Errorf("got %q; want the URL once", line)
		}
	}
	r = quiet(rates{"add-1": {"native-tcp": 100, "py-mp": 50}})
	r.Abilities = sampleAbilities()
	got := write(r)
	for _, want := range []string{"the work add-1  [add-1]\n", "  py-mp       Python, multiprocessing over TCP; client and server: Python 3.11.7 multiprocessing\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %s; want %q in it", got, want)
		}
	}
	if strings.Contains(got, "report") {
		t.Errorf("got %s; want no file named that was not asked for", got)
	}
}

// Turns that scatter as on a busy machine rank what is many times as fast in every
// one of them, and no more than that; and what is known to be close has another mark
// than what is not known.
func TestFarApartIsRanked(t *testing.T) {
	for name, c := range map[string]struct {
		noise float64
		a, b  []float64
		want  string
	}{
		"ten times":             {25, []float64{140e3, 286e3, 190e3}, []float64{16e3, 30e3, 29e3}, ""},
		"four times":            {25, []float64{40, 41, 90}, []float64{10, 11, 12}, ""},
		"turns that overlap":    {25, []float64{140e3, 286e3, 190e3}, []float64{150e3, 3e3, 2e3}, "?"},
		"less than three times": {25, []float64{28, 29, 30}, []float64{10, 11, 12}, "?"},
		"two turns":             {25, []float64{280e3, 290e3}, []float64{30e3, 31e3}, "?"},
		"equal, on a quiet one": {0, []float64{100, 101, 102}, []float64{99, 101, 103}, "≈"},
		"equal, on a busy one":  {25, []float64{100, 101, 102}, []float64{99, 101, 103}, "?"},
		"no figure in a turn":   {0, []float64{100, 0, 102}, []float64{1, 1, 1}, "?"},
	} {
		for _, turned := range []bool{false, true} {
			a, b := c.a, c.b
			if turned {
				a, b = b, a
			}
			r := quiet(rates{"add-1": {"native-tcp": 1, "xmlrpc": 1}})
			r.Starts, r.Rounds, r.TurnMS, r.Machine.Noise = 1, len(a), 20, c.noise
			r.Row("native-tcp", "add-1").CallsPerS, r.Row("xmlrpc", "add-1").CallsPerS = NewStat(a), NewStat(b)
			r.Judge()
			k := &r.Rankings[0]
			if got := k.Mark("native-tcp", "xmlrpc"); got != c.want || k.Mark("xmlrpc", "native-tcp") != got {
				t.Errorf("%s, turned %v: got the mark %q; want %q", name, turned, got, c.want)
			}
			if k.TooClose("native-tcp", "xmlrpc") != (c.want != "") {
				t.Errorf("%s: got %v; want that all that is not ranked is among the pairs that are not", name, k.Close)
			}
		}
	}
}

// The part of what was tried that came first is no sample: there is no count of it.
func TestNoCountOfAPartOfTheTrials(t *testing.T) {
	r := quiet(rates{"add-1": {"native-tcp": 300, "xmlrpc": 100}})
	r.Abilities = sampleAbilities()
	for i, want := range []bool{true, false} {
		if i == 1 {
			r.Abilities[2].Lanes["xmlrpc"] = Outcome{Verdict: "untried", Note: "there was no time"}
		}
		r.Judge()
		if got := strings.Contains(r.Answer[2], "carried: "); got != want {
			t.Errorf("got %q; want a count: %v", r.Answer[2], want)
		}
	}
}

// If nothing is ranked, the third sentence says that, and not what is close to what.
func TestNothingRanked(t *testing.T) {
	r := quiet(rates{"add-1": {"native-tcp": 300, "xmlrpc": 100, "kolo": 50, "py-mp": 20}})
	spoilt(r, 4, 1, .1, 9)
	r.Judge()
	if want := "Nothing else can be ranked either."; r.Answer[2] != want {
		t.Errorf("got %q; want %q", r.Answer[2], want)
	}
	r.Abilities = sampleAbilities()
	r.Judge()
	if want := "Nothing else can be ranked either; carried: "; !strings.HasPrefix(r.Answer[2], want) {
		t.Errorf("got %q; want %q", r.Answer[2], want)
	}
	r = quiet(rates{"add-1": {"native-tcp": 300, "xmlrpc": 100, "kolo": 300, "py-mp": 20}})
	r.Row("py-mp", "add-1").CallsPerS = NewStat([]float64{20, 900})
	r.Judge()
	if want := "Also: kolo is too close to it to call, Python was measured too seldom to tell."; r.Answer[2] != want {
		t.Errorf("got %q; want %q", r.Answer[2], want)
	}
}
