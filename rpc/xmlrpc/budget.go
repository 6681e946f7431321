package xmlrpc

import (
	"context"
	"slices"
	"sync"
	"time"
)

// budgetWait is how long a body waits for room.
const budgetWait = 5 * time.Second

// budget shares out memory, in bytes: first come, first served.
type budget struct {
	mu      sync.Mutex // protects what follows
	left    int64
	waiting []*waiter
}

type waiter struct {
	n     int64
	ready chan struct{} // closed by the one who gives it its n bytes
}

func newBudget(n int64) *budget { return &budget{left: n} }

// reserve takes n bytes, at most all there are, and waits until it can. It
// reports false if ctx is done or too much time has passed before.
func (b *budget) reserve(ctx context.Context, n int64) bool {
	b.mu.Lock()
	if b.left >= n && len(b.waiting) == 0 {
		b.left -= n
		b.mu.Unlock()
		return true
	}
	w := &waiter{n: n, ready: make(chan struct{})}
	b.waiting = append(b.waiting, w)
	b.mu.Unlock()

	timer := time.NewTimer(budgetWait)
	defer timer.Stop()
	select {
	case <-w.ready:
		return true
	case <-ctx.Done():
	case <-timer.C:
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.Index(b.waiting, w)
	if i < 0 {
		return true // it came in the meantime
	}
	b.waiting = slices.Delete(b.waiting, i, i+1)
	b.serve() // those behind may need less
	return false
}

// release gives n bytes back.
func (b *budget) release(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left += n
	b.serve()
}

// serve lets those in whose turn it is; b.mu is held.
func (b *budget) serve() {
	for len(b.waiting) > 0 && b.waiting[0].n <= b.left {
		b.left -= b.waiting[0].n
		close(b.waiting[0].ready)
		b.waiting = slices.Delete(b.waiting, 0, 1)
	}
}
