package native

import (
	"context"
	"sync"
	"time"
)

// callContext is the context of a handler. It ends with its call's deadline, when
// the caller gives up, when the connection is lost, and when the handler has
// returned.
//
// It is one object where package context would make four: a channel, a timer and
// children cost only those who ask for them.
type callContext struct {
	base     context.Context // what it carries
	deadline time.Time       // zero: none
	reader   bool            // the handler runs on the reader
	returned bool            // guarded by mu; the handler has

	mu       sync.Mutex
	err      error                // guarded by mu; why it has ended
	done     chan struct{}        // guarded by mu; closed by end
	timer    *time.Timer          // guarded by mu; runs from the first Done on
	children map[*func()]struct{} // guarded by mu; called by end
}

func (c *callContext) Deadline() (time.Time, bool) { return c.deadline, !c.deadline.IsZero() }

func (c *callContext) Value(key any) any {
	if c.reader && key == (readerKey{}) {
		return c
	}
	return c.base.Value(key)
}

// readerKey gives the innermost callContext of a handler that runs on a reader.
type readerKey struct{}

// onReader reports whether a context is that of a handler which runs on a reader
// at this moment, or is derived from one.
func onReader(ctx context.Context) bool {
	c, ok := ctx.Value(readerKey{}).(*callContext)
	if !ok {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.returned
}

func (c *callContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.err != nil {
			close(c.done)
		} else if !c.deadline.IsZero() {
			c.timer = time.AfterFunc(time.Until(c.deadline), func() { c.end(context.DeadlineExceeded) })
		}
	}
	return c.done
}

func (c *callContext) Err() error {
	if !c.deadline.IsZero() && time.Until(c.deadline) <= 0 {
		c.end(context.DeadlineExceeded)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// AfterFunc has f called when the context ends. Package context looks for it,
// and then needs no goroutine for each child.
func (c *callContext) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		go f()
		return func() bool { return false }
	}
	if c.children == nil {
		c.children = map[*func()]struct{}{}
	}
	c.children[&f] = struct{}{}
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, waits := c.children[&f]
		delete(c.children, &f)
		return waits
	}
}

// leave ends the context of a handler that has returned.
func (c *callContext) leave() {
	c.mu.Lock()
	c.returned = true
	c.endLocked(context.Canceled)
}

// end ends the context, unless it has ended.
func (c *callContext) end(err error) {
	c.mu.Lock()
	c.endLocked(err)
}

// endLocked is end with mu held, which it unlocks.
func (c *callContext) endLocked(err error) {
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err = err
	if c.done != nil {
		close(c.done)
	}
	if c.timer != nil {
		c.timer.Stop()
	}
	children := c.children
	c.children = nil
	c.mu.Unlock()
	for f := range children {
		go (*f)()
	}
}
