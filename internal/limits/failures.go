// Package limits has what a peer may do often only for a while: wrong secrets of a
// host, and lines of a log. Package auth and both transports count with it.
package limits

import (
	"net/netip"
	"time"
)

const (
	// FailureBurst is how many wrong secrets a host may give at once, and
	// FailurePause the time until it may give another one.
	FailureBurst = 10
	FailurePause = 6 * time.Second

	// maxHosts bounds the hosts that are remembered.
	maxHosts = 4096
)

// Failures counts wrong secrets by host. This machine, which is a loopback address
// or none, is not counted: one local program with an old key must not lock out the
// others. It belongs to whoever holds the lock around it, and its zero value is
// ready for use.
type Failures struct {
	// A host's entry is the time at which all its failures are forgotten. Each
	// one moves it by a FailurePause.
	forgotten map[netip.Addr]time.Time
}

// Wait returns how long a host has to wait until it may try again, zero if it
// need not.
func (f *Failures) Wait(host netip.Addr, now time.Time) time.Duration {
	const bearable = (FailureBurst - 1) * FailurePause
	if left := f.forgotten[host].Sub(now); left > bearable {
		return left - bearable
	}
	return 0
}

// Note counts a wrong secret.
func (f *Failures) Note(host netip.Addr, now time.Time) {
	if !host.IsValid() || host.IsLoopback() {
		return
	}
	if f.forgotten == nil {
		f.forgotten = map[netip.Addr]time.Time{}
	}
	until, known := f.forgotten[host]
	if !known && len(f.forgotten) >= maxHosts {
		f.forget(now)
	}
	if until.Before(now) {
		until = now
	}
	f.forgotten[host] = until.Add(FailurePause)
}

// forget makes place: it drops the hosts that have the least to wait, first
// those that have nothing.
func (f *Failures) forget(now time.Time) {
	for limit := time.Duration(0); len(f.forgotten) >= maxHosts; limit += FailurePause {
		for host, until := range f.forgotten {
			if until.Sub(now) <= limit {
				delete(f.forgotten, host)
			}
		}
	}
}
