package native

import (
	"errors"

	"github.com/parley-rpc/parley/rpc"
)

// maxBatch is how many messages are handed over at once.
const maxBatch = 64

// batch holds small messages that came whole, in the reader's memory or decoded,
// until the reader would have to wait for more: so one lock does for all of them,
// one writer for the answers to short functions.
type batch struct {
	answers []answer
	calls   []*incoming
	short   []*incoming // those of calls that run on the reader
}

// answer is a RESULT that came whole.
type answer struct {
	frameHead
	body []byte // in the reader's memory
	call *call  // that it answers; nil: the caller does not wait any more
}

func (b *batch) full() bool { return len(b.answers)+len(b.calls) >= maxBatch }

func (b *batch) empty() bool { return len(b.answers)+len(b.calls) == 0 }

func (b *batch) reset() {
	clear(b.answers)
	clear(b.calls)
	b.answers, b.calls, b.short = b.answers[:0], b.calls[:0], b.short[:0]
}

// handOver gives answers to their callers and calls to the workers, and answers
// those of short functions. What follows a frame must not overtake it: before
// anything else is done about a frame, the batch is empty.
func (r *reader) handOver() (err error) {
	b := &r.batch
	if b.empty() {
		return nil
	}
	s := r.s
	s.update(func(st *state) {
		for i := range b.answers {
			if b.answers[i].call, err = st.settleCall(b.answers[i].frameHead); err != nil {
				b.answers = b.answers[:i]
				return
			}
		}
		for _, in := range b.calls {
			var mine bool
			if mine, err = s.acceptWhole(in); err != nil {
				return
			}
			if mine {
				b.short = append(b.short, in)
			}
		}
	})
	for _, a := range b.answers {
		if a.call != nil {
			a.call.answered(frameResult, a.body)
		}
	}
	short := b.short
	b.reset() // a short function may end this goroutine
	if err == nil && len(short) > 0 {
		r.answer(short)
	}
	return err
}

// answer runs short functions, and queues their answers. It must not wait: one
// for which there is no room is left to a worker.
func (r *reader) answer(calls []*incoming) {
	for _, in := range calls {
		in.kind = in.handle()
	}
	s := r.s
	s.update(func(st *state) {
		for i, in := range calls {
			switch body := in.answer[headRoom:]; {
			case st.err == nil && (split(body) || !st.hasRoom(len(body))):
				st.workers.push(in)
				s.wake()
				calls[i] = nil
				continue
			case st.err == nil: // else nobody is there to take it
				st.appendAnswer(in, in.kind)
			}
			st.retire(in)
		}
	})
	for i, in := range calls {
		if in != nil {
			in.free()
		}
		calls[i] = nil
	}
}

// errGoexit is the end of a session whose reader was taken away.
var errGoexit = errors.New("a short function has ended its goroutine")

// shortMethods is a handler that knows which of its functions are short. An
// [rpc.Registry] is one.
type shortMethods interface{ Short(method string) bool }

var _ shortMethods = (*rpc.Registry)(nil)
