package auth

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"
)

const (
	// workUnit is the memory that one check of a password takes, in KiB; one that
	// takes more counts as several.
	workUnit = 64 << 10
	// workMost bounds the units at the same time, however many processors there
	// are. Half as many as processors are worked on: the default has four threads,
	// so that more would not be faster, and those who need not be checked would
	// wait in a crowd of threads.
	workMost = 4
	// workQueue is how many checks may wait for their turn, and workWait for how
	// long.
	workQueue = 16
	workWait  = 2 * time.Second
)

// errNoRoom says that too many wait, or that the turn did not come in time.
var errNoRoom = errors.New("no room")

// workroom bounds the checks of passwords that are made at the same time: first
// come, first served.
type workroom struct {
	most int // units

	mu    sync.Mutex // protects what follows
	free  int        // units
	queue []*turn
}

// turn is a place in the queue.
type turn struct {
	units int
	ready chan struct{} // closed when the units are its own
}

func newWorkroom() *workroom {
	n := min(max(1, runtime.GOMAXPROCS(0)/2), workMost)
	return &workroom{most: n, free: n}
}

// enter waits until there is room for a check that takes memory KiB, and returns
// what gives the room back.
func (w *workroom) enter(ctx context.Context, memory int) (leave func(), err error) {
	units := min(max(1, (memory+workUnit-1)/workUnit), w.most)
	w.mu.Lock()
	if w.free >= units && len(w.queue) == 0 {
		w.free -= units
		w.mu.Unlock()
		return func() { w.leave(units) }, nil
	}
	if len(w.queue) >= workQueue {
		w.mu.Unlock()
		return nil, errNoRoom
	}
	t := &turn{units, make(chan struct{})}
	w.queue = append(w.queue, t)
	w.mu.Unlock()

	timer := time.NewTimer(workWait)
	defer timer.Stop()
	select {
	case <-t.ready:
		return func() { w.leave(units) }, nil
	case <-timer.C:
		err = errNoRoom
	case <-ctx.Done():
		err = ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := slices.Index(w.queue, t); i >= 0 {
		w.queue = slices.Delete(w.queue, i, i+1)
	} else {
		w.free += units // its turn came at the last moment
	}
	w.next() // those behind may need less
	return nil, err
}

func (w *workroom) leave(units int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.free += units
	w.next()
}

// next lets those in whose turn it is; w.mu is held.
func (w *workroom) next() {
	for len(w.queue) > 0 && w.queue[0].units <= w.free {
		w.free -= w.queue[0].units
		close(w.queue[0].ready)
		w.queue = slices.Delete(w.queue, 0, 1)
	}
}
