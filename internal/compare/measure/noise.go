package measure

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"
)

// The probe of Noise: pieces of work of about piece each, for probeFor in all,
// on each processor at the same time but at most on probeMost.
const (
	piece     = time.Millisecond
	probeFor  = 180 * time.Millisecond
	probeMost = 16
)

// Noise tells how noisy the machine is: many equal short pieces of work are done
// on all processors at the same time, and it returns how much longer than the
// middle one those took that only one in twenty exceeds; 0.05 is 5 %. A single
// long pause counts for little, what comes again and again for all that it is.
// Nothing else of the caller's should run meanwhile. It takes about 200 ms; if
// ctx ends before, it is -1.
func Noise(ctx context.Context) float64 {
	steps := stepsFor(piece)
	took := make([][]time.Duration, min(runtime.GOMAXPROCS(0), probeMost))
	var probes sync.WaitGroup
	end := time.Now().Add(probeFor)
	for i := range took {
		took[i] = make([]time.Duration, 0, 2*int(probeFor/piece))
		probes.Go(func() {
			state := seed
			for at := time.Now(); at.Before(end) && ctx.Err() == nil && len(took[i]) < cap(took[i]); {
				state = work(state, steps)
				now := time.Now()
				took[i] = append(took[i], now.Sub(at))
				at = now
			}
		})
	}
	probes.Wait()
	if ctx.Err() != nil {
		return -1
	}
	return slowShare(slices.Concat(took...))
}

// slowShare is by how much of the median the slowest twentieth exceeds it, at
// least. Of fewer than twenty it is the slowest that counts.
func slowShare(took []time.Duration) float64 {
	if len(took) == 0 {
		return -1
	}
	slices.Sort(took)
	slow, median := took[len(took)-1-len(took)/20], took[len(took)/2]
	return float64(slow)/float64(max(1, median)) - 1
}

// stepsFor is how many steps of work take about d, by the fastest of some trials.
func stepsFor(d time.Duration) int {
	const trial = 20_000
	best, state := time.Duration(1<<62), seed
	for range 20 {
		at := time.Now()
		state = work(state, trial)
		best = min(best, time.Since(at))
	}
	return int(max(1, trial*d/max(1, best)))
}

// seed is where work begins; any number but zero will do.
const seed uint64 = 88172645463325252

// work does something that takes the processor and nothing else: each step needs
// the result of the one before. They are those of xorshift, by Marsaglia.
//
//go:noinline
func work(state uint64, steps int) uint64 {
	for range steps {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
	}
	return state
}
