package native

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// patience is how long a caller waits: under its context and, if that has no
// deadline, for a default time.
type patience struct {
	ctx    context.Context
	length time.Duration // the default time; 0: the context has a deadline
	begun  time.Time     // when the default time began; set where it matters
}

func newPatience(ctx context.Context, length time.Duration) patience {
	if _, ok := ctx.Deadline(); ok {
		length = 0
	}
	return patience{ctx: ctx, length: length}
}

// begin has the default time run from now on.
func (p *patience) begin() {
	if p.length > 0 {
		p.begun = time.Now()
	}
}

// left is how much time there is left.
func (p *patience) left() time.Duration {
	switch {
	case p.length == 0:
		deadline, _ := p.ctx.Deadline()
		return time.Until(deadline)
	case p.begun.IsZero(): // it has not waited yet
		return p.length
	}
	return p.length - time.Since(p.begun)
}

// wait waits for ch, before the call is sent. The default time runs from the
// first wait on.
func (p *patience) wait(ch <-chan struct{}) error {
	if p.length == 0 {
		select {
		case <-ch:
			return nil
		case <-p.ctx.Done():
			return p.ctx.Err()
		}
	}
	if p.begun.IsZero() {
		p.begun = time.Now()
	}
	timer := time.NewTimer(p.left())
	defer timer.Stop()
	select {
	case <-ch:
		return nil
	case <-p.ctx.Done():
		return p.ctx.Err()
	case <-timer.C:
		return errNoAnswer(p.length)
	}
}

// do sends c and waits for its answer. Without an error c has one; either way it
// is the caller's again.
func (s *session) do(p *patience, c *call) error {
	if c.streaming != nil {
		c.streaming.open(s)
	}
	if err := s.send(p, c); err != nil {
		return err
	}
	var err error
	if c.streaming != nil {
		err = s.converse(p, c)
	} else if cancelled := p.ctx.Done(); cancelled == nil {
		<-c.done // the default time is looked after by overdue
		err = c.err
	} else {
		select {
		case <-c.done:
			err = c.err
		case <-cancelled:
			err = s.giveUp(c, p.ctx.Err())
		}
	}
	if c.large != nil {
		s.detach(c)
	}
	return err
}

// send queues c for writing and puts it on the list of calls, as soon as there
// is a place on that and room in the queue. Mostly both are there at once.
func (s *session) send(p *patience, c *call) error {
	notSent := func(err error) error { return callError(rpc.NotSent, c.method, err) }
	if size := len(c.message()) + binary.MaxVarintLen64; size > s.hello.maxMessage {
		return notSent(fmt.Errorf("%w: the arguments take %d bytes, the peer accepts %d", ErrTooLarge, size, s.hello.maxMessage))
	}
	left, err := p.left(), p.ctx.Err()
	if err == nil && left <= 0 {
		err = context.DeadlineExceeded
	}
	if err != nil {
		return notSent(err)
	}
	var line, room chan struct{} // to wait in for a place, for room
	s.update(func(st *state) {
		if err = st.refusal(); err != nil {
			return
		}
		st.begins(c)
		if line = st.slots.acquire(s.hello.maxCalls); line == nil {
			room = s.begin(c, left, p.length > 0)
		}
	})
	if err != nil {
		return notSent(err)
	}
	if line != nil {
		if err := p.wait(line); err != nil {
			s.update(func(st *state) { st.slots.leave(line) })
			return notSent(err)
		}
		room = line // is closed
	}
	for room != nil {
		err = p.wait(room)
		if left = p.left(); left <= 0 && err == nil {
			err = context.DeadlineExceeded
		}
		s.update(func(st *state) {
			if err == nil {
				err = st.refusal()
			}
			if err != nil {
				st.slots.release()
				return
			}
			room = s.begin(c, left, p.length > 0)
		})
		if err != nil {
			return notSent(err)
		}
	}
	return nil
}

// begin queues c, which has its place, from within update. Without room for it
// begin returns what to wait for.
func (s *session) begin(c *call, left time.Duration, byDefault bool) (room chan struct{}) {
	st := &s.st
	message := c.message()
	if !split(message) && !st.hasRoom(len(message)) {
		return st.wantRoom()
	}
	if byDefault {
		s.watch(c, left)
		if c.streaming != nil {
			left = 0 // nobody knows yet how long it lasts: overdue cancels it
		}
	}
	if split(message) {
		c.large = &large{kind: frameCall, flags: c.flags(), call: c, buf: c.buf, timeout: left, done: c.begun()}
		st.large = append(st.large, c.large)
		return nil
	}
	st.enlist(c)
	c.batch = st.batch
	var b [binary.MaxVarintLen64]byte
	timeout := appendTimeout(b[:0], left)
	st.out = appendSessionHead(st.out, frameCall, c.flags(), c.id, len(timeout)+len(message))
	st.out = append(append(st.out, timeout...), message...)
	return nil
}

// enlist gives c its id and puts it on the list.
func (st *state) enlist(c *call) {
	c.id = st.nextID
	st.nextID += 2
	if st.calls == nil {
		st.calls = map[uint64]*call{}
	}
	st.calls[c.id] = c
	if c.streaming != nil {
		st.enlistStreams(c)
	}
}

// refusal is why no call can be made on the session, nil if one can.
func (st *state) refusal() error {
	switch {
	case st.err != nil:
		return st.err
	case st.writeErr != nil:
		return st.writeErr
	case st.peerLeft, st.worn && (st.lingering || st.left && st.running.n == 0):
		return ErrGoingAway
	case st.lingering, st.left && st.running.n == 0:
		// The peer closes the connection when all of its calls are answered.
		return ErrClosed
	}
	return nil
}

// giveUp takes its caller off c, and returns the error for that. If the outcome
// has come, or comes right now, it is that.
func (s *session) giveUp(c *call, err error) error {
	var sent rpc.Sent
	waits := false
	s.update(func(st *state) { sent, waits = st.abandon(c) })
	if waits {
		return callError(sent, c.method, err)
	}
	<-c.done
	return c.err
}

// abandon takes c off the list and tells the peer. waits is false if somebody
// else completes it.
func (st *state) abandon(c *call) (sent rpc.Sent, waits bool) {
	l := c.large
	switch {
	case l != nil && l.waits():
		st.withdraw(l)
		return rpc.NotSent, true
	case st.calls[c.id] != c:
		return rpc.Unknown, false
	case l != nil:
		st.cut(l)
	}
	if c.streaming != nil {
		st.delistStreams(c)
	}
	st.calls[c.id] = nil
	st.out = appendSessionHead(st.out, frameCancel, 0, c.id, 0)
	return rpc.Unknown, true
}

// withdraw takes a call out of the line of which nothing was sent.
func (st *state) withdraw(l *large) {
	st.cut(l)
	if l.call.streaming != nil {
		st.delistStreams(l.call)
	}
	delete(st.calls, l.id)
	st.slots.release()
}

// withdrawAll does that with all of them.
func (st *state) withdrawAll() (calls []*call) {
	for _, l := range slices.Clone(st.large) {
		if l.call != nil && l.waits() {
			calls = append(calls, l.call)
			st.withdraw(l)
		}
	}
	return calls
}

// detach takes the memory of a message back that was sent in parts, or leaves it
// to a writer that is still at it.
func (s *session) detach(c *call) {
	s.update(func(st *state) {
		st.cut(c.large)
		if st.flyingLarge == c.large {
			c.buf = nil
		}
	})
	c.large = nil
}

// reached says how far a call has got whose session has ended.
func (st *state) reached(c *call) rpc.Sent {
	if c.large == nil && c.batch >= st.batch {
		return rpc.NotSent
	}
	return rpc.Unknown
}
