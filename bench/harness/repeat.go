package harness

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/parley-rpc/parley/bench/peers"
)

// repeat lets each of calls be repeated by a goroutine of its own, for ns
// nanoseconds or limit times each, and reports what all of it took. The first
// wrong answer ends it.
func repeat(ctx context.Context, calls []peers.Call, ns, limit int64) (Report, error) {
	callers := make([]caller, len(calls))
	start := make(chan time.Time)
	var running sync.WaitGroup
	for i := range calls {
		running.Go(func() {
			callers[i].repeat(ctx, calls[i], <-start, ns, limit)
		})
	}
	runtime.GC() // nobody pays for what another has left
	allocs := mallocs()
	cpu, err := cpuTime()
	begin := time.Now()
	for range calls {
		start <- begin
	}
	running.Wait()
	wall := time.Since(begin)
	after, errAfter := cpuTime()
	allocs = mallocs() - allocs

	var all histogram
	for i := range callers {
		err = errors.Join(err, callers[i].err)
		all.add(&callers[i].latencies)
	}
	if err = errors.Join(err, errAfter); err != nil {
		return Report{}, err
	}
	return Report{
		CPU: int64(after - cpu), Calls: all.n, Wall: int64(wall), Allocs: &allocs,
		P50: all.quantile(0.50), P99: all.quantile(0.99),
	}, nil
}

// caller is what one goroutine has seen.
type caller struct {
	latencies histogram
	err       error
	_         [64]byte // its neighbour's memory is another processor's
}

func (c *caller) repeat(ctx context.Context, call peers.Call, begin time.Time, ns, limit int64) {
	end := begin.Add(time.Duration(ns))
	for at := begin; ; { // one call is made by everybody
		if c.err = call(ctx); c.err != nil {
			return
		}
		now := time.Now()
		c.latencies.count(int64(now.Sub(at)))
		at = now
		if ns > 0 && !at.Before(end) || limit > 0 && c.latencies.n >= limit {
			return
		}
	}
}

// mallocs is how many objects this process has allocated.
func mallocs() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Mallocs)
}
