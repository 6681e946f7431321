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

	mu     sync.Mutex // protects what follows
	ended  bool
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
		if c.ended {
			c.cancel()
		}
	}
	return c.inner
}

// end ends c, unless it has ended by itself. It may be called again.
func (c *deadlineContext) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	if c.inner == nil && c.early() != nil {
		c.inner, c.cancel = context.WithDeadline(c.parent, c.deadline) // keeps the cause
	}
	c.ended = true
	if c.cancel != nil {
		c.cancel()
	}
}

// early is Err while there is no timer.
func (c *deadlineContext) early() error {
	switch err := c.parent.Err(); {
	case err != nil:
		return err
	case !time.Now().Before(c.deadline):
		return context.DeadlineExceeded
	}
	return nil
}

// Deadline is part of [context.Context].
func (c *deadlineContext) Deadline() (time.Time, bool) { return c.deadline, true }

// Done is part of [context.Context].
func (c *deadlineContext) Done() <-chan struct{} { return c.armed().Done() }

// Err is part of [context.Context].
func (c *deadlineContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.inner != nil:
		// Its timer may be a little late. Who has learned from the clock that the time
		// is over must not be told otherwise.
		if err := c.inner.Err(); err != nil {
			return err
		}
	case c.ended:
		return context.Canceled
	}
	return c.early()
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
