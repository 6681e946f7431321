package compare

import (
	"fmt"
	"math"
)

const (
	noisy    = 0.15 // Machine.Noise from which it is said
	apart    = 0.25 // Stat.Spread from which it is said
	few      = 3    // starts below which luck of the processes is not told from speed
	coarse   = 0.05 // step of the clock, as a part of the median latency, from which it is said
	occupied = 0.5  // Load for each processor from which it is said
)

// warnings are what a reader must know before he believes a figure.
func (r *Result) warnings() []string {
	var all []string
	warn := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	m := r.Machine
	if m.Race {
		warn("This program was built with the race detector, which makes it many times slower. Build it without -race.")
	}
	if m.Noise >= noisy {
		warn("The machine is noisy: of many equal ones, %s as usual. What else runs on it?", Noise(m.Noise))
	}
	if m.Load >= occupied*float64(max(1, m.Processors)) {
		warn("The machine was busy before this began: a load of %.1f on %s.", m.Load, Count(m.Processors, "processor"))
	}
	if row := r.coarsest(); row != nil {
		warn("The clock makes steps of %s, which is much beside the latencies of %s at %s: below that, the distribution is the clock's.",
			micro(float64(m.ClockNS)/1000), row.Lane, row.Work)
	}
	if turns := r.Starts * r.Rounds; turns < leastTurns && len(r.Lanes) > 1 {
		warn("There was time for %s at each work only, which tells nothing apart: the machine is too slow for that, or too busy.", Count(turns, "turn"))
	} else if few := r.Starts < few && len(r.Lanes) > 1; few && r.Depth == "against" {
		warn("The servers were measured as they run, and how fast one is depends on its start as well: %s.",
			r.threshold())
	} else if few {
		warn("The processes were started %s, and how fast a process is depends on its start as well: %s. --full starts them more often.",
			Times(r.Starts), r.threshold())
	}
	all = append(all, r.Gaps...)
	if text := r.scattered(); text != "" {
		warn("%s", text)
	}
	if text := r.ties(); text != "" {
		warn("%s", text)
	}
	return all
}

// surely is the logarithm of the least ratio that can be called, with the starts
// and turns that there were, if the turns do not scatter.
func (r *Result) surely() float64 {
	rounds := max(1, r.Rounds)
	f := figureOf(make([]float64, max(1, r.Starts)*rounds), rounds, r.noise())
	return min(student(f.df)*math.Hypot(f.stderr, lasting), math.Log(distance))
}

// threshold says what can be called.
func (r *Result) threshold() string {
	return "what differs by less than " + fold(math.Exp(r.surely())) + " times cannot be told apart"
}

// coarsest is the row whose latencies are least well told by the clock, nil if
// the clock tells all.
func (r *Result) coarsest() *Row {
	var worst *Row
	for i, row := range r.Rows {
		if row.P50 != nil && row.P50.Median*1000*coarse < float64(r.Machine.ClockNS) && (worst == nil || row.P50.Median < worst.P50.Median) {
			worst = &r.Rows[i]
		}
	}
	return worst
}

// scattered names the row whose turns differ most, and counts the others.
func (r *Result) scattered() string {
	var worst *Row
	n := 0
	for i, row := range r.Rows {
		if s := row.CallsPerS.Spread(); s >= apart {
			if n++; worst == nil || s > worst.CallsPerS.Spread() {
				worst = &r.Rows[i]
			}
		}
	}
	if worst == nil {
		return ""
	}
	others := ""
	if n > 1 {
		others = fmt.Sprintf(", as well as in %s", Count(n-1, "other row"))
	}
	return fmt.Sprintf("The turns of %s at %s differ by ±%s%s: look at its least and its greatest rate, and not at its median alone.",
		worst.Lane, worst.Work, percent(worst.CallsPerS.Spread()), others)
}

// ties counts the pairs whose order cannot be told.
func (r *Result) ties() string {
	n, seldom, all := 0, 0, 0
	for _, k := range r.Rankings {
		all += len(k.Lanes) * (len(k.Lanes) - 1) / 2
		n += len(k.Close)
		seldom += len(k.Seldom)
	}
	n -= seldom
	switch {
	case n+seldom == 0:
		return ""
	case all == 1 && seldom == 1:
		return "The one pair of lanes was measured too seldom to tell which is faster, and marked ?."
	case all == 1:
		return "The one pair of lanes is too close to call, and marked ≈."
	case seldom == 0:
		return fmt.Sprintf("Of %s of lanes, %d%s too close to call, and marked ≈.", Count(all, "pair"), n, be(n))
	case n == 0:
		return fmt.Sprintf("Of %s of lanes, %d%s measured too seldom to tell which is faster, and marked ?.", Count(all, "pair"), seldom, were(seldom))
	}
	return fmt.Sprintf("Of %s of lanes, %d%s too close to call, and marked ≈, and %d%s measured too seldom to tell which is faster, and marked ?.", Count(all, "pair"), n, be(n), seldom, were(seldom))
}
