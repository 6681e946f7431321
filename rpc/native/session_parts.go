package native

import (
	"context"
	"encoding/binary"

	"github.com/parley-rpc/parley/rpc"
)

// part is a message of which the end has not come.
type part struct {
	kind  frameType
	total int        // bytes that it will have
	size  int        // bytes that have come, kept or not
	held  int        // bytes of memory that are counted for it
	buf   *[]byte    // what has come; nil: it is dropped
	call  *incoming  // of a CALL that is accepted
	fault *rpc.Fault // in place of what is dropped; nil: nobody waits for it

	counted bool // in reader.unwanted
}

// unwanted: a call that is not accepted, and goes on arriving.
func (p *part) unwanted() bool { return p.kind == frameCall && p.call == nil }

// drop gives up what has come of a message, for a fault.
func (r *reader) drop(p *part, f *rpc.Fault) {
	if p.kind == frameResult && p.buf != nil {
		putMessage(p.buf)
	}
	if p.kind == frameResult && p.held > 0 {
		r.held -= p.held
		r.s.update(func(st *state) { st.purse.memory.give(int64(p.held)) })
	}
	p.buf, p.held, p.call, p.fault = nil, 0, nil, f
}

// message takes a CALL or RESULT, or a part of one.
func (r *reader) message(h frameHead) error {
	if p := r.parts[h.id]; p != nil {
		return r.extend(p, h)
	}
	if h.kind == frameCall {
		return r.call(h)
	}
	if err := r.answers(h); err != nil {
		return err
	}
	if h.more() || !fits(h) {
		return r.result(h)
	}
	// The whole body is there before the caller is taken off the list: one that
	// gives up in between must not wait for the rest.
	body, err := r.peek(h)
	if err != nil {
		return err
	}
	r.batch.answers = append(r.batch.answers, answer{frameHead: h, body: body})
	return r.discard(h)
}

// answers checks that a RESULT or FAULT bears an id of ours.
func (r *reader) answers(h frameHead) error {
	if h.id == 0 || !r.s.isOurs(h.id) {
		return breach("%s %d: expected the id of a call to the sender", h.kind, h.id)
	}
	return nil
}

// call takes the first frame of a CALL.
func (r *reader) call(h frameHead) error {
	if h.id == 0 || r.s.isOurs(h.id) {
		return breach("CALL %d: expected an id of the sender's parity", h.id)
	}
	in := newIncoming(r.s, h.id)
	in.openStreams(h.flags)
	if h.more() {
		in.message = *getMessage()
		p := &part{kind: frameCall, call: in, buf: &in.message}
		if err := r.begin(p, &h); err != nil {
			return err
		}
		if err := r.s.accept(p); err != nil {
			return err
		}
		h.flags = flagMore
		return r.extend(p, h)
	}
	if err := r.read(&in.message, h); err != nil {
		return err
	}
	var err error
	if in.ctx, err = r.parse(in); err != nil {
		return err
	}
	in.ctx.reader = in.short
	r.batch.calls = append(r.batch.calls, in)
	return nil
}

// parse makes the request of a CALL that is all there.
func (r *reader) parse(in *incoming) (*callContext, error) {
	h, err := parseCall(in.message)
	if err != nil {
		return nil, breach("CALL %d: %v", in.id, err)
	}
	m := r.method(h.method)
	in.short = m.short && in.in == nil && in.out == nil // a stream would make the reader wait
	return in.begin(m.name, h), nil
}

// result takes the first frame of a RESULT that is split or large.
func (r *reader) result(h frameHead) error {
	waits, err := r.s.awaits(h)
	if err != nil {
		return err
	}
	p := &part{kind: frameResult}
	if waits {
		p.buf = getMessage()
	}
	if err := r.begin(p, &h); err != nil {
		return err
	}
	return r.extend(p, h)
}

// begin reads the size of a message that is split.
func (r *reader) begin(p *part, h *frameHead) error {
	p.total = h.body
	if !h.more() {
		return nil
	}
	b, err := r.in.Peek(min(h.body, binary.MaxVarintLen64))
	if err != nil {
		return err
	}
	total, n := binary.Uvarint(b)
	switch {
	case n <= 0:
		return breach("%s %d in parts without its size", h.kind, h.id)
	case total > uint64(r.s.limits.MaxMessage):
		return breach("%s %d of %d bytes, at most %d are allowed", h.kind, h.id, total, r.s.limits.MaxMessage)
	}
	p.total = int(total)
	h.body -= n
	return r.discard(frameHead{body: n})
}

// fault takes a FAULT, which also ends a RESULT that has begun.
func (r *reader) fault(h frameHead) error {
	if err := r.answers(h); err != nil {
		return err
	}
	b := getMessage()
	defer putMessage(b)
	if err := r.read(b, h); err != nil {
		return err
	}
	if _, err := parseFault(*b); err != nil {
		return breach("FAULT %d: %v", h.id, err)
	}
	c, err := r.s.take(h)
	if err != nil {
		return err
	}
	if p := r.parts[h.id]; p != nil {
		r.forget(h.id, p)
		r.drop(p, nil)
	}
	if c != nil {
		c.answered(frameFault, *b)
	}
	return nil
}

// extend adds a frame to the message that it is a part of.
func (r *reader) extend(p *part, h frameHead) error {
	switch {
	case h.flags&^flagMore != 0:
		return breach("%s %d with flags 0x%02x in a later frame", h.kind, h.id, h.flags)
	case h.kind != p.kind:
		return breach("%s %d in the middle of a %s with that id", h.kind, h.id, p.kind)
	case h.more() && h.body == 0:
		return breach("%s %d in parts without content", h.kind, h.id)
	case h.body > p.total-p.size || h.more() == (h.body == p.total-p.size):
		return breach("%s %d of another size than the %d bytes that were announced", h.kind, h.id, p.total)
	}
	p.size += h.body
	r.grow(p)
	var err error
	if p.buf != nil {
		err = r.read(p.buf, h)
	} else {
		err = r.discard(h)
	}
	if err != nil {
		r.drop(p, nil)
		return err
	}
	if h.more() {
		return r.keep(p, h)
	}
	r.forget(h.id, p)
	if p.kind == frameResult {
		return r.finishResult(p, h)
	}
	return r.finishCall(p, h)
}

// keep puts a message on the list of those that are not complete. A list of
// calls that are not even accepted is that of a peer which ignores MaxCalls.
func (r *reader) keep(p *part, h frameHead) error {
	if r.parts == nil {
		r.parts = map[uint64]*part{}
	}
	r.parts[h.id] = p
	if p.counted || !p.unwanted() {
		return nil
	}
	p.counted = true
	if r.unwanted++; r.unwanted > r.s.limits.MaxCalls {
		return breach("%d calls under way that are not accepted: expected no more calls than MaxCalls, %d", r.unwanted, r.s.limits.MaxCalls)
	}
	return nil
}

// forget takes a message off the list.
func (r *reader) forget(id uint64, p *part) {
	delete(r.parts, id)
	if p.counted {
		r.unwanted--
	}
}

// grow makes room for the size that a message has now: four times what has come,
// so that it is not copied often, but no more than it will have in the end. One
// that takes too much memory is dropped.
func (r *reader) grow(p *part) {
	if p.buf == nil || p.size <= p.held {
		return
	}
	want := min(p.total, max(growStep, 4*p.size))
	var f *rpc.Fault
	if more := want - p.held; p.kind == frameCall {
		f = r.s.hold(p.call, more)
	} else {
		f = r.holdResult(more)
	}
	if f != nil {
		r.drop(p, f)
		return
	}
	if p.held = want; cap(*p.buf) < want {
		old := *p.buf
		*p.buf = append(make([]byte, 0, want), old...)
		putMessage(&old)
	}
}

// holdResult counts n more bytes of a RESULT. A fault says that they are too many.
func (r *reader) holdResult(n int) (f *rpc.Fault) {
	if r.held+n > r.s.limits.MaxBuffered {
		return errHeld(r.s.limits.MaxBuffered)
	}
	r.s.update(func(st *state) {
		if !st.purse.memory.take(int64(n)) {
			f = st.purse.errMemory()
		}
	})
	if f == nil {
		r.held += n
	}
	return f
}

func errHeld(limit int) *rpc.Fault {
	return rpc.Errorf(rpc.CodeOverLimit, "over limit: the messages under way on one connection take more than %d bytes", limit)
}

func (r *reader) finishResult(p *part, h frameHead) error {
	if p.fault != nil {
		h.kind = frameFault // is what the caller gets
	}
	c, err := r.s.take(h)
	switch {
	case err != nil || c == nil:
	case p.fault != nil:
		c.answered(frameFault, appendFault(nil, p.fault))
	case p.buf != nil:
		c.answeredBy(p.buf)
	}
	r.drop(p, nil)
	return err
}

func (r *reader) finishCall(p *part, h frameHead) error {
	switch {
	case p.call != nil:
		ctx, err := r.parse(p.call)
		if err != nil {
			return err
		}
		r.s.enqueue(p.call, ctx)
	case p.fault != nil:
		return r.s.refuse(h.id, p.fault)
	}
	return nil // what came after our GOAWAY is answered by that
}

// cancel takes a CANCEL. A call that is answered already is no error: the two
// have met on their way.
func (r *reader) cancel(id uint64) error {
	if id == 0 || r.s.isOurs(id) {
		return breach("CANCEL %d: expected the id of a call of the sender's", id)
	}
	if p := r.parts[id]; p != nil {
		r.forget(id, p)
		if p.call != nil {
			r.s.release(p.call)
			r.drop(p, rpc.FaultOf(context.Canceled))
		}
		if p.fault != nil {
			return r.s.refuse(id, p.fault)
		}
		return nil
	}
	return r.s.cancel(id)
}

// dropAll gives up all that is not complete.
func (r *reader) dropAll() {
	for _, p := range r.parts {
		r.drop(p, nil)
	}
}
