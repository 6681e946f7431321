package native

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// Streams belong to a call: DATA goes out behind the CALL or before the answer,
// which ends both directions. session_instream.go and session_outstream.go are the
// two ends of one direction; here they are tied to calls.

// streaming is what a call of ours has if the caller takes the result item by
// item, or if its last argument is a stream.
type streaming struct {
	req    *rpc.Request
	upload iter.Seq2[any, error] // nil: none
	used   bool                  // items were taken from the upload, or handed to the consumer

	answered bool // guarded by session.mu; the call was
	left     bool // its consumer or its upload has broken it off

	// Of the session that the call is made on.
	in  *instream
	out *outstream
}

// open makes the streams for an attempt on s.
func (c *streaming) open(s *session) {
	c.in, c.out, c.answered, c.left = nil, nil, false, false
	if c.req.Yield != nil {
		c.in = newInstream(s, 0)
	}
	if c.upload != nil {
		c.out = newOutstream(s, 0)
	}
}

// usedUp reports whether the call cannot be made again: items of an upload cannot
// be had a second time, and a consumer must not have them twice.
func (c *call) usedUp() bool { return c.streaming != nil && c.streaming.used }

// moved says when the streams have moved last, or now if they are about to: the
// consumer is at an item, or a large one is on its way. It is called with
// session.mu held.
func (c *streaming) moved(now time.Duration) (last time.Duration) {
	if f := c.in; f != nil {
		if last = f.since; f.busy {
			last = now
		}
	}
	if f := c.out; f != nil {
		if last = max(last, f.since); f.large != nil {
			last = now
		}
	}
	return last
}

func (c *call) flags() (flags byte) {
	if c.streaming == nil {
		return 0
	}
	if c.streaming.in != nil {
		flags |= flagItems
	}
	if c.streaming.out != nil {
		flags |= flagUpload
	}
	return flags
}

// begun is the channel that tells an upload that its call was sent, if that is
// sent in parts.
func (c *call) begun() chan struct{} {
	if c.streaming == nil || c.streaming.out == nil {
		return nil
	}
	c.streaming.out.begun = make(chan struct{})
	return c.streaming.out.begun
}

func (st *state) enlistStreams(c *call) {
	if in := c.streaming.in; in != nil {
		in.id = c.id
		st.addInstream(in)
	}
	if out := c.streaming.out; out != nil {
		out.id = c.id
		st.addOutstream(out)
	}
}

func (st *state) addInstream(f *instream) {
	if st.instreams == nil {
		st.instreams = map[uint64]*instream{}
	}
	st.instreams[f.id] = f
}

func (st *state) addOutstream(f *outstream) {
	if st.outstreams == nil {
		st.outstreams = map[uint64]*outstream{}
	}
	st.outstreams[f.id] = f
}

// delistStreams ends the streams of a call that is over. What has arrived can
// still be taken.
func (st *state) delistStreams(c *call) {
	if in := c.streaming.in; in != nil {
		delete(st.instreams, in.id)
	}
	if out := c.streaming.out; out != nil {
		st.closeOutstream(out)
	}
}

// answerable says what is wrong with an answer at this moment.
func (c *streaming) answerable(h frameHead) error {
	if c.in != nil && c.in.part != nil && h.kind == frameResult {
		return breach("RESULT %d in the middle of a DATA", h.id)
	}
	return nil
}

// converse takes and sends items until a call is answered, or given up.
func (s *session) converse(p *patience, c *call) error {
	st := c.streaming
	var arrived <-chan struct{}
	if st.in != nil {
		arrived = st.in.arrived
	}
	failed := make(chan error, 1)
	if st.out != nil {
		st.used = true
		go st.out.pump(c.method, st.upload, failed)
	}
	settled, over := false, false
	defer func() {
		if !over { // the consumer has panicked, or ended its goroutine
			if !settled {
				_ = s.breakOff(c, errStreamOver)
			}
			if c.large != nil {
				s.detach(c)
			}
		}
		if st.in != nil {
			s.update(func(state *state) { state.closeInstream(st.in) })
		}
	}()
	err := s.exchange(p, c, arrived, failed, &settled)
	over = true
	return err
}

// exchange is converse without its ends. settled is set when c is the caller's
// again, before the last items are handed over.
func (s *session) exchange(p *patience, c *call, arrived <-chan struct{}, failed <-chan error, settled *bool) error {
	st := c.streaming
	for {
		select {
		case <-arrived:
			if err := st.in.deliver(p.ctx, st); err != nil {
				return s.breakOff(c, err)
			}
			continue
		case err := <-failed:
			if s.breakOff(c, err) != nil && !st.answered {
				return fmt.Errorf("native: call %s: upload: %w", c.method, err)
			}
		case <-c.done:
		case <-p.ctx.Done():
			if err := s.giveUp(c, p.ctx.Err()); err != nil {
				return err
			}
		}
		*settled = true
		if st.in != nil {
			if err := st.in.deliver(p.ctx, st); err != nil { // what came before the end
				return err
			}
		}
		return c.err
	}
}

// breakOff ends a call because of err, whatever has come of it meanwhile.
func (s *session) breakOff(c *call, err error) error {
	_ = s.giveUp(c, err)
	c.streaming.left = true
	return err
}

// openStreams makes the streams that a CALL of the peer asks for.
func (in *incoming) openStreams(flags byte) {
	if flags&flagUpload != 0 {
		in.in = newInstream(in.s, in.id)
	}
	if flags&flagItems != 0 {
		in.out = newOutstream(in.s, in.id)
	}
}

// attachStreams puts the streams into the request.
func (in *incoming) attachStreams(ctx context.Context) {
	if f := in.in; f != nil {
		in.req.Next = func(dst any) error { return f.next(ctx, dst) }
	}
	if f := in.out; f != nil {
		f.ctx = ctx
		in.req.Yield = f.push
	}
}

func (st *state) enlistIncoming(in *incoming) {
	if in.in != nil {
		st.addInstream(in.in)
	}
	if in.out != nil {
		st.addOutstream(in.out)
	}
}

// delistIncoming ends the streams of a call that is answered. The function that
// takes or sends them has returned.
func (st *state) delistIncoming(in *incoming) {
	if f := in.in; f != nil {
		delete(st.instreams, f.id)
		f.err = errStreamOver // also of one that was complete: what is left of it is dropped
		st.closeInstream(f)
		f.signal()
	}
	if f := in.out; f != nil {
		st.closeOutstream(f)
	}
}
