package native

import (
	"context"
	"encoding/binary"
	"fmt"
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
	dec    decoder
	timer  *time.Timer // for the default time-out
	large  *large      // the message, if it is sent in parts
	batch  uint64      // the state.batch that the message is in, if it is not

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
	c.dec.release(&c.answer)
	*c = call{pool: c.pool, buf: kept(c.buf), answer: kept(c.answer), done: c.done, dec: c.dec, timer: c.timer}
	c.pool.Put(c)
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
	c.dec.begin(c.answer)
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
	p := newPatience(ctx, s.callTimeout, c)
	defer p.end()
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
	ctx     context.Context
	length  time.Duration // the default time; 0: the context has a deadline
	timer   *time.Timer   // runs for it
	timeout <-chan time.Time
}

// newPatience begins to wait, with the timer that c keeps. end ends that.
func newPatience(ctx context.Context, length time.Duration, c *call) patience {
	p := patience{ctx: ctx}
	if _, ok := ctx.Deadline(); ok {
		return p
	}
	if c.timer == nil {
		c.timer = time.NewTimer(length)
	} else {
		c.timer.Reset(length)
	}
	p.length, p.timer, p.timeout = length, c.timer, c.timer.C
	return p
}

func (p *patience) end() {
	if p.timer != nil {
		p.timer.Stop()
	}
}

// left is how long the peer may take. Of a default time that is all of it: what
// the caller has waited so far is not worth a look at the clock.
func (p *patience) left() time.Duration {
	if p.length > 0 {
		return p.length
	}
	deadline, _ := p.ctx.Deadline()
	return time.Until(deadline)
}

// wait waits for ch.
func (p *patience) wait(ch <-chan struct{}) error {
	select {
	case <-ch:
		return nil
	case <-p.ctx.Done():
		return p.ctx.Err()
	case <-p.timeout:
		return errNoAnswer(p.length)
	}
}

// do sends c and waits for its answer. Without an error c has one; either way it
// is the caller's again.
func (s *session) do(p *patience, c *call) error {
	if err := s.send(p, c); err != nil {
		return err
	}
	err := p.wait(c.done)
	if err != nil {
		err = s.giveUp(c, err)
	} else {
		err = c.err
	}
	if c.large != nil {
		s.detach(c)
	}
	return err
}

// giveUp takes its caller off c, and returns the error for that. If the outcome
// has come, or comes right now, it is that.
func (s *session) giveUp(c *call, err error) error {
	sent, waits := rpc.Unknown, true
	s.update(func(st *state) {
		switch l := c.large; {
		case l != nil && l.waits():
			st.withdraw(l)
			sent = rpc.NotSent
		case st.calls[c.id] == c:
			st.calls[c.id] = nil
			if l != nil {
				st.cut(l)
			}
			st.out = appendSessionHead(st.out, frameCancel, 0, c.id, 0)
		default:
			waits = false
		}
	})
	if waits {
		return callError(sent, c.method, err)
	}
	<-c.done
	return c.err
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
			room = st.begin(c, left)
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
		left = p.left()
		s.update(func(st *state) {
			if err == nil {
				err = st.refusal()
			}
			if err != nil {
				st.slots.release()
				return
			}
			room = st.begin(c, left)
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

// begin queues c, which has its place. Without room for it begin returns what to
// wait for.
func (st *state) begin(c *call, left time.Duration) (room chan struct{}) {
	message := c.message()
	if split(message) {
		c.large = &large{kind: frameCall, call: c, buf: c.buf, timeout: left}
		st.large = append(st.large, c.large)
		return nil
	}
	if !st.hasRoom(len(message)) {
		return st.wantRoom()
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
