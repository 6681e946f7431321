package native

import (
	"net/netip"
	"time"
)

const (
	// failureBurst is how many wrong proofs a host may give at once, and
	// failurePause the time until it may give another one.
	failureBurst = 10
	failurePause = 6 * time.Second

	// maxFailures bounds the hosts that are remembered.
	maxFailures = 4096
)

// failures counts wrong proofs of the key by host, as hostOf tells them apart.
// Hosts on loopback are not counted: one local program with an old key must not
// lock out the others. It belongs to whoever holds the acceptor's lock.
type failures struct {
	// A host's entry is the time at which all its failures are forgotten. Each
	// one moves it by a failurePause.
	forgotten map[netip.Addr]time.Time
}

// blocked reports whether a host has to wait.
func (f *failures) blocked(host netip.Addr, now time.Time) bool {
	return f.forgotten[host].Sub(now) > (failureBurst-1)*failurePause
}

// note counts a wrong proof.
func (f *failures) note(host netip.Addr, now time.Time) {
	if host.IsLoopback() {
		return
	}
	if f.forgotten == nil {
		f.forgotten = map[netip.Addr]time.Time{}
	}
	until, known := f.forgotten[host]
	if !known && len(f.forgotten) >= maxFailures {
		f.forget(now)
	}
	if until.Before(now) {
		until = now
	}
	f.forgotten[host] = until.Add(failurePause)
}

// forget makes place: it drops the hosts that have the least to wait, first
// those that have nothing.
func (f *failures) forget(now time.Time) {
	for limit := time.Duration(0); len(f.forgotten) >= maxFailures; limit += failurePause {
		for host, until := range f.forgotten {
			if until.Sub(now) <= limit {
				delete(f.forgotten, host)
			}
		}
	}
}

// lineLimit keeps a flood of connections from being a flood of log lines. It
// belongs to whoever holds the acceptor's lock.
type lineLimit struct {
	begun      time.Time // when the first line of this second was written
	lines      int       // in this second
	suppressed int       // since the last line
}

// line asks whether there may be one more line, of most in a second, and says
// how many were suppressed before it.
func (l *lineLimit) line(now time.Time, most int) (suppressed int, ok bool) {
	if now.Sub(l.begun) >= time.Second {
		l.begun, l.lines = now, 0
	}
	if l.lines >= most {
		l.suppressed++
		return 0, false
	}
	l.lines++
	return l.rest(), true
}

// rest returns how many lines were suppressed since the last one, and forgets
// them.
func (l *lineLimit) rest() int {
	n := l.suppressed
	l.suppressed = 0
	return n
}
