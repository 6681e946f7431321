package compare

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// A noise makes the logarithms of a lane's rates, turn by turn.
type noise struct {
	name string
	lane func(rnd *rand.Rand, starts, rounds int) []float64
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
	return append(all, noise{"outlier", func(rnd *rand.Rand, starts, rounds int) []float64 {
		logs := white(rnd, starts, rounds, .03)
		logs[rnd.IntN(len(logs))] -= math.Log(3)
		return logs
	}})
}

// calls is how often a pair of lanes is called, and how often two runs then call
// it differently, which the first follows: runs have nothing to do with each other.
func calls(rnd *rand.Rand, n noise, ratio float64, starts, rounds, runs int) (called, contradicted float64) {
	var above, below float64
	for range runs {
		a, b := n.lane(rnd, starts, rounds), n.lane(rnd, starts, rounds)
		for i := range a {
			a[i] += math.Log(ratio) - b[i]
		}
		switch figureOf(a, rounds, .02).order() {
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
			for _, ratio := range []float64{1, 1.02, 1.05, 1.1, 1.2, 1.5} {
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
