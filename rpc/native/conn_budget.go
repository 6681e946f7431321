package native

import (
	"fmt"
	"sync"

	"github.com/parley-rpc/parley/rpc"
)

// tab is what an object connection takes of the budget of its server.
type tab struct {
	mu       sync.Mutex
	purse    purse // guarded by mu
	arriving int   // guarded by mu; bytes counted for the message that is arriving
}

func (t *tab) take(n int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.purse.memory.take(int64(n)) {
		return t.purse.errMemory()
	}
	return nil
}

func (t *tab) give(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.purse.memory.give(int64(n))
}

// arrive counts a message that is arriving and has memory for n bytes now.
func (t *tab) arrive(n int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.purse.memory.take(int64(n - t.arriving)) {
		return false
	}
	t.arriving = n
	return true
}

// arrived counts it no more.
func (t *tab) arrived() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.purse.memory.give(int64(t.arriving))
	t.arriving = 0
}

// fault says why a message was dropped.
func (t *tab) fault() *rpc.Fault {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.purse.errMemory()
}

// close gives all back. What is taken afterwards is not counted.
func (t *tab) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.purse.close()
	t.purse = purse{}
}

// Hold counts n more bytes of memory that are taken for the peer, n not negative,
// until they are given to Release: messages that were received and are at work,
// what they are decoded to, answers. What is arriving is counted without that. An
// error is an *rpc.Fault which says that the connections of the server have taken
// Server.MaxMemory. A Conn of no Server has no such limit.
//
// It is for an ObjectHandler, which may decode a pickle under the limit by giving
// Hold to pickle.Options.
func (c *Conn) Hold(n int) error {
	if n < 0 {
		return fmt.Errorf("native: Hold: got %d; want 0 or more", n)
	}
	return c.tab.take(n)
}

// Release ends what Hold has begun.
func (c *Conn) Release(n int) { c.tab.give(n) }
