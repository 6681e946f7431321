package compare

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// A noise makes the logarithms of a lane's rates, turn by turn.
type noise struct {
	name string
	lane func(rnd *rand.Rand, starts, rounds int) []float64
}

// probe is the noise that the machine is found to have.
func (n noise) probe() float64 {
	if strings.HasPrefix(n.name, "stalls") {
		return .4
	}
	return .01
}

// white is noise that each turn has for itself.
func white(rnd *rand.Rand, starts, rounds int, sd float64) []float64 {
	logs := make([]float64, starts*rounds)
	for i := range logs {
		logs[i] = sd * rnd.NormFloat64()
	}
	return logs
}

// perStart adds to all turns of a start what of returns.
func perStart(logs []float64, rounds int, of func() float64) []float64 {
	for start := range slices.Chunk(logs, rounds) {
		x := of()
		for i := range start {
			start[i] += x
		}
	}
	return logs
}

// noises are those of machines: each has 3 % of white noise, or more.
func noises() []noise {
	var all []noise
	for _, sd := range []float64{.02, .05, .1} {
		all = append(all, noise{fmt.Sprintf("white %.0f %%", sd*100), func(rnd *rand.Rand, starts, rounds int) []float64 {
			return white(rnd, starts, rounds, sd)
		}})
	}
	// The machine becomes slower by 40 %, which no two lanes feel alike.
	all = append(all, noise{"drift", func(rnd *rand.Rand, starts, rounds int) []float64 {
		logs := white(rnd, starts, rounds, .03)
		sensitivity := 1 + .1*rnd.NormFloat64()
		for i := range logs {
			logs[i] += math.Log(.6) * sensitivity * float64(i) / float64(len(logs)-1)
		}
		return logs
	}})
	for _, sd := range []float64{.05, .1, .2} {
		all = append(all, noise{fmt.Sprintf("luck %.0f %%", sd*100), func(rnd *rand.Rand, starts, rounds int) []float64 {
			return perStart(white(rnd, starts, rounds, .03), rounds, func() float64 { return sd * rnd.NormFloat64() })
		}})
	}
	// One start of so many is half as fast.
	for _, p := range []float64{.2, .5} {
		all = append(all, noise{fmt.Sprintf("half in %.0f %%", p*100), func(rnd *rand.Rand, starts, rounds int) []float64 {
			return perStart(white(rnd, starts, rounds, .03), rounds, func() float64 {
				if rnd.Float64() < p {
					return -math.Ln2
				}
				return 0
			})
		}})
	}
	all = append(all, noise{"outlier", func(rnd *rand.Rand, starts, rounds int) []float64 {
		logs := white(rnd, starts, rounds, .03)
		logs[rnd.IntN(len(logs))] -= math.Log(3)
		return logs
	}})
	// A busy machine: one turn in so many takes 2 to 30 times as long.
	for _, p := range []float64{.1, .25} {
		all = append(all, noise{fmt.Sprintf("stalls in %.0f %%", p*100), func(rnd *rand.Rand, starts, rounds int) []float64 {
			logs := white(rnd, starts, rounds, .2)
			for i := range logs {
				if rnd.Float64() < p {
					logs[i] -= math.Log(2) + rnd.Float64()*math.Log(15)
				}
			}
			return logs
		}})
	}
	return all
}

// calls is how often a pair of lanes is called, and how often two runs then call
// it differently, which the first follows: runs have nothing to do with each other.
func calls(rnd *rand.Rand, n noise, ratio float64, starts, rounds, runs int) (called, contradicted float64) {
	var above, below float64
	for range runs {
		a, b := n.lane(rnd, starts, rounds), n.lane(rnd, starts, rounds)
		for i := range a {
			a[i] += math.Log(ratio)
		}
		switch ratioOf(a, b, rounds, n.probe()).order() {
		case 1:
			above++
		case -1:
			below++
		}
	}
	above, below = above/float64(runs), below/float64(runs)
	return above + below, 2 * above * below
}

// shape is how often something is measured, and how often two such runs may
// contradict each other about one pair, by the noise.
type shape struct {
	name           string
	starts, rounds int
	usual          float64 // whatever the noise, but for the next
	coin           float64 // lanes that are half as fast in some starts, or luck of 20 %
	clear          float64 // how often at least 1.5 times is called, with little noise
}

func shapes() []shape {
	return []shape{
		{"full", 7, 3, 0.0005, 0.0005, 0.99},
		{"normal", 3, 3, 0.002, 0.012, 0.9},
		{"quick", 1, 3, 0.002, 0.30, 0.65},
		{"full, works of long turns", 7, 1, 0.0005, 0.0005, 0.99},
	}
}

// Two runs on one machine do not call a pair differently; and what is clear is
// called. With -v this prints the table of docs/decisions/021-too-close-to-call.md.
func TestTwoRunsAgree(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	const runs = 3000
	for _, s := range shapes() {
		t.Logf("%s: %d starts of %d turns; called, and contradicted, of 1000", s.name, s.starts, s.rounds)
		for _, n := range noises() {
			line := fmt.Sprintf("  %-15s", n.name)
			bound := s.usual
			if n.name == "luck 20 %" || n.name == "half in 20 %" || n.name == "half in 50 %" {
				bound = s.coin
			}
			for _, ratio := range []float64{1, 1.02, 1.05, 1.1, 1.2, 1.5, 3, 10} {
				called, contradicted := calls(rnd, n, ratio, s.starts, s.rounds, runs)
				line += fmt.Sprintf("  %4.0f %6.2f", called*1000, contradicted*1000)
				if contradicted > bound {
					t.Errorf("%s, %s, ratio %v: two runs contradict each other with probability %.5f; want at most %v", s.name, n.name, ratio, contradicted, bound)
				}
				quiet := n.name == "white 2 %" || n.name == "white 5 %" || n.name == "drift" || n.name == "luck 5 %"
				if ratio == 1.5 && quiet && called < s.clear {
					t.Errorf("%s, %s: 1.5 times is called with probability %.3f; want at least %v", s.name, n.name, called, s.clear)
				}
			}
			t.Log(line)
		}
	}
}

// ladder is a result whose lanes have these rates, under a noise, with figures as
// two runs of one machine would have them.
func ladder(rnd *rand.Rand, n noise, rates []float64, starts, rounds int) *Result {
	r := &Result{Format: Format, Starts: starts, Rounds: rounds, TurnMS: 100, Machine: Machine{Noise: .2}}
	for w := range 4 {
		r.Works = append(r.Works, Work{Name: fmt.Sprint("work-", w), Title: fmt.Sprint("work ", w), Form: "add", Callers: 1})
		for i, rate := range rates {
			if w == 0 {
				r.Lanes = append(r.Lanes, Lane{Name: fmt.Sprint("lane-", i), Family: "native", Socket: "tcp"})
			}
			turns := n.lane(rnd, starts, rounds)
			for j := range turns {
				turns[j] = rate * math.Exp(turns[j])
			}
			r.Rows = append(r.Rows, Row{Lane: fmt.Sprint("lane-", i), Work: fmt.Sprint("work-", w), CallsPerS: NewStat(turns)})
		}
	}
	return r
}

// Two full comparisons on one machine order all lanes alike, or mark the pair:
// lanes that are alike, nearly so, and clearly apart, under each noise.
func TestTwoFullRunsRankAlike(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	rates := []float64{100, 101, 103, 100, 120, 180, 181, 400}
	for _, n := range noises() {
		pairs, called := 0, 0
		for range 30 {
			a, b := ladder(rnd, n, rates, 7, 3), ladder(rnd, n, rates, 7, 3)
			a.Judge()
			b.Judge()
			if d := Disagreements(a, b); len(d) > 0 {
				t.Errorf("%s: two runs disagree: %+v", n.name, d)
			}
			for _, k := range a.Rankings {
				all := len(k.Lanes) * (len(k.Lanes) - 1) / 2
				pairs += all
				called += all - len(k.Close)
			}
		}
		t.Logf("%-15s %.0f %% of %d pairs called", n.name, 100*float64(called)/float64(pairs), pairs)
	}
}

func TestDisagreements(t *testing.T) {
	a := quiet(rates{"a": {"native-tcp": 300, "xmlrpc": 100, "kolo": 50}, "b": {"native-tcp": 300, "xmlrpc": 100}})
	b := quiet(rates{"a": {"native-tcp": 100, "xmlrpc": 300, "kolo": 50}, "c": {"native-tcp": 100, "xmlrpc": 300}})
	a.Judge()
	b.Judge()
	want := []Disagreement{{"a", "native-tcp", "xmlrpc"}}
	if got := Disagreements(a, b); !slices.Equal(got, want) {
		t.Errorf("got %v; want %v", got, want)
	}
	if got := Disagreements(a, a); len(got) != 0 {
		t.Errorf("a run and itself: got %v; want none", got)
	}
	for _, close := range []*Result{a, b} { // either of them has marked the pair
		before := close.Rankings[0].Close
		close.Rankings[0].Close = [][2]string{{"native-tcp", "xmlrpc"}}
		if got := Disagreements(a, b); len(got) != 0 {
			t.Errorf("a pair that is marked: got %v; want none", got)
		}
		close.Rankings[0].Close = before
	}
}

func TestPlaces(t *testing.T) {
	k := &Ranking{Work: "w", Lanes: []string{"a", "b", "c", "d"}, Close: [][2]string{{"a", "c"}, {"c", "d"}}}
	for lane, want := range map[string][2]int{"a": {1, 2}, "b": {2, 2}, "c": {2, 4}, "d": {3, 4}, "e": {0, 0}} {
		if best, worst := k.Places(lane); [2]int{best, worst} != want {
			t.Errorf("%s: got places %d to %d; want %v", lane, best, worst, want)
		}
	}
}

// What is compared is turns of one time: a machine that becomes half as fast
// while it is measured does not hide that one lane is faster by a tenth.
func TestTurnsArePaired(t *testing.T) {
	r := quiet(rates{"a": {"native-tcp": 110, "xmlrpc": 100}})
	for i := range r.Rows {
		s := r.Rows[i].CallsPerS
		for j := range s.Turns {
			s.Turns[j] *= 1 - float64(j)/40
		}
		r.Rows[i].CallsPerS = NewStat(s.Turns)
	}
	r.Judge()
	if got := r.faster("native-tcp", "xmlrpc", "a"); got != 1 {
		t.Errorf("got %d; want that native-tcp is faster", got)
	}
}

// Figures that have no ratio, or not one for each turn, tell nothing.
func TestWhatCannotBeCompared(t *testing.T) {
	for name, other := range map[string]*Stat{
		"a turn without a call": NewStat([]float64{1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}),
		"fewer turns":           NewStat([]float64{1, 1, 1}),
		"endless":               NewStat(append(turns(1).Turns[:20], math.Inf(1))),
	} {
		r := quiet(rates{"a": {"native-tcp": 1000, "xmlrpc": 1}})
		r.Rows[1].CallsPerS = other
		r.Judge()
		if len(r.Rankings) != 1 || !r.Rankings[0].TooClose("xmlrpc", "native-tcp") {
			t.Errorf("%s: got %v; want that it is too close to call", name, r.Rankings)
		}
	}
}

// Few starts are not trusted: the same turns tell more if they are of more starts.
func TestFewStartsAreNotTrusted(t *testing.T) {
	for starts, want := range map[int]int{1: 0, 3: 0, 7: 1} {
		r := quiet(rates{"a": {"native-tcp": 112, "xmlrpc": 100}})
		r.Starts, r.Rounds = starts, 21/starts
		r.Judge()
		if got := r.faster("native-tcp", "xmlrpc", "a"); got != want {
			t.Errorf("1.12 times in %d starts: got %d; want %d", starts, got, want)
		}
	}
}

// A machine that is known to be noisy must show more.
func TestNoiseOfTheMachineCounts(t *testing.T) {
	for noise, want := range map[float64]int{.02: 1, 9: 0} {
		r := quiet(rates{"a": {"native-tcp": 115, "xmlrpc": 100}})
		r.Machine.Noise, r.TurnMS = noise, 20
		r.Judge()
		if got := r.faster("native-tcp", "xmlrpc", "a"); got != want {
			t.Errorf("noise %v: got %d; want %d", noise, got, want)
		}
	}
}

func TestChanges(t *testing.T) {
	before := quiet(rates{"a": {"native-tcp": 300, "xmlrpc": 100, "kolo": 50}, "b": {"native-tcp": 300, "xmlrpc": 0}})
	now := quiet(rates{"a": {"native-tcp": 450, "xmlrpc": 102, "py-mp": 50}, "b": {"native-tcp": 150, "xmlrpc": 100}})
	var got []string
	for _, c := range Changes(before, now) {
		got = append(got, fmt.Sprintf("%s %s %.2f %s", c.Lane, c.Work, c.Ratio, c.Verdict))
	}
	want := []string{"native-tcp a 1.50 faster", "xmlrpc a 1.02 close", "native-tcp b 0.50 slower"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
	before.Judge()
	now.Judge()
	now.Machine.Processors = 4
	var text strings.Builder
	if err := WriteChanges(&text, before, now, Style{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"  native-tcp  a  faster by 1.5 times: 451 calls/s, was 300\n", "  native-tcp  b  slower by 2.0 times: 150 calls/s, was 300\n",
		"1 faster, 1 slower, 1 too close to call. In the middle of all rows there are 1.02 times", `The number of processors is another: "4", was "0".`,
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("got %q; want %q in it", &text, want)
		}
	}
	text.Reset()
	if err := WriteChanges(&text, before, quiet(rates{"z": {"py-mp": 1}}), Style{}); err != nil || !strings.Contains(text.String(), "There is no row that both have.") {
		t.Errorf("got %q, %v; want that there is nothing to compare", &text, err)
	}
}
