package python

import (
	"context"
	"sync"
	"time"
)

// lazyContext is context.WithTimeout whose timer and channel cost only those who
// ask for Done, or derive a context. Most calls are over before anybody does, and
// a timer of its own for each of them would wake a thread that waits for the
// network.
type lazyContext struct {
	base     context.Context
	deadline time.Time

	mu     sync.Mutex
	real   context.Context // guarded by mu; nil: nobody has asked
	cancel func()          // guarded by mu; of real
	err    error           // guarded by mu; why it has ended before anybody asked
}

func newLazyContext(base context.Context, timeout time.Duration) *lazyContext {
	return &lazyContext{base: base, deadline: time.Now().Add(timeout)}
}

// Deadline implements context.Context.
func (c *lazyContext) Deadline() (time.Time, bool) {
	if d, ok := c.base.Deadline(); ok && d.Before(c.deadline) {
		return d, true
	}
	return c.deadline, true
}

// Done implements context.Context.
func (c *lazyContext) Done() <-chan struct{} { return c.ask().Done() }

// ask returns the context that package context makes of it.
func (c *lazyContext) ask() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.real == nil {
		c.real, c.cancel = context.WithDeadline(c.base, c.deadline)
		if c.err != nil {
			c.cancel()
		}
	}
	return c.real
}

// Err implements context.Context.
func (c *lazyContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.err != nil: // it stays, also if the deadline has passed since
	case c.real != nil:
		return c.real.Err()
	default:
		if c.err = c.base.Err(); c.err == nil && !time.Now().Before(c.deadline) {
			c.err = context.DeadlineExceeded
		}
	}
	return c.err
}

// Value implements context.Context.
func (c *lazyContext) Value(key any) any {
	c.mu.Lock()
	real := c.real
	c.mu.Unlock()
	if real != nil {
		return real.Value(key)
	}
	return c.base.Value(key)
}

// end ends the context, if it has not ended.
func (c *lazyContext) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.real != nil:
		c.cancel()
	case c.err == nil:
		c.err = context.Canceled
	}
}
