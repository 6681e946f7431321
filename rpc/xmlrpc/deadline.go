package xmlrpc

import (
	"context"
	"sync"
	"time"
)

// deadlineContext is a context with a deadline that costs a timer only if somebody
// waits for its end: most calls are over long before, and most functions never
// ask. It is ended by end.
type deadlineContext struct {
	parent   context.Context
	deadline time.Time

	mu     sync.Mutex      // protects what follows
	err    error           // of Err, which does not change any more
	inner  context.Context // of package context, once somebody waits; nil before
	cancel context.CancelFunc
}

// withDeadline returns a context that ends at deadline, or with parent if that
// is earlier.
func withDeadline(parent context.Context, deadline time.Time) *deadlineContext {
	if earlier, ok := parent.Deadline(); ok && earlier.Before(deadline) {
		deadline = earlier
	}
	return &deadlineContext{parent: parent, deadline: deadline}
}

// armed returns a context of package context that ends when c does.
func (c *deadlineContext) armed() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inner == nil {
		c.inner, c.cancel = context.WithDeadline(c.parent, c.deadline)
		if c.err != nil {
			c.cancel()
		}
	}
	return c.inner
}

// end ends c, unless it has ended by itself. It may be called again.
func (c *deadlineContext) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.look() == nil {
		c.err = context.Canceled
	}
	if c.cancel != nil {
		c.cancel()
	}
}

// look returns err, and sets it if c has ended by itself; c.mu is held. The clock
// counts, which may be a little ahead of the timer.
func (c *deadlineContext) look() error {
	switch {
	case c.err != nil:
	case c.inner != nil && c.inner.Err() != nil:
		c.err = c.inner.Err()
	case c.parent.Err() != nil:
		c.err = c.parent.Err()
	case !time.Now().Before(c.deadline):
		c.err = context.DeadlineExceeded
	}
	return c.err
}

// Deadline is part of [context.Context].
func (c *deadlineContext) Deadline() (time.Time, bool) { return c.deadline, true }

// Done is part of [context.Context].
func (c *deadlineContext) Done() <-chan struct{} { return c.armed().Done() }

// Err is part of [context.Context].
func (c *deadlineContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.look()
}

// Value is part of [context.Context]. Package context finds its own kind of parent
// by it, and then needs no goroutine for a child.
func (c *deadlineContext) Value(key any) any {
	c.mu.Lock()
	inner := c.inner
	c.mu.Unlock()
	if inner != nil {
		return inner.Value(key)
	}
	return c.parent.Value(key)
}
