package native

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// leave tells the peer that no further call is accepted. The session ends when
// all that was accepted is answered.
func (s *session) leave() {
	s.update(func(st *state) {
		if st.err != nil || st.left {
			return
		}
		st.left = true
		// Closing the connection under a peer that still sends resets it, with all
		// of the answers that have not arrived. Such a peer gets more time to close.
		st.recent = st.unsettled() > 0 || st.lastSeen != st.lookedAt
		st.sayGoodbye(goaway{reasonShutdown, "shutting down"})
	})
}

func (st *state) sayGoodbye(g goaway) {
	var body [1 + maxReason]byte
	b := g.append(body[:0])
	st.out = append(appendSessionHead(st.out, frameGoaway, 0, st.lastSeen, len(b)), b...)
}

// end makes err the end of the session, unless it has ended: callers get their
// errors, contexts of handlers end, and the connection is closed, except for a
// breach of the peer's, about which farewell has the last word.
func (s *session) end(err error) {
	type outcome struct {
		call *call
		sent rpc.Sent
	}
	var outcomes []outcome
	var contexts []*callContext
	s.mu.Lock()
	st := &s.st
	if st.err != nil {
		s.mu.Unlock()
		return
	}
	st.err = err
	for _, c := range st.withdrawAll() {
		outcomes = append(outcomes, outcome{c, rpc.NotSent})
	}
	for _, c := range st.calls {
		if c != nil {
			outcomes = append(outcomes, outcome{c, st.reached(c)})
		}
	}
	for in := st.running.first; in != nil; in = in.following {
		if in.ctx != nil { // nil while it is still arriving
			contexts = append(contexts, in.ctx)
		}
	}
	for _, l := range st.large {
		l.end()
	}
	if st.flyingLarge != nil { // its last frame is in nobody's line any more
		st.flyingLarge.end()
	}
	for _, f := range st.outstreams {
		st.stop(f)
	}
	st.calls, st.large, st.instreams, st.outstreams = nil, nil, nil, nil
	st.workers.close()
	st.heavy.line = nil
	st.slots.closeAll()
	st.makeRoom()
	s.mu.Unlock()

	close(s.dead)
	for _, o := range outcomes {
		o.call.fail(o.sent, err)
	}
	for _, ctx := range contexts {
		ctx.end(context.Canceled)
	}
	if !isBreach(err) {
		s.close()
	}
}

// close closes the connection, which ends the reader and a flusher.
func (s *session) close() {
	s.mu.Lock()
	closed := s.st.connClosed
	s.st.connClosed = true
	for _, t := range []*time.Timer{s.pinger, s.watcher} {
		if t != nil {
			t.Stop()
		}
	}
	s.mu.Unlock()
	if !closed {
		s.nc.Close()
	}
}

// Close ends the session at once and waits for all of it.
func (s *session) Close() {
	s.end(ErrClosed)
	<-s.gone
}

func isBreach(err error) bool {
	var p *ProtocolError
	return errors.As(err, &p) && !p.ByUs || errors.Is(err, ErrVersion)
}

// farewell tells a peer that broke the protocol why its session ends, and gives
// it a moment to read that. The reader calls it.
func (s *session) farewell(err error) {
	if !isBreach(err) {
		return
	}
	s.end(err)
	g := goaway{reasonProtocol, err.Error()}
	if p := new(ProtocolError); errors.As(err, &p) {
		g.text = p.Text
	} else {
		g.reason = reasonVersion
	}
	s.update(func(st *state) { st.sayGoodbye(g) })
	late := time.NewTimer(lingerTime)
	defer late.Stop()
	for written := false; !written; {
		var room chan struct{}
		s.update(func(st *state) {
			if written = len(st.out) == 0 && !st.writing || st.connClosed || st.writeErr != nil; !written {
				room = st.wantRoom()
			}
		})
		if written {
			break
		}
		select {
		case <-room:
		case <-late.C:
			return
		}
	}
	linger(s.nc)
}

// peerLeaves takes a GOAWAY: the peer has accepted no call after last.
func (s *session) peerLeaves(last uint64, g goaway) (err error) {
	var refused []*call
	s.update(func(st *state) {
		switch {
		case last > 0 && (!s.isOurs(last) || last >= st.nextID):
			err = breach("GOAWAY %d: expected the id of a call to the sender", last)
		case g.reason == reasonVersion:
			err = fmt.Errorf("%w: %s", ErrVersion, g.text)
		case g.reason != reasonShutdown:
			err = &ProtocolError{ByUs: true, Text: g.text}
		}
		if err != nil {
			return
		}
		st.peerLeft = true
		refused = st.withdrawAll()
		for id, c := range st.calls {
			if id > last {
				delete(st.calls, id)
				st.slots.release()
				if c != nil {
					if c.streaming != nil {
						st.delistStreams(c)
					}
					refused = append(refused, c)
				}
			}
		}
		st.slots.closeAll()
		st.makeRoom()
	})
	for _, c := range refused {
		c.fail(rpc.NotSent, ErrGoingAway)
	}
	return err
}
