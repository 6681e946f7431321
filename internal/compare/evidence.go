package compare

import (
	"math"
	"slices"
)

// How two lanes are told apart.
//
// Turn i of all lanes is of one time, so lanes are compared turn by turn: what
// slows the machine for a while slows both sides of a ratio. The logarithm of the
// ratio is used, for which twice as fast and half as fast are equally far from
// no difference.
//
// What is repeated is not the turn but the start. How the processors wake each
// other, and where memory came to lie, is settled when processes start and stays
// while they live: nine turns of one start agree with each other perfectly, and
// the next start may be twice as fast. So the turns of a start give one figure,
// their median, which a single disturbed turn does not move; and the figures of
// the starts are what a t-test looks at.
//
// A t-test of three figures knows next to nothing of how far figures are apart,
// and of one it knows nothing. So it is told what such machines do: as if four
// starts had been seen before, whose figures were as far apart as luck, the noise
// of the machine and the turns of one start give reason to expect. What is seen
// outweighs it as starts become more.
//
// And what lasts as long as a run, no run can see: the next may find the whole
// machine in another state. So even many starts that agree do not tell lanes
// apart that are nearly equal.
//
// A machine that has much else to do stops a process in the middle of a turn, for
// longer than a turn may be. Then turns scatter so far that the test above asks for
// ratios beyond reason, and what is ten times as fast in every turn would not be
// ranked. So lanes are told apart as well if all turns of one are faster than each
// turn of the other, and their medians are farther apart than starts ever are.
//
// The constants are those with which two runs do not contradict each other; see
// docs/decisions/021-too-close-to-call.md and TestTwoRunsAgree.
const (
	// luck is how far the figures of two starts are apart, as a standard deviation
	// of the logarithm, before any is seen.
	luck = 0.05
	// known is how many starts that is worth.
	known = 4
	// lasting is the same from run to run.
	lasting = 0.02
	// leastTurns is below how many nothing is told: one that was disturbed cannot be
	// seen among fewer.
	leastTurns = 3
	// distance is by how many times medians differ, of turns that do not overlap, for
	// lanes to be told apart whatever the scatter: starts explain a factor of two.
	distance = 3
	// blunt is by how many times two lanes may differ, as far as a run can tell, that
	// are too close to call. If it may be more, they were measured too seldom for how
	// far their turns are apart.
	blunt = 2
)

// figure is what the turns of a run say about one quantity. All is in logarithms.
type figure struct {
	centre float64 // the median of starts
	stderr float64 // the standard error of it
	df     int     // degrees of freedom that stderr has
	agree  bool    // all starts, and of five turns at least four, have the sign of centre
	apart  int     // as order, by the distance of all turns alone
	few    bool    // there are fewer than leastTurns
}

// ratioOf looks at the turns of two lanes.
func ratioOf(a, b []float64, rounds int, noise float64) figure {
	logs := make([]float64, len(a))
	for i := range logs {
		logs[i] = a[i] - b[i]
	}
	f := figureOf(logs, rounds, noise)
	switch far := median(a) - median(b); {
	case f.few || math.Abs(far) <= math.Log(distance):
	case slices.Min(a) > slices.Max(b):
		f.apart = 1
	case slices.Max(a) < slices.Min(b):
		f.apart = -1
	}
	return f
}

// figureOf looks at one turn after the other, so many to a start. Each is expected
// to be off by noise, or more if that is what is seen.
func figureOf(logs []float64, rounds int, noise float64) figure {
	var middles, off []float64
	above := 0
	for start := range slices.Chunk(logs, max(1, rounds)) {
		m := median(start)
		middles = append(middles, m)
		for _, x := range start {
			off = append(off, math.Abs(x-m))
			if x > 0 {
				above++
			}
		}
	}
	turns, starts := len(logs), len(middles)
	within := max(trimmedVariance(off, starts), noise*noise)
	// A median of n has the variance of a mean of n, times π/2.
	expected := luck*luck + math.Pi/2*within*float64(starts)/float64(turns)
	var mean, seen float64 // seen is the sum of squares, starts-1 times the variance
	for _, m := range middles {
		mean += m / float64(starts)
	}
	for _, m := range middles {
		seen += (m - mean) * (m - mean)
	}
	df := known + starts - 1
	return figure{
		centre: median(middles),
		stderr: math.Sqrt((known*expected + seen) / float64(df) / float64(starts)),
		df:     df,
		few:    turns < leastTurns,
		agree:  turns >= leastTurns && (slices.Min(middles) > 0 || slices.Max(middles) < 0) && min(above, turns-above) <= turns/5,
	}
}

// trimmedVariance is the variance of turns around the middle of their starts,
// from how far each is off. The fifth that is farthest off is not looked at: it
// is what else the machine did.
func trimmedVariance(off []float64, starts int) float64 {
	slices.Sort(off)
	kept := off[:len(off)-len(off)/5]
	sum := 0.0
	for _, x := range kept {
		sum += x * x
	}
	if len(kept) < len(off) {
		sum *= 2.28 // what the rest of a normal distribution has in place of all of it
	}
	return sum / float64(max(1, len(kept)-starts))
}

// order is 1 if a quantity is certainly above 1 (its logarithm above 0), -1 if
// below, and 0 if this run cannot tell.
func (f figure) order() int {
	if f.agree {
		if order := beyond(f.centre, math.Hypot(f.stderr, lasting), f.df); order != 0 {
			return order
		}
	}
	return f.apart
}

// within is the logarithm of by how many times it may differ from 1 at most: endless
// if that cannot be told.
func (f figure) within() float64 {
	if f.few {
		return math.Inf(1)
	}
	return math.Abs(f.centre) + student(f.df)*math.Hypot(f.stderr, lasting)
}

// seldom reports whether two lanes may differ by so much, as far as can be told, that
// it is no statement that they are close.
func (f figure) seldom() bool { return f.within() > math.Log(blunt) }

// beyond reports on which side of 0 a figure is, if it is that certain.
func beyond(centre, stderr float64, df int) int {
	switch margin := student(df) * stderr; {
	case centre > margin:
		return 1
	case centre < -margin:
		return -1
	}
	return 0
}

// ratio compares two stats turn by turn. False: they have no turns to compare, or
// a figure is nothing that has a ratio.
func (r *Result) ratio(a, b *Stat) (figure, bool) {
	if a == nil || b == nil || len(a.Turns) != len(b.Turns) {
		return figure{}, false
	}
	x, okA := logarithms(a.Turns)
	y, okB := logarithms(b.Turns)
	if !okA || !okB {
		return figure{}, false
	}
	return ratioOf(x, y, r.rounds(len(x)), r.noise()), true
}

// figure is what the turns of one quantity say. False: there are none, or one of
// them has no logarithm.
func (r *Result) figure(turns []float64) (figure, bool) {
	logs, ok := logarithms(turns)
	if !ok {
		return figure{}, false
	}
	return figureOf(logs, r.rounds(len(logs)), r.noise()), true
}

// logarithms is false for none, and for what has no logarithm.
func logarithms(turns []float64) ([]float64, bool) {
	logs := make([]float64, len(turns))
	for i, x := range turns {
		logs[i] = math.Log(x)
		if math.IsNaN(logs[i]) || math.IsInf(logs[i], 0) {
			return nil, false
		}
	}
	return logs, len(logs) > 0
}

// rounds is how many of so many turns are of one start.
func (r *Result) rounds(turns int) int {
	starts := max(1, r.Starts)
	return (turns + starts - 1) / starts
}

// noise is how far a turn is expected to be off, by the noise of the machine: that
// is by how much one in twenty pieces of a millisecond take longer, so that a piece
// is off by 0.22 of it, and a turn, which has room for many, by less.
func (r *Result) noise() float64 {
	slow := max(0, r.Machine.Noise)
	piece := 1 + slow/20 // on average
	return 0.22 * slow / piece / math.Sqrt(float64(max(1, r.TurnMS))/piece)
}

// student is the 0.995 quantile of Student's t distribution, so that 1 of 100
// figures with no difference are found to have one. From the last on, that one.
func student(df int) float64 {
	quantiles := [...]float64{
		63.657, 9.925, 5.841, 4.604, 4.032, 3.707, 3.499, 3.355, 3.250, 3.169,
		3.106, 3.055, 3.012, 2.977, 2.947, 2.921, 2.898, 2.878, 2.861, 2.845,
	}
	return quantiles[min(max(df, 1), len(quantiles))-1]
}
