package lanes

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/internal/compare/harness"
	"github.com/parley-rpc/parley/internal/compare/measure"
)

// checkLatencies holds the latencies of a row to what is said of them: one population,
// and so none below one before it.
func checkLatencies(t *testing.T, name string, r *compare.Row, turns int) {
	t.Helper()
	if r.P50 == nil || r.Max == nil {
		t.Fatalf("%s: got p50 %v, max %v; want both", name, r.P50, r.Max)
	}
	n, before := len(r.P50.Turns), r.P50
	if n != 1 && n != turns {
		t.Errorf("%s: got a p50 of %d turns; want %d, or 1 of all", name, n, turns)
	}
	for _, q := range []struct {
		q float64
		s *compare.Stat
	}{{.9, r.P90}, {.99, r.P99}, {.999, r.P999}, {1, r.Max}} {
		s, enough := q.s, float64(r.Calls)*(1-q.q) > .999999
		switch {
		case s == nil:
			if q.q == 1 || q.q < .999 && enough {
				t.Errorf("%s: quantile %v of %d calls: got none", name, q.q, r.Calls)
			}
		case q.q < 1 && !enough:
			t.Errorf("%s: quantile %v of %d calls: got %+v; want it only where a call is beyond it", name, q.q, r.Calls, s)
		case len(s.Turns) != n:
			t.Errorf("%s: quantile %v: got %d turns; want %d, as p50 has", name, q.q, len(s.Turns), n)
		case s.Median < before.Median || s.Min < before.Min || s.Max < before.Max:
			t.Errorf("%s: quantile %v is %+v after %+v", name, q.q, s, before)
		default:
			before = s
		}
	}
}

// Whatever the turns are, the latencies of a row never fall from one quantile to the
// next: turns of few calls beside turns of many, most of them fast, some of them not.
func TestLatenciesNeverFall(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	pooled, whole := 0, 0
	for range 300 {
		var c cell
		turns := 1 + rnd.IntN(5)
		for range turns {
			calls := int64(1 + rnd.IntN([]int{9, 90, 400, 3000}[rnd.IntN(4)]))
			h, slow := measure.NewHistogram(), rnd.Float64()*rnd.Float64()
			for range calls {
				d := time.Duration(20+rnd.IntN(40)) * time.Microsecond
				if rnd.Float64() < slow {
					d *= time.Duration(1 + rnd.IntN(500))
				}
				h.Record(d)
			}
			c.Add(harness.Turn{Wall: time.Second, Calls: calls, Latency: h})
		}
		r := c.row("lane", "work", 0)
		checkLatencies(t, fmt.Sprintf("%d turns, %d calls", turns, c.Calls), &r, turns)
		if turns > 1 && len(r.P50.Turns) == 1 {
			pooled++
		} else {
			whole++
		}
	}
	if pooled < 50 || whole < 50 {
		t.Errorf("got %d rows of all calls together and %d of turns; want many of both", pooled, whole)
	}
}
