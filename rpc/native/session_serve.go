package native

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native/cbor"
	"github.com/parley-rpc/parley/rpc/value"
)

// incoming is a call of the peer. The reader owns it until it is queued, then
// the worker that takes it.
type incoming struct {
	s       *session
	id      uint64
	message []byte
	held    int // bytes of it that state.held counts
	args    []byte
	ctx     *callContext // guarded by session.mu while the call is in running
	req     rpc.Request
	dec     decoder
	answer  []byte // headRoom, then the body

	cancelled bool   // guarded by session.mu; the caller has given up
	large     *large // guarded by session.mu; the answer, while it is sent in parts
}

var incomings = sync.Pool{New: func() any { return new(incoming) }}

func newIncoming(s *session, id uint64) *incoming {
	in := incomings.Get().(*incoming)
	in.s, in.id = s, id
	return in
}

func (in *incoming) free() {
	in.dec.release(&in.message)
	*in = incoming{message: kept(in.message), answer: kept(in.answer), dec: in.dec}
	incomings.Put(in)
}

// begin makes the request of a message that is all there, and its context.
func (in *incoming) begin(method string, h callHead) *callContext {
	in.args = h.args
	in.req = rpc.Request{Method: method, Args: in, Meta: h.meta, Peer: in.s.peer}
	ctx := &callContext{base: in.s.base}
	if h.timeout > 0 {
		ctx.deadline = in.s.lastReadAt().Add(h.timeout)
	}
	return ctx
}

// Decode reads the arguments. It makes an incoming the Args of its request.
func (in *incoming) Decode(dst []any, p *value.Params) error {
	in.dec.begin(in.args)
	if err := value.DecodeArgs(&in.dec, dst, p); err != nil {
		return err
	}
	return in.dec.Finish()
}

// verdict is what becomes of a call that begins.
type verdict uint8

const (
	callAccepted verdict = iota
	callIgnored          // it came after our GOAWAY, which answers it
	callRefused          // with a fault
)

// admit decides about a call that begins, and gives it a place.
func (st *state) admit(in *incoming, l *Limits) (verdict, error) {
	if st.err != nil {
		return callIgnored, st.err
	}
	if in.id <= st.lastSeen {
		return 0, breach("CALL %d after CALL %d: expected ids that rise", in.id, st.lastSeen)
	}
	st.lastSeen = in.id
	switch {
	case st.left:
		return callIgnored, nil
	case len(st.running) >= l.MaxCalls:
		return callRefused, nil
	}
	if st.running == nil {
		st.running = map[uint64]*incoming{}
	}
	st.running[in.id] = in
	return callAccepted, nil
}

// hold counts n more bytes of a call.
func (st *state) hold(in *incoming, n int, l *Limits) bool {
	if st.held+n > l.MaxBuffered {
		return false
	}
	st.held += n
	in.held += n
	return true
}

// retire takes a call off the list, if it is on it.
func (st *state) retire(in *incoming) {
	delete(st.running, in.id)
	st.held -= in.held
	in.held, in.large = 0, nil
}

// appendFault answers a call with a fault that is not its handler's.
func (st *state) appendFault(id uint64, f *rpc.Fault) {
	body := appendFault(nil, f)
	st.out = append(appendSessionHead(st.out, frameFault, 0, id, len(body)), body...)
}

func errCalls(limit int) *rpc.Fault {
	return rpc.Errorf(rpc.CodeOverLimit, "over limit: %d calls at once on one connection", limit)
}

// accept takes the beginning of a call that goes on in further frames.
func (s *session) accept(p *part) (err error) {
	s.update(func(st *state) {
		var v verdict
		if v, err = st.admit(p.call, &s.limits); v == callRefused {
			p.fault = errCalls(s.limits.MaxCalls)
		}
		if err != nil || v != callAccepted {
			p.call, p.buf = nil, nil
		}
	})
	return err
}

// acceptWhole takes a call that is all there.
func (s *session) acceptWhole(in *incoming, ctx *callContext) (err error) {
	wake := false
	overflow := s.urgent(func(st *state) {
		var v verdict
		v, err = st.admit(in, &s.limits)
		switch {
		case err != nil || v == callIgnored:
		case v == callRefused:
			st.appendFault(in.id, errCalls(s.limits.MaxCalls))
		case !st.hold(in, len(in.message), &s.limits):
			st.retire(in)
			st.appendFault(in.id, errHeld(s.limits.MaxBuffered))
		default:
			wake = s.push(st, in, ctx)
		}
	})
	if wake {
		go s.work()
	}
	if err == nil {
		err = overflow
	}
	return err
}

// hold counts n more bytes of a call that is arriving. If they are too much it
// is off the list.
func (s *session) hold(in *incoming, n int) (ok bool) {
	s.update(func(st *state) {
		if ok = st.hold(in, n, &s.limits); !ok {
			st.retire(in)
		}
	})
	return ok
}

// release takes a call that was arriving off the list.
func (s *session) release(in *incoming) { s.update(func(st *state) { st.retire(in) }) }

// refuse answers a call that is on no list.
func (s *session) refuse(id uint64, f *rpc.Fault) error {
	return s.urgent(func(st *state) { st.appendFault(id, f) })
}

// urgent queues what cannot wait for room.
func (s *session) urgent(add func(st *state)) (err error) {
	s.update(func(st *state) {
		if st.err != nil {
			err = st.err
			return
		}
		if add(st); st.queued() > maxQueuedControl {
			err = breach("%d bytes wait to be read: expected the peer to read them before it asks for more", st.queued())
		}
	})
	return err
}

// cancel ends the context of a call, or its answer, if that is on its way in
// parts: a FAULT takes its place. A call that was answered is no error: answer and
// CANCEL have met on their way.
func (s *session) cancel(id uint64) (err error) {
	var ctx *callContext
	s.update(func(st *state) {
		if in := st.running[id]; in != nil {
			ctx, in.cancelled = in.ctx, true
			if l := in.large; l != nil {
				st.retire(in)
				st.cut(l)
				st.appendFault(id, rpc.FaultOf(context.Canceled))
			}
		} else if id > st.lastSeen {
			err = breach("CANCEL %d, which was not called", id)
		}
	})
	if ctx != nil {
		ctx.end(context.Canceled)
	}
	return err
}

// enqueue takes the end of a call that was accepted.
func (s *session) enqueue(in *incoming, ctx *callContext) {
	wake := false
	s.update(func(st *state) {
		if st.err == nil {
			wake = s.push(st, in, ctx)
		}
	})
	if wake {
		go s.work()
	}
}

// push puts a complete call into the queue. wake tells to start a worker.
//
// Workers wake each other like this: one that was started takes a call, and if
// more are there it starts another one before it runs the handler. So a call
// never waits for the handler of another one, and yet a burst of short calls is
// done by a few workers, and a goroutine is not started for each of them.
func (s *session) push(st *state, in *incoming, ctx *callContext) (wake bool) {
	in.ctx = ctx
	st.queue.push(in)
	return s.wake(st)
}

// wake decides whether to start a worker, and counts it.
func (s *session) wake(st *state) bool {
	if st.waking || st.queue.empty() || st.err != nil {
		return false
	}
	st.waking = true
	s.helpers.Add(1)
	return true
}

// work answers calls until there are none.
func (s *session) work() {
	defer s.helpers.Done()
	var in *incoming
	wake := false
	s.update(func(st *state) {
		st.waking = false
		in, wake = s.dequeue(st)
	})
	for in != nil {
		if wake {
			go s.work()
		}
		in, wake = s.finish(in, in.handle())
	}
}

func (s *session) dequeue(st *state) (in *incoming, wake bool) {
	in = st.queue.pop()
	return in, s.wake(st)
}

// handle runs the handler and encodes its answer.
func (in *incoming) handle() frameType {
	result, err := in.call()
	in.ctx.end(context.Canceled)
	if err == nil {
		in.answer, err = cbor.Append(withHeadRoom(in.answer), result)
		if err != nil {
			err = in.internal(fmt.Errorf("the result cannot be encoded: %w", err))
		} else if n, most := len(in.answer)-headRoom, in.s.hello.maxMessage; n > most {
			err = rpc.Errorf(rpc.CodeOverLimit, "over limit: the result takes %d bytes, the caller accepts %d", n, most)
		}
	}
	if err == nil {
		return frameResult
	}
	in.answer = appendFault(withHeadRoom(in.answer), rpc.FaultOf(err))
	return frameFault
}

// call runs the handler, which may be anything; a registry does not panic.
func (in *incoming) call() (result any, err error) {
	if in.s.handler == nil {
		return nil, rpc.Errorf(rpc.CodeMethodNotFound, "method not found: %s (this side of the connection offers none)", value.Clip(in.req.Method, 255))
	}
	defer func() {
		if p := recover(); p != nil {
			result, err = nil, in.internal(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	return in.s.handler.Call(in.ctx, &in.req)
}

// internal hides a failure of this side under an id.
func (in *incoming) internal(cause error) error {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails, as its documentation says
	id := hex.EncodeToString(b[:])
	in.s.logger.LogAttrs(in.ctx, slog.LevelError, "internal error", slog.String("id", id),
		slog.String("method", value.Clip(in.req.Method, 255)), slog.Any("error", cause))
	return rpc.Errorf(rpc.CodeInternal, "internal error (id %s)", id)
}

// finish answers a call, which may have to wait for room, and gives the worker
// the next one.
func (s *session) finish(in *incoming, kind frameType) (next *incoming, wake bool) {
	if body := in.answer[headRoom:]; split(body) {
		s.finishLarge(in, kind)
	} else {
		next, wake = s.finishSmall(in, kind, body)
	}
	in.free()
	if next == nil {
		s.update(func(st *state) { next, wake = s.dequeue(st) })
	}
	return next, wake
}

func (s *session) finishSmall(in *incoming, kind frameType, body []byte) (next *incoming, wake bool) {
	for {
		var room chan struct{}
		s.update(func(st *state) {
			switch {
			case st.err != nil: // nobody is there to take it
			case st.hasRoom(len(body)):
				st.out = append(appendSessionHead(st.out, kind, 0, in.id, len(body)), body...)
			default:
				room = st.wantRoom()
				return
			}
			st.retire(in)
			// Without a writer this goroutine becomes it, and a call that it had
			// taken would wait for that.
			if st.writing {
				next, wake = s.dequeue(st)
			}
		})
		if room == nil {
			return next, wake
		}
		<-room // the end of the session makes room, too
	}
}

// finishLarge answers a call in parts and waits until they are written: until
// then the memory is not free.
func (s *session) finishLarge(in *incoming, kind frameType) {
	l := &large{kind: kind, id: in.id, buf: in.answer, answer: in, done: make(chan struct{})}
	s.update(func(st *state) {
		switch {
		case st.err != nil:
			st.retire(in)
			l.end()
		case in.cancelled:
			st.retire(in)
			st.appendFault(in.id, rpc.FaultOf(context.Canceled))
			l.end()
		default:
			in.large = l
			st.large = append(st.large, l)
		}
	})
	<-l.done
	s.update(func(st *state) {
		if st.flyingLarge == l {
			in.answer = nil
		}
		st.retire(in)
	})
}

// queue is calls in line. Its memory is used again.
type queue struct {
	calls []*incoming
	first int
}

func (q *queue) empty() bool { return q.first == len(q.calls) }

func (q *queue) push(in *incoming) {
	if len(q.calls) == cap(q.calls) && q.first > 0 {
		n := copy(q.calls, q.calls[q.first:])
		clear(q.calls[n:])
		q.calls, q.first = q.calls[:n], 0
	}
	q.calls = append(q.calls, in)
}

func (q *queue) pop() *incoming {
	if q.empty() {
		return nil
	}
	in := q.calls[q.first]
	q.calls[q.first] = nil
	if q.first++; q.empty() {
		q.calls, q.first = q.calls[:0], 0
	}
	return in
}
