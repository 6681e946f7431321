package measure

import (
	"context"
	"math"
	"runtime"
	"time"
)

// How a caller waits for the time at which a call is due. Measured on Linux
// with two cores: time.Sleep wakes up to 1.2 ms late, for the runtime waits for
// its timers in whole milliseconds; the system's own sleep, told to be exact,
// 0.04 ms late at the median and 0.1 ms in all but few cases. So a timer does
// but for the last milliseconds, which the system sleeps, and the last tenth of
// one is spun. It is not while calls are under way: a loop that never yields
// keeps back what has to run for their answers, and one that yields wakes
// everybody. Then a call may be sent 0.1 ms late, and that is in its latency.
//
// Only one caller waits like this at a time. What it spins is not counted as
// processor time of the calls.
const (
	coarse  = 3 * time.Millisecond   // above it, a timer
	spinFor = 100 * time.Microsecond // below it, a loop
)

// keepRate makes calls when they are due. The number of the next one goes from
// caller to caller: who holds it waits for its time, hands on the following
// number, and calls.
func (c *caller) keepRate(ctx context.Context, begin time.Time) {
	end := begin.Add(c.load.Duration)
	scheduled := c.load.scheduled()
	for {
		var number int64
		select {
		case number = <-c.tickets:
		case <-ctx.Done():
			return
		}
		if number >= scheduled {
			c.tickets <- number
			return
		}
		due := begin.Add(c.load.due(number))
		now, ok := c.waitFor(ctx, due)
		if !ok || c.stopped.Load() || c.load.Duration > 0 && !now.Before(end) {
			c.tickets <- number // nobody makes this call any more, nor any after it
			return
		}
		c.tickets <- number + 1
		if now.Sub(due) > LateAfter {
			c.late++
		}
		c.flying.Add(1)
		_, ok = c.one(ctx, due)
		c.flying.Add(-1)
		if !ok {
			return
		}
	}
}

// waitFor returns at or after due; false if ctx ended before.
func (c *caller) waitFor(ctx context.Context, due time.Time) (now time.Time, ok bool) {
	now = time.Now()
	if d := due.Sub(now); d > coarse {
		c.timer.Reset(d - coarse*2/3)
		select {
		case <-c.timer.C:
		case <-ctx.Done():
			return now, false
		}
		now = time.Now()
	}
	if d := due.Sub(now); d > 0 {
		c.spun += c.pause(d, c.flying.Load() == 0)
		now = time.Now()
	}
	return now, ctx.Err() == nil
}

// due is when a call is due, after the begin.
func (l *Load) due(number int64) time.Duration {
	return time.Duration(float64(number) / l.Rate * float64(time.Second))
}

// scheduled is how many calls are due in all.
func (l *Load) scheduled() int64 {
	n := int64(math.MaxInt64)
	if l.Duration > 0 {
		n = int64(math.Ceil(l.Duration.Seconds() * l.Rate))
	}
	if callers := int64(len(l.Calls)); l.Limit > 0 && l.Limit <= n/callers {
		n = l.Limit * callers
	}
	return n
}

// scheduleEnd is when the call behind the last one would be due, or when the time
// is over.
func (l *Load) scheduleEnd() time.Duration {
	end := l.due(l.scheduled())
	if l.Duration > 0 {
		end = min(end, l.Duration)
	}
	return end
}

// unsentSteps bounds the work of counting calls that were not sent, which may
// be many.
const unsentSteps = 1000

// unsent counts the calls that were due between begin and now and that nobody
// made, and puts them into the histogram. No caller is running any more.
func (r *running) unsent(begin, now time.Time) int64 {
	next := <-r.tickets
	elapsed := now.Sub(begin)
	if r.load.Duration > 0 {
		elapsed = min(elapsed, r.load.Duration)
	}
	n := min(r.load.scheduled(), int64(math.Ceil(elapsed.Seconds()*r.load.Rate))) - next
	if n <= 0 {
		return 0
	}
	step := (n + unsentSteps - 1) / unsentSteps
	for k := int64(0); k < n; k += step {
		few := min(step, n-k)
		waited := elapsed - r.load.due(next+k+few/2)
		r.latency.recordN(max(0, waited), few)
	}
	return n
}

// pause waits for a time that is no longer than a few milliseconds, and returns
// how much of it was spun.
func pause(d time.Duration, alone bool) (spun time.Duration) {
	due := time.Now().Add(d)
	var spin time.Duration
	if alone && runtime.GOMAXPROCS(0) > 1 {
		spin = spinFor
	}
	if d > spin {
		systemSleep(d - spin)
	}
	from := time.Now()
	if !from.Before(due) {
		return 0
	}
	if spin == 0 { // a signal woke it
		time.Sleep(due.Sub(from))
		return 0
	}
	now := from
	for now.Before(due) {
		now = time.Now()
	}
	return min(spin, now.Sub(from)) // longer: the system had taken the processor away
}
