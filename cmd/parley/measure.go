package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// work is something to call that can be done over every transport.
type work struct {
	name    string
	callers int // that call at the same time, over one client
	call    func(context.Context, rpc.Caller) error
}

// lane is one transport in a comparison.
type lane struct {
	name    string
	caller  rpc.Caller
	relayed rpc.Caller // the same through relay
	relay   *relay
}

// figures are what was measured of one work on one lane.
type figures struct {
	calls     int
	wall, cpu time.Duration
	cpuKnown  bool
	latencies []time.Duration // sorted
	bytes     float64         // on the wire for one call, both ways
}

func (f *figures) perSecond() float64 { return float64(f.calls) / f.wall.Seconds() }

// percentile returns the latency that p of 1 calls stay below.
func (f *figures) percentile(p float64) time.Duration {
	return f.latencies[min(int(p*float64(len(f.latencies))), len(f.latencies)-1)]
}

func (f *figures) cpuPerCall() time.Duration { return f.cpu / time.Duration(f.calls) }

const (
	rounds     = 3                      // each lane in turn, so many times
	slice      = 160 * time.Millisecond // that one lane is measured in one round
	share      = 2 * time.Second        // after which a work has no further round
	warmUp     = 30 * time.Millisecond
	byteSample = 20 // calls at most whose bytes are counted
)

// sideBySide measures one work on all lanes in turn. A call that fails, or gives
// a wrong answer, ends it.
func sideBySide(ctx context.Context, w work, lanes []lane) ([]figures, error) {
	begin := time.Now()
	all := make([]figures, len(lanes))
	for i, l := range lanes {
		if err := w.repeat(ctx, l.caller, warmUp, &figures{}); err != nil {
			return nil, fmt.Errorf("%s over %s: %w", w.name, l.name, err)
		}
		var err error
		if all[i].bytes, err = w.bytesPerCall(ctx, l); err != nil {
			return nil, fmt.Errorf("%s over %s: %w", w.name, l.name, err)
		}
	}
	for round := range rounds {
		if round > 0 && time.Since(begin) > share {
			break // a slow machine, or a busy one
		}
		for i, l := range lanes {
			runtime.GC() // nobody pays for what another has left
			if err := w.repeat(ctx, l.caller, slice, &all[i]); err != nil {
				return nil, fmt.Errorf("%s over %s: %w", w.name, l.name, err)
			}
		}
	}
	for i := range all {
		slices.Sort(all[i].latencies)
	}
	return all, nil
}

// repeat calls for a while and adds what it took to f.
func (w work) repeat(ctx context.Context, c rpc.Caller, d time.Duration, f *figures) error {
	latencies := make([][]time.Duration, w.callers)
	failures := make([]error, w.callers)
	cpu, known := cpuTime()
	begin := time.Now()
	end := begin.Add(d)
	var callers sync.WaitGroup
	for i := range w.callers {
		callers.Go(func() {
			for at := time.Now(); at.Before(end); {
				if failures[i] = w.call(ctx, c); failures[i] != nil {
					return
				}
				now := time.Now()
				latencies[i] = append(latencies[i], now.Sub(at))
				at = now
			}
		})
	}
	callers.Wait()
	f.wall += time.Since(begin)
	after, _ := cpuTime()
	f.cpu += after - cpu
	f.cpuKnown = known
	for i := range w.callers {
		if failures[i] != nil {
			return failures[i]
		}
		f.calls += len(latencies[i])
		f.latencies = append(f.latencies, latencies[i]...)
	}
	return nil
}

// bytesPerCall counts what goes over the relayed connection, which has been
// opened before.
func (w work) bytesPerCall(ctx context.Context, l lane) (float64, error) {
	if err := w.call(ctx, l.relayed); err != nil {
		return 0, err
	}
	before := l.relay.bytes.Load()
	calls := 0
	for end := time.Now().Add(slice); calls < byteSample && (calls == 0 || time.Now().Before(end)); calls++ {
		if err := w.call(ctx, l.relayed); err != nil {
			return 0, err
		}
	}
	return float64(l.relay.bytes.Load()-before) / float64(calls), nil
}
