package native

import (
	"context"
	"fmt"
	"iter"

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
	pumped bool                  // items of it may have been used up

	// Of the session that the call is made on.
	in  *instream
	out *outstream
}

// open makes the streams for an attempt on s.
func (c *streaming) open(s *session) {
	c.in, c.out = nil, nil
	if c.req.Yield != nil {
		c.in = newInstream(s, 0)
	}
	if c.upload != nil {
		c.out = newOutstream(s, 0)
	}
}

// usedUp reports whether the call cannot be made again: items of an upload cannot
// be had a second time.
func (c *call) usedUp() bool { return c.streaming != nil && c.streaming.pumped }

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
		delete(st.outstreams, out.id)
		st.stop(out)
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
		defer s.update(func(state *state) { state.drop(st.in) })
	}
	failed := make(chan error, 1)
	if st.out != nil {
		st.pumped = true
		go st.out.pump(st.upload, failed)
	}
	for {
		select {
		case <-arrived:
			if err := st.in.deliver(st.req); err != nil {
				_ = s.giveUp(c, err) // the consumer has left, whatever came of the call
				return err
			}
			continue
		case err := <-failed:
			_ = s.giveUp(c, err)
			return fmt.Errorf("native: call %s: upload: %w", c.method, err)
		case <-c.done:
		case <-p.ctx.Done():
			if err := s.giveUp(c, p.ctx.Err()); err != nil {
				return err
			}
		}
		if st.in != nil {
			if err := st.in.deliver(st.req); err != nil { // what came before the end
				return err
			}
		}
		return c.err
	}
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
		if !f.ended {
			f.err = errStreamOver
		}
		st.drop(f)
		f.signal()
	}
	if f := in.out; f != nil {
		delete(st.outstreams, f.id)
		st.stop(f)
	}
}
