package native

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native/cbor"
	"github.com/parley-rpc/parley/rpc/value"
)

// call is a call to the peer. Its caller owns it, except between the moment it
// is put into state.calls and the moment it is taken out: whoever takes it out
// completes it, once, and then it is the caller's again. A caller that gives up
// leaves nil in its place.
type call struct {
	pool   *callPool
	id     uint64
	method string
	args   []any
	buf    []byte // headRoom, then the message without its time-out
	dec    cbor.Decoder
	due    time.Duration // since session.born; 0: the context has a deadline
	large  *large        // the message, if it is sent in parts
	batch  uint64        // the state.batch that the message is in, if it is not

	done chan struct{} // holds one element when the call is completed

	// The outcome, valid when done has been received from.
	err    error     // there is no answer
	kind   frameType // RESULT or FAULT
	answer []byte    // its body
}

// maxKept is the largest memory that is kept from one message to the next, in
// bytes.
const maxKept = 2 << 20

// callPool keeps calls for the next ones of the same caller. It is not shared
// among all, since a channel or timer of one testing/synctest bubble must not be
// used in another.
type callPool struct{ sync.Pool }

func (p *callPool) get() *call {
	if c, ok := p.Get().(*call); ok {
		return c
	}
	return &call{pool: p, done: make(chan struct{}, 1)}
}

// messages is a cache: nothing depends on what it holds.
var messages = sync.Pool{New: func() any { return new([]byte) }}

func getMessage() *[]byte { return messages.Get().(*[]byte) }

func putMessage(b *[]byte) {
	if *b = kept(*b); cap(*b) > 0 {
		messages.Put(b)
	}
}

func kept(b []byte) []byte {
	if cap(b) > maxKept {
		return nil
	}
	return b[:0]
}

// encode makes a call of a request. The caller frees the call when it is done
// with it.
func (p *callPool) encode(req *rpc.Request) (*call, error) {
	if err := checkMeta(req.Meta); err != nil {
		return nil, fmt.Errorf("native: call %s: %w", req.Method, err)
	}
	args, err := argumentsOf(req)
	if err != nil {
		return nil, fmt.Errorf("native: call %s: %w", req.Method, err)
	}
	c := p.get()
	c.method, c.args = req.Method, args
	if err := c.encode(req); err != nil {
		c.free()
		return nil, err
	}
	return c, nil
}

// encode makes the message. It can be sent once.
func (c *call) encode(req *rpc.Request) (err error) {
	c.buf = appendCallHead(withHeadRoom(c.buf), req.Method, req.Meta)
	if c.buf, err = cbor.AppendArgs(c.buf, c.args); err != nil {
		return fmt.Errorf("native: call %s: %w", req.Method, err)
	}
	return nil
}

// argumentsOf returns the arguments of a request as values.
func argumentsOf(req *rpc.Request) ([]any, error) {
	switch args := req.Args.(type) {
	case nil:
		return nil, nil
	case rpc.Values:
		return args, nil
	case *rpc.Values:
		return *args, nil
	default:
		var list []any
		err := args.Decode([]any{&list}, &value.Params{Variadic: true})
		return list, err
	}
}

// free gives c back. It must be the caller's.
func (c *call) free() {
	c.buf, c.answer = kept(c.buf), reuse(&c.dec, c.answer)
	c.id, c.args, c.due, c.large, c.err = 0, nil, 0, nil, nil
	c.pool.Put(c)
}

// reuse returns the memory of a message for the next one. What was decoded from
// it may have taken it over.
func reuse(dec *cbor.Decoder, message []byte) []byte {
	if !dec.Shared() && cap(message) <= maxKept {
		return message[:0]
	}
	dec.Reset(nil, cbor.Options{})
	return nil
}

// shareFrom is the size of binary, in bytes, from which on it is not copied out
// of a message that it makes up the most of.
const shareFrom = 32 << 10

func decode(dec *cbor.Decoder, message []byte) {
	dec.Reset(message, cbor.Options{ShareBytes: max(shareFrom, len(message)/2)})
}

// message is what is sent, without the time-out.
func (c *call) message() []byte { return c.buf[headRoom:] }

func withHeadRoom(b []byte) []byte { return append(b[:0], make([]byte, headRoom)...) }

func (c *call) complete() { c.done <- struct{}{} }

// answered completes c with a copy of the body of an answer.
func (c *call) answered(kind frameType, body []byte) {
	c.kind, c.answer = kind, append(c.answer[:0], body...)
	c.complete()
}

// answeredBy completes c with a result, and swaps its memory for b's.
func (c *call) answeredBy(b *[]byte) {
	c.kind, c.answer, *b = frameResult, *b, c.answer
	c.complete()
}

// fail completes c without an answer.
func (c *call) fail(sent rpc.Sent, err error) {
	c.err = callError(sent, c.method, err)
	c.complete()
}

// deliver hands the answer to the request.
func (c *call) deliver(req *rpc.Request) (any, error) {
	if c.kind == frameFault {
		f, err := parseFault(c.answer)
		if err != nil {
			return nil, fmt.Errorf("native: call %s: %w", req.Method, err)
		}
		return nil, f
	}
	decode(&c.dec, c.answer)
	result, err := rpc.Deliver(&c.dec, req)
	if err == nil {
		err = c.dec.Finish()
	}
	if err != nil {
		return nil, fmt.Errorf("native: call %s: %w", req.Method, err)
	}
	return result, nil
}

// Call calls the peer. It is what a Peer's way back is made of.
func (s *session) Call(ctx context.Context, req *rpc.Request) (any, error) {
	c, err := s.calls.encode(req)
	if err != nil {
		return nil, err
	}
	defer c.free()
	p := newPatience(ctx, s.callTimeout)
	if err := s.do(&p, c); err != nil {
		return nil, err
	}
	return c.deliver(req)
}

// errNoAnswer is what a call without a deadline of its own fails with.
type errNoAnswer time.Duration

func (e errNoAnswer) Error() string {
	return fmt.Sprintf("no answer within %v, the default; give the context a deadline to wait longer", time.Duration(e))
}

func (errNoAnswer) Is(target error) bool { return target == context.DeadlineExceeded }

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
	if err := s.send(p, c); err != nil {
		return err
	}
	var err error
	if cancelled := p.ctx.Done(); cancelled == nil {
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
	st.calls[c.id] = nil
	st.out = appendSessionHead(st.out, frameCancel, 0, c.id, 0)
	return rpc.Unknown, true
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

// overdue ends the calls whose default time is over. One timer does for all
// calls: it is set for the one that is due first, and mostly finds that it was
// answered.
func (s *session) overdue() {
	if !s.help() {
		return
	}
	defer s.helpers.Done()
	type outcome struct {
		call *call
		sent rpc.Sent
	}
	var late []outcome
	s.update(func(st *state) {
		now, next := s.sinceBorn(), time.Duration(math.MaxInt64)
		look := func(c *call) {
			switch {
			case c == nil || c.due == 0:
			case c.due > now:
				next = min(next, c.due)
			default:
				if sent, waits := st.abandon(c); waits {
					late = append(late, outcome{c, sent})
				}
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
		o.call.fail(o.sent, errNoAnswer(s.callTimeout))
	}
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

// refusal is why no call can be made on the session, nil if one can.
func (st *state) refusal() error {
	switch {
	case st.err != nil:
		return st.err
	case st.writeErr != nil:
		return st.writeErr
	case st.peerLeft:
		return ErrGoingAway
	case st.lingering:
		return ErrClosed
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
	}
	if split(message) {
		c.large = &large{kind: frameCall, call: c, buf: c.buf, timeout: left}
		st.large = append(st.large, c.large)
		return nil
	}
	st.enlist(c)
	c.batch = st.batch
	var b [binary.MaxVarintLen64]byte
	timeout := appendTimeout(b[:0], left)
	st.out = appendSessionHead(st.out, frameCall, 0, c.id, len(timeout)+len(message))
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
}

// reached says how far a call has got whose session has ended.
func (st *state) reached(c *call) rpc.Sent {
	if c.large == nil && c.batch >= st.batch {
		return rpc.NotSent
	}
	return rpc.Unknown
}

// withdraw takes a call out of the line of which nothing was sent.
func (st *state) withdraw(l *large) {
	st.cut(l)
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

// isOurs reports whether an id is one of the calls to the peer.
func (s *session) isOurs(id uint64) bool { return id%2 == 1 == s.dialer }

// take takes the call that a frame answers off the list; nil: its caller does
// not wait any more.
func (s *session) take(h frameHead) (c *call, err error) {
	s.update(func(st *state) {
		known := false
		if c, known = st.calls[h.id]; !known {
			err = st.err
			if err == nil {
				err = breach("%s %d, which answers no call", h.kind, h.id)
			}
			return
		}
		if c != nil && c.large != nil && !c.large.taken() {
			err = breach("%s %d before the end of the call", h.kind, h.id)
			return
		}
		delete(st.calls, h.id)
		st.slots.release()
	})
	return c, err
}

// awaits reports whether somebody waits for the answer that a frame begins.
func (s *session) awaits(h frameHead) (waits bool, err error) {
	s.update(func(st *state) {
		c, known := st.calls[h.id]
		if waits = c != nil; !known && st.err == nil {
			err = breach("%s %d, which answers no call", h.kind, h.id)
		}
	})
	return waits, err
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

// versionError says that a HELLO has no version in common with ours.
func versionError(peer hello) error {
	return fmt.Errorf("%w: the peer speaks %d to %d, this side %d", ErrVersion, peer.lowest, peer.highest, sessionVersion)
}
