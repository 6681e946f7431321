package native

import (
	"fmt"
	"net"
	"sync"

	"github.com/parley-rpc/parley/rpc"
)

// entrance counts the connections of a Server up to their login. A nil one counts
// nothing.
type entrance struct {
	events *Events

	mu      sync.Mutex
	open    uint64 // guarded by mu, as is all that follows
	conns   uint64
	refused uint64
	failed  uint64
}

// opened counts a connection that was accepted.
func (e *entrance) opened() {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.conns++
	e.open++
}

// closed counts one that is over and was admitted, or stopped by this side.
func (e *entrance) closed() {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.open--
}

// refuse counts one that is over, because of a rule or limit.
func (e *entrance) refuse(addr net.Addr, why string) {
	if e == nil {
		return
	}
	e.mu.Lock()
	e.open--
	e.refused++
	e.mu.Unlock()
	if f := e.events.ConnRefused; f != nil {
		f(&rpc.Peer{Addr: addr, Transport: "native"}, fmt.Errorf("native: connection refused: %s", why))
	}
}

// fail counts one that is over, because of its login.
func (e *entrance) fail(addr net.Addr, err error) {
	if e == nil {
		return
	}
	e.mu.Lock()
	e.open--
	e.failed++
	e.mu.Unlock()
	if f := e.events.LoginFailed; f != nil {
		f(&rpc.Peer{Addr: addr, Transport: "native"}, err)
	}
}

func (e *entrance) report(stats *ServerStats) {
	e.mu.Lock()
	defer e.mu.Unlock()
	stats.ConnsOpen, stats.Conns, stats.ConnsRefused, stats.LoginsFailed = e.open, e.conns, e.refused, e.failed
}
