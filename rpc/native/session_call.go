package native

import (
	"context"
	"fmt"
	"iter"
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
	pool      *callPool
	id        uint64
	method    string
	args      []any
	buf       []byte // headRoom, then the message without its time-out
	dec       cbor.Decoder
	due       time.Duration // since session.born; 0: the context has a deadline
	large     *large        // the message, if it is sent in parts
	batch     uint64        // the state.batch that the message is in, if it is not
	streaming *streaming    // nil: it has no stream

	counted bool // as a call that has begun

	done chan struct{} // holds one element when the call is completed

	// The outcome, valid when done has been received from.
	err    error     // there is no answer
	kind   frameType // RESULT or FAULT
	answer []byte    // its body
}

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

// encode makes a call of a request. The caller frees the call when it is done
// with it.
func (p *callPool) encode(req *rpc.Request) (*call, error) {
	if err := checkMeta(req.Meta); err != nil {
		return nil, fmt.Errorf("native: call %s: %w", req.Method, err)
	}
	args, err := rpc.ValuesOf(req.Args)
	var upload iter.Seq2[any, error]
	if err == nil {
		args, upload, err = rpc.TakeUpload(args)
	}
	if err != nil {
		return nil, fmt.Errorf("native: call %s: %w", req.Method, err)
	}
	c := p.get()
	c.method, c.args = req.Method, args
	if err := c.encode(req); err != nil {
		c.free()
		return nil, err
	}
	if req.Yield != nil || upload != nil {
		c.streaming = &streaming{req: req, upload: upload}
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

// free gives c back. It must be the caller's.
func (c *call) free() {
	c.buf, c.answer = kept(c.buf), reuse(&c.dec, c.answer)
	c.id, c.args, c.due, c.large, c.streaming, c.counted, c.err = 0, nil, 0, nil, nil, false, nil
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
		return nil, f.AnswerOf(req.Method)
	}
	decode(&c.dec, c.answer)
	if c.streaming != nil && req.Yield != nil && c.dec.Kind() == value.KindNil {
		return nil, nil // the end of the items
	}
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
	if onReader(ctx) {
		return nil, callError(rpc.NotSent, req.Method, ErrInline)
	}
	c, err := s.calls.encode(req)
	if err != nil {
		return nil, err
	}
	defer c.free()
	p := newPatience(ctx, s.callTimeout)
	if err := s.do(&p, c); err != nil {
		s.ledger.fails(c, err)
		return nil, err
	}
	return c.deliver(req)
}

// isOurs reports whether an id is one of the calls to the peer.
func (s *session) isOurs(id uint64) bool { return id%2 == 1 == s.dialer }

// take takes the call that a frame answers off the list; nil: its caller does
// not wait any more.
func (s *session) take(h frameHead) (c *call, err error) {
	s.update(func(st *state) { c, err = st.settleCall(h) })
	return c, err
}

// settleCall is take, from within update.
func (st *state) settleCall(h frameHead) (*call, error) {
	c, known := st.calls[h.id]
	switch {
	case !known && st.err != nil:
		return nil, st.err
	case !known:
		return nil, breach("%s %d, which answers no call", h.kind, h.id)
	case c != nil && c.large != nil && !c.large.taken():
		return nil, breach("%s %d before the end of the call", h.kind, h.id)
	case c != nil && c.streaming != nil:
		if err := c.streaming.answerable(h); err != nil {
			return nil, err
		}
		c.streaming.answered = true
		st.delistStreams(c)
	}
	delete(st.calls, h.id)
	st.slots.release()
	if c != nil {
		st.count.made.end(h.kind)
	}
	return c, nil
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
