package native

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// What is counted on the way of every call stands in the state of its session,
// which is locked there anyway. What happens seldom, a call that fails, is
// counted in the ledger that all sessions of a Client or Server share: it may
// have seen several of them, or none.

// callCounts counts the calls of one direction that a session has seen.
type callCounts struct {
	begun    uint64
	answered uint64 // with a result
	faulted  uint64
}

// end counts an answer.
func (c *callCounts) end(kind frameType) {
	if kind == frameFault {
		c.faulted++
	} else {
		c.answered++
	}
}

func (c *callCounts) add(d callCounts) {
	c.begun += d.begun
	c.answered += d.answered
	c.faulted += d.faulted
}

func (c *callCounts) unanswered() uint64 { return c.begun - c.answered - c.faulted }

// counts are what a session counts.
type counts struct {
	made     callCounts    // calls to the peer that have begun or were answered here
	served   callCounts    // calls of the peer
	written  uint64        // bytes, but for those of a write that has failed
	pingedAt time.Duration // since session.born: the PING without an answer; 0: there is none
	ping     time.Duration // the round trip that was measured last; 0: none was
}

// begins counts a call to the peer, on the first session that takes it.
func (st *state) begins(c *call) {
	if !c.counted {
		c.counted = true
		st.count.made.begun++
	}
}

// ledger counts the calls to peers that fail, and those that begin without a
// session.
type ledger struct {
	mu       sync.Mutex
	begun    uint64 // guarded by mu, as is all that follows
	notSent  uint64
	unknown  uint64
	givenUp  uint64 // of these two
	repeated uint64 // tries after the first
	failed   uint64 // attempts to connect
}

// begins counts a call that no session has counted.
func (l *ledger) begins(c *call) {
	if c.counted {
		return
	}
	c.counted = true
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun++
}

// fails counts the failure of a call, and its beginning if nobody has.
func (l *ledger) fails(c *call, err error) {
	var link *rpc.LinkError
	unknown := errors.As(err, &link) && link.Sent == rpc.Unknown
	left := false
	if st := c.streaming; st != nil {
		if st.answered {
			return // which is how it counts, whatever the consumer made of it
		}
		left = st.left
		unknown = unknown || left
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !c.counted {
		c.counted = true
		l.begun++
	}
	if unknown {
		l.unknown++
	} else {
		l.notSent++
	}
	if left || isOwnEnd(err) {
		l.givenUp++
	}
}

func (l *ledger) repeats() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.repeated++
}

func (l *ledger) connectFailed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed++
}

// connectFailures returns how many attempts to connect have failed.
func (l *ledger) connectFailures() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

// isOwnEnd reports whether a call has failed because its caller would not wait
// any longer, and not because of its link. The time that an attempt to connect
// has is not the caller's.
func isOwnEnd(err error) bool {
	var link, dial *rpc.LinkError
	if errors.As(err, &link) && errors.As(link.Err, &dial) {
		return false
	}
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// tally adds up sessions.
type tally struct {
	sessions     uint64 // that have begun
	made, served callCounts
	lost         uint64 // calls of peers that were over before their answer
	read         uint64
	written      uint64
}

// add counts a session in and returns its state at this moment.
func (t *tally) add(s *session) (now sessionNow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &s.st
	now = sessionNow{
		usable: st.refusal() == nil && s.begun(),
		open:   st.err == nil && s.begun(),
		queued: st.queued(), ping: st.count.ping,
		waiting: len(st.workers.queue) - st.workers.first,
	}
	for _, l := range st.large {
		now.queued += l.left()
	}
	if s.begun() {
		t.sessions++
	}
	t.made.add(st.count.made)
	t.served.add(st.count.served)
	t.read += s.read.Load()
	t.written += st.count.written
	return now
}

// bury counts a session in of which nothing is left: what it has not answered it
// never will.
func (t *tally) bury(s *session) {
	before := t.served.unanswered()
	t.add(s)
	t.lost += t.served.unanswered() - before
}

// sessionNow is what holds for a session at one moment.
type sessionNow struct {
	usable  bool // takes calls
	open    bool
	queued  int // bytes to be written
	waiting int // calls without a worker
	ping    time.Duration
}

// left is how many bytes of the message are not taken yet.
func (l *large) left() int { return len(l.buf) - max(l.sent, headRoom) }

// sum adds up the sessions that are open, those that are over, and what the
// ledger holds. The caller keeps sessions from opening and ending, and gives the
// latest first: a call that is repeated begins on an earlier session than it ends
// on. So where a call has ended is looked at before where it has begun, and no
// view shows one that ended without a beginning.
func (l *ledger) sum(open []*session, past tally) (tally, CallsMade, []sessionNow) {
	l.mu.Lock()
	calls := CallsMade{NotSent: l.notSent, Unknown: l.unknown, GivenUp: l.givenUp, Repeated: l.repeated}
	l.mu.Unlock()
	total := past
	moment := make([]sessionNow, 0, len(open))
	for _, s := range open {
		moment = append(moment, total.add(s))
	}
	l.mu.Lock()
	calls.Begun = total.made.begun + l.begun
	l.mu.Unlock()
	calls.Answered, calls.Faulted = total.made.answered, total.made.faulted
	calls.InFlight = calls.Begun - calls.Answered - calls.Faulted - calls.NotSent - calls.Unknown
	return total, calls, moment
}
