package native

import (
	"fmt"
	"sync/atomic"

	"github.com/parley-rpc/parley/rpc"
)

// What the connections of a server take is shared out like this:
//
//	budget   one per Server: what is left of MaxMemory and of MaxCalls
//	purse    one per connection: what it has drawn, and what of that is in use
//
// The first bytes and calls of each connection come out of the purse itself. So a
// connection that makes small calls asks nobody, and is served when others have
// drawn all there is. Beyond that a purse draws in blocks, and gives back what it
// does not need.
const (
	defaultMaxMemory = 512 << 20
	defaultMaxTotal  = 16384

	// ownMemory and ownCalls are what a connection has for itself, in bytes and
	// calls.
	ownMemory = 128 << 10
	ownCalls  = 8

	// callMemory is what a call takes besides its message and values, in bytes: a
	// goroutine with a stack that has grown, the request, its context.
	callMemory = 8 << 10
)

// budget is shared by all connections of a server. Nil: there is none.
type budget struct {
	memory, calls pool
}

// pool is a number that is shared out.
type pool struct {
	total int64
	block int64 // what is drawn at once while there is plenty
	left  atomic.Int64
}

func newBudget(memory, calls int) *budget {
	b := &budget{}
	b.memory.fill(int64(memory), 256<<10)
	b.calls.fill(int64(calls), 32)
	return b
}

func (p *pool) fill(total, block int64) {
	p.total, p.block = total, min(block, total/256)
	p.left.Store(total)
}

// draw takes n or, while more than half is left, up to a block more than that.
// Zero: there is not as much.
func (p *pool) draw(n int64) (got int64) {
	for {
		left := p.left.Load()
		if got = n; left-n-p.block > p.total/2 {
			got += p.block
		}
		if got > left {
			return 0
		}
		if p.left.CompareAndSwap(left, left-got) {
			return got
		}
	}
}

// account is what one connection has of a pool. It is guarded like its purse.
type account struct {
	pool  *pool // nil: all is granted
	own   int64 // what needs not be drawn
	drawn int64
	used  int64
}

// take uses n more, if they are to be had.
func (a *account) take(n int64) bool {
	if short := a.used + n - a.own - a.drawn; short > 0 && a.pool != nil && n > 0 {
		got := a.pool.draw(short)
		if got == 0 {
			return false
		}
		a.drawn += got
	}
	a.used += n
	return true
}

// give ends the use of n.
func (a *account) give(n int64) {
	a.used -= n
	if a.drawn == 0 {
		return
	}
	switch needed := max(0, a.used-a.own); {
	case needed == 0:
		a.giveBack(a.drawn)
	case a.drawn-needed > 2*a.pool.block:
		a.giveBack(a.drawn - needed - a.pool.block)
	}
}

func (a *account) giveBack(n int64) {
	a.drawn -= n
	a.pool.left.Add(n)
}

// purse is what one connection takes.
type purse struct {
	memory, calls account
}

func newPurse(b *budget) purse {
	p := purse{memory: account{own: ownMemory}, calls: account{own: ownCalls}}
	if b != nil {
		p.memory.pool, p.calls.pool = &b.memory, &b.calls
	}
	return p
}

// close gives back what was drawn, whatever is still in use.
func (p *purse) close() {
	for _, a := range []*account{&p.memory, &p.calls} {
		if a.drawn > 0 {
			a.giveBack(a.drawn)
		}
	}
}

func (p *purse) errMemory() *rpc.Fault {
	if p.memory.pool == nil { // nothing is ever refused
		return nil
	}
	return rpc.Errorf(rpc.CodeOverLimit, "over limit: calls on all connections of this server together take its %d bytes of memory for them (MaxMemory); try again, or with a smaller message", p.memory.pool.total)
}

func (p *purse) errCalls() *rpc.Fault {
	return rpc.Errorf(rpc.CodeOverLimit, "over limit: %d calls at once on all connections of this server together (MaxCalls)", p.calls.pool.total)
}

// budgetOf checks the settings of a server and puts the defaults in place of
// zeros.
func budgetOf(memory, calls int, l Limits) (*budget, error) {
	if memory == 0 {
		memory = max(defaultMaxMemory, 2*l.MaxBuffered)
	}
	if calls == 0 {
		calls = max(defaultMaxTotal, l.MaxCalls)
	}
	switch {
	case memory < l.MaxMessage:
		return nil, fmt.Errorf("MaxMemory: got %d; want 0 (%d), or at least Limits.MaxMessage (%d)", memory, defaultMaxMemory, l.MaxMessage)
	case calls < 0:
		return nil, fmt.Errorf("MaxCalls: got %d; want 0 (%d) or more", calls, defaultMaxTotal)
	}
	return newBudget(memory, calls), nil
}
