// Package measure calls something for a while and counts: latency, processor
// time, allocations. It does not know what it calls.
//
//	Load  ->  Run  ->  Sample, with a Histogram of latencies
//
// Each caller is a goroutine of its own. Either it calls again when it has been
// answered (a closed loop: as many calls at a time as there are callers), or
// all of them share a schedule of calls (a fixed rate: what real users do, who
// do not wait for one another). A Stat is one figure over several turns, and
// Machine says where it was measured and how quiet it was there.
package measure

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Call is what is measured. It is called again and again by one goroutine.
type Call = func(context.Context) error

// MaxRate is the highest rate of a schedule, in calls per second.
const MaxRate = 10_000_000

// Load is what to call, and for how long. It ends with Duration or Limit,
// whatever is reached first; one of them has to be there.
type Load struct {
	// Calls has one for each caller, and so bounds what is under way at a time.
	Calls []Call
	// Duration is how long calls are made. Those that are under way at its end
	// are waited for; the time-out of a call is its own business.
	Duration time.Duration
	// Limit is how many calls each caller makes. Zero: as many as there is time for.
	Limit int64
	// Rate is calls per second of all callers together, at most MaxRate. Zero is
	// a closed loop. Otherwise call k is due k/Rate seconds after the begin. The
	// first caller that is free makes it; its latency counts from when it was
	// due, so that one slow answer is seen in all calls that had to wait for it.
	// Nothing is left out: see Sample.Late and Sample.Unsent.
	Rate float64
	// GoOn says whether it goes on after a call has failed. Callers call it at
	// the same time. Nil: the first failure ends it.
	GoOn func(error) bool
}

// Sample is what was counted. It survives JSON, for a child process that reports.
type Sample struct {
	Calls  int64 `json:"calls"`  // that succeeded
	Failed int64 `json:"failed"` // that failed, and GoOn let it go on
	// Late is how many calls of a fixed rate were sent more than LateAfter after
	// they were due, and Unsent how many were due and could not be sent at all.
	// The latter are in Latency with the time they had waited when it ended, the
	// least that they would have taken.
	Late   int64 `json:"late,omitempty"`
	Unsent int64 `json:"unsent,omitempty"`
	// Cut is how many calls the end of the context has ended that had waited longer
	// by then than all that were answered. They are in Latency with that time: a
	// server that stalls until somebody gives up is not one that was fast before.
	Cut int64 `json:"cut,omitempty"`

	// Wall is from the begin until the last answer; of a fixed rate, until the
	// schedule is over at least, or it would seem to be faster than it was.
	Wall time.Duration `json:"wall_ns"`
	// CPU is the processor time of this process, user and system, without Spun;
	// negative where it cannot be known.
	CPU time.Duration `json:"cpu_ns"`
	// Spun is processor time that was spent waiting for due times.
	Spun       time.Duration `json:"spun_ns,omitempty"`
	Allocs     int64         `json:"allocs"`      // objects that this process allocated
	AllocBytes int64         `json:"alloc_bytes"` // and their bytes
	// Latency has all calls, failed ones too.
	Latency *Histogram `json:"latency"`
}

// LateAfter is what a call of a fixed rate may be behind its schedule without
// counting as late.
const LateAfter = time.Millisecond

// PerSecond is the rate of calls that succeeded.
func (s *Sample) PerSecond() float64 {
	if s.Wall <= 0 {
		return 0
	}
	return float64(s.Calls) / s.Wall.Seconds()
}

// Run makes the calls of a load. The first failure that GoOn does not let pass
// ends it and is the error; so does the end of ctx, whose error it is then. With
// either, the sample has what was counted until then.
func Run(ctx context.Context, l Load) (Sample, error) {
	return run(ctx, l, pause)
}

func run(ctx context.Context, l Load, pause pauser) (Sample, error) {
	if err := l.check(); err != nil {
		return Sample{}, fmt.Errorf("measure: %w", err)
	}
	r := &running{load: l, latency: NewHistogram(), pause: pause, tickets: make(chan int64, 1)}
	callers := make([]*caller, len(l.Calls))
	start := make(chan time.Time)
	var wait sync.WaitGroup
	for i, call := range l.Calls {
		callers[i] = &caller{running: r, call: call, timer: time.NewTimer(0)}
		wait.Go(func() { callers[i].run(ctx, <-start) })
	}
	runtime.GC() // nobody pays for what another has left
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, known := cpuTime()
	begin := time.Now()
	r.tickets <- 0
	for range callers {
		start <- begin
	}
	wait.Wait()
	s := Sample{Wall: time.Since(begin), CPU: -1, Latency: r.latency}
	if used, ok := cpuTime(); ok && known {
		s.CPU = used - cpu
	}
	runtime.ReadMemStats(&after)
	s.Allocs = int64(after.Mallocs - before.Mallocs)
	s.AllocBytes = int64(after.TotalAlloc - before.TotalAlloc)

	errs := []error{ctx.Err()}
	for _, c := range callers {
		c.timer.Stop()
		s.Calls += c.calls
		s.Failed += c.failed
		s.Late += c.late
		s.Spun += c.spun
		errs = append(errs, c.err)
	}
	if s.CPU >= 0 {
		s.CPU = max(0, s.CPU-s.Spun)
	}
	s.Cut = cut(callers, r.latency)
	if l.Rate > 0 {
		s.Unsent = r.unsent(begin, time.Now())
	}
	if l.Rate > 0 && errors.Join(errs...) == nil {
		s.Wall = max(s.Wall, l.scheduleEnd())
	}
	for _, err := range errs { // one is enough: that of the context, or else the first caller's
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

// cut counts the calls that were ended and had waited longer than any other, and
// puts them into the histogram. Those that had waited less would have taken nobody
// knows how long.
func cut(callers []*caller, latency *Histogram) int64 {
	n, longest := int64(0), latency.Quantile(1)
	for _, c := range callers {
		if c.underWay > longest {
			latency.Record(c.underWay)
			n++
		}
	}
	return n
}

func (l *Load) check() error {
	switch {
	case len(l.Calls) == 0:
		return errors.New("there is nothing to call")
	case l.Duration < 0, l.Limit < 0:
		return fmt.Errorf("the duration is %v and the limit %d, expected 0 or more", l.Duration, l.Limit)
	case l.Duration == 0 && l.Limit == 0:
		return errors.New("there is neither a duration nor a limit")
	case !(l.Rate >= 0 && l.Rate <= MaxRate): // a NaN is neither
		return fmt.Errorf("the rate is %v calls per second, expected 0 (no fixed rate) to %d", l.Rate, MaxRate)
	}
	return nil
}

// running is what the callers of one run share.
type running struct {
	load    Load
	pause   pauser
	flying  atomic.Int64 // calls of a fixed rate that are under way
	tickets chan int64   // the number of the next call of a fixed rate; who has it waits for its time
	stopped atomic.Bool  // somebody has failed

	mu      sync.Mutex // protects latency
	latency *Histogram
}

// pauser waits, and returns what of it was spun; it may spin if no call is under
// way.
type pauser = func(d time.Duration, alone bool) time.Duration

// caller is what one goroutine has seen. Each is allocated on its own and is
// larger than a cache line, so that no two processors share one.
type caller struct {
	*running
	call         Call
	err          error
	calls        int64
	failed, late int64
	spun         time.Duration
	underWay     time.Duration // what a call had taken when ctx ended it
	timer        *time.Timer
	n            int
	waiting      [256]int64 // latencies that are not in the histogram yet
}

func (c *caller) run(ctx context.Context, begin time.Time) {
	if c.load.Rate > 0 {
		c.keepRate(ctx, begin)
	} else {
		c.repeat(ctx, begin)
	}
	c.flush()
}

// repeat is the closed loop.
func (c *caller) repeat(ctx context.Context, begin time.Time) {
	end := begin.Add(c.load.Duration)
	for at := begin; ; { // one call is made by everybody
		now, ok := c.one(ctx, at)
		if !ok || c.load.Duration > 0 && !now.Before(end) || c.load.Limit > 0 && c.calls+c.failed >= c.load.Limit {
			return
		}
		at = now
	}
}

// one makes a call whose latency counts from at, and returns when it ended;
// false if it was the last one.
func (c *caller) one(ctx context.Context, at time.Time) (time.Time, bool) {
	if c.stopped.Load() || ctx.Err() != nil {
		return at, false
	}
	err := c.call(ctx)
	now := time.Now()
	switch {
	case err == nil:
		c.calls++
	case ctx.Err() != nil: // it did not fail but was ended
		c.underWay = now.Sub(at)
		return now, false
	case c.load.GoOn == nil || !c.load.GoOn(err):
		c.err = err
		c.stopped.Store(true)
		return now, false
	default:
		c.failed++
	}
	c.waiting[c.n] = int64(now.Sub(at))
	if c.n++; c.n == len(c.waiting) {
		c.flush()
		if c.load.Rate == 0 {
			now = time.Now() // the next call has nothing to do with it
		}
	}
	return now, true
}

// flush takes latencies to the histogram that all callers share. A histogram
// for each caller would be simpler, but a quarter of a megabyte for each: as
// much heap lets the garbage collector run more rarely, and what is measured
// would depend on who measures.
func (c *caller) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ns := range c.waiting[:c.n] {
		c.latency.Record(time.Duration(ns))
	}
	c.n = 0
}
