package native

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// startPinger begins to look after a silent peer. The reader calls it, once.
func (s *session) startPinger() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.st.err == nil {
		s.pinger = time.AfterFunc(s.limits.PingAfter, s.ping)
	}
}

// ping runs when the peer may have been silent for long enough to be asked for
// a sign of life, or to be given up.
func (s *session) ping() {
	if !s.help() {
		return
	}
	defer s.helpers.Done()
	s.renew()
	silent := s.sinceBorn() - time.Duration(s.lastFrame.Load())
	next := s.limits.PingAfter - silent
	switch {
	case silent >= s.limits.DeadAfter:
		s.end(fmt.Errorf("%w: no frame came from it for %v", ErrPeerDead, silent.Round(time.Millisecond)))
		return
	case silent >= s.limits.PingAfter:
		next = min(s.limits.PingAfter, s.limits.DeadAfter-silent)
		s.update(func(st *state) {
			st.shrink()
			st.look()
			s.sendPing()
		})
	default: // the peer may have asked first
		s.update(func(st *state) {
			st.shrink()
			// To a peer that sends a long message over a slow way, and has heard
			// nothing: its own PING waits behind the message. And to measure the round
			// trip on a busy session too: if little is left until the peer has been
			// silent for long enough, it is asked then.
			if spoke := st.look(); !spoke || st.count.pingedAt == 0 && silent < s.limits.PingAfter/2 {
				s.sendPing()
			}
		})
	}
	s.mu.Lock()
	if s.st.err == nil {
		s.pinger.Reset(next)
	}
	s.mu.Unlock()
}

// look notes for later what has happened since the last look.
func (st *state) look() (spoke bool) {
	spoke, st.spoke, st.lookedAt = st.spoke, false, st.lastSeen
	return spoke
}

// sendPing queues a PING, from within update.
func (s *session) sendPing() {
	st := &s.st
	if st.err == nil && st.queued() < maxQueued {
		st.lastPing++
		st.count.pingedAt = max(s.sinceBorn(), 1)
		st.out = appendSessionHead(st.out, framePing, 0, st.lastPing, 0)
	}
}

// shrink gives back the memory of busier times.
func (st *state) shrink() {
	if st.writing || !st.idle() {
		return
	}
	st.out, st.spare, st.large = nil, nil, nil
	st.calls, st.workers.queue = nil, nil
	st.instreams, st.outstreams = nil, nil
	st.workers.dismiss()
}

// watch has a call without a deadline of its own ended in time.
func (s *session) watch(c *call, left time.Duration) {
	c.due = s.sinceBorn() + left
	if s.st.watching {
		return
	}
	s.st.watching = true
	if s.watcher == nil {
		s.watcher = time.AfterFunc(left, s.overdue)
	} else {
		s.watcher.Reset(left)
	}
}

// overdue ends the calls whose default time is over, which begins anew with each
// item of a stream. One timer does for all calls: it is set for the one that is due
// first, and mostly finds that it was answered.
func (s *session) overdue() {
	if !s.help() {
		return
	}
	defer s.helpers.Done()
	type outcome struct {
		call *call
		sent rpc.Sent
		err  error
	}
	var late []outcome
	s.update(func(st *state) {
		now, next := s.sinceBorn(), time.Duration(math.MaxInt64)
		look := func(c *call) {
			if c == nil || c.due == 0 {
				return
			}
			if c.streaming != nil {
				c.due = max(c.due, c.streaming.moved(now)+s.callTimeout)
			}
			if c.due > now {
				next = min(next, c.due)
				return
			}
			err := errLate(c, s.callTimeout)
			if sent, waits := st.abandon(c); waits {
				late = append(late, outcome{c, sent, err})
			}
		}
		for _, c := range st.calls {
			look(c)
		}
		for _, l := range slices.Clone(st.large) {
			look(l.call)
		}
		if st.watching = next < math.MaxInt64 && st.err == nil; st.watching {
			s.watcher.Reset(next - now)
		}
	})
	for _, o := range late {
		o.call.fail(o.sent, o.err)
	}
}
