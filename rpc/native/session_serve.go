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
	charged int // what the purse counts for it, in bytes
	values  int // what the arguments are estimated to take decoded, in bytes
	load    int // of that, what state.heavy counts
	args    []byte
	ctx     *callContext // guarded by session.mu while the call is in running
	req     rpc.Request
	dec     cbor.Decoder
	answer  []byte    // headRoom, then the body
	short   bool      // it runs on the reader
	kind    frameType // of the answer, when a worker gets a call that was run; else 0

	listed              bool // guarded by session.mu; see callList
	previous, following *incoming

	cancelled bool   // guarded by session.mu; the caller has given up
	large     *large // guarded by session.mu; the answer, while it is sent in parts

	in  *instream  // the upload; nil: none
	out *outstream // the items of the result; nil: the caller takes none

	multicall *multicall // what it is, if it is one
}

var incomings = sync.Pool{New: func() any { return new(incoming) }}

func newIncoming(s *session, id uint64) *incoming {
	in := incomings.Get().(*incoming)
	in.s, in.id = s, id
	return in
}

func (in *incoming) free() {
	in.message, in.answer = reuse(&in.dec, in.message), kept(in.answer)
	in.s, in.args, in.ctx, in.req, in.cancelled, in.values = nil, nil, nil, rpc.Request{}, false, 0
	in.in, in.out, in.multicall = nil, nil, nil
	in.short, in.kind = false, 0
	incomings.Put(in)
}

// begin makes the request of a message that is all there, and its context.
func (in *incoming) begin(method string, h callHead) *callContext {
	in.args, in.values = h.args, weigh(h.args)
	in.req = rpc.Request{Method: method, Args: in, Meta: h.meta, Peer: in.s.peer}
	ctx := &callContext{base: in.s.base}
	if h.timeout > 0 {
		ctx.deadline = in.s.lastReadAt().Add(h.timeout)
	}
	in.attachStreams(ctx)
	return ctx
}

// Decode reads the arguments. It makes an incoming the Args of its request.
func (in *incoming) Decode(dst []any, p *value.Params) error {
	decode(&in.dec, in.args)
	if err := value.DecodeArgs(&in.dec, dst, p); err != nil {
		return err
	}
	return in.dec.Finish()
}

// callList is a list of calls that costs less than a map: calls are looked up
// only to be cancelled.
type callList struct {
	first *incoming
	n     int
}

func (l *callList) add(in *incoming) {
	in.listed, in.previous, in.following = true, nil, l.first
	if l.first != nil {
		l.first.previous = in
	}
	l.first = in
	l.n++
}

// remove takes in off the list, if it is on it.
func (l *callList) remove(in *incoming) {
	if !in.listed {
		return
	}
	if in.previous != nil {
		in.previous.following = in.following
	} else {
		l.first = in.following
	}
	if in.following != nil {
		in.following.previous = in.previous
	}
	in.listed, in.previous, in.following = false, nil, nil
	l.n--
}

func (l *callList) find(id uint64) *incoming {
	for in := l.first; in != nil; in = in.following {
		if in.id == id {
			return in
		}
	}
	return nil
}

// verdict is what becomes of a call that begins.
type verdict uint8

const (
	callAccepted verdict = iota
	callIgnored          // it came after our GOAWAY, which answers it
	callRefused          // with a fault
)

// admit decides about a call that begins, and gives it a place. One that is
// refused is so with a fault.
func (st *state) admit(in *incoming, l *Limits) (verdict, *rpc.Fault, error) {
	if st.err != nil {
		return callIgnored, nil, st.err
	}
	if in.id <= st.lastSeen {
		return 0, nil, breach("CALL %d after CALL %d: expected ids that rise", in.id, st.lastSeen)
	}
	st.lastSeen = in.id
	if st.left {
		return callIgnored, nil, nil
	}
	st.count.served.begun++
	switch {
	case st.running.n >= l.MaxCalls:
		return callRefused, errCalls(l.MaxCalls), nil
	case !st.purse.calls.take(1):
		return callRefused, st.purse.errCalls(), nil
	}
	st.running.add(in)
	if !st.charge(in, callMemory) {
		st.retire(in)
		return callRefused, st.purse.errMemory(), nil
	}
	st.enlistIncoming(in)
	return callAccepted, nil, nil
}

// hold counts n more bytes of a call. A fault says that they are too many.
func (st *state) hold(in *incoming, n int, l *Limits) *rpc.Fault {
	switch {
	case st.held+n > l.MaxBuffered:
		return errHeld(l.MaxBuffered)
	case !st.charge(in, n):
		return st.purse.errMemory()
	}
	st.held += n
	in.held += n
	return nil
}

// retire takes a call off the list, if it is on it.
func (st *state) retire(in *incoming) {
	if in.listed {
		st.running.remove(in)
		st.delistIncoming(in)
		st.purse.calls.give(1)
	}
	st.discharge(in)
	st.held -= in.held
	in.held, in.large = 0, nil
}

// appendFault answers a call with a fault that is not its handler's.
func (st *state) appendFault(id uint64, f *rpc.Fault) {
	st.count.served.end(frameFault)
	body := appendFault(nil, f)
	st.out = append(appendSessionHead(st.out, frameFault, 0, id, len(body)), body...)
}

// appendAnswer answers a call that was handled.
func (st *state) appendAnswer(in *incoming, kind frameType) {
	st.count.served.end(kind)
	body := in.answer[headRoom:]
	st.out = append(appendSessionHead(st.out, kind, 0, in.id, len(body)), body...)
}

func errCalls(limit int) *rpc.Fault {
	return rpc.Errorf(rpc.CodeOverLimit, "over limit: %d calls at once on one connection", limit)
}

// accept takes the beginning of a call that goes on in further frames.
func (s *session) accept(p *part) (err error) {
	s.update(func(st *state) {
		var v verdict
		v, p.fault, err = st.admit(p.call, &s.limits)
		if err != nil || v != callAccepted {
			p.call, p.buf = nil, nil
		}
	})
	return err
}

// acceptWhole takes a call that is all there, from within update. mine says that
// the reader is to run it.
func (s *session) acceptWhole(in *incoming) (mine bool, err error) {
	st := &s.st
	v, f, err := st.admit(in, &s.limits)
	if err != nil || v == callIgnored {
		return false, err
	}
	if f == nil {
		f = st.hold(in, len(in.message), &s.limits)
	}
	if mine = f == nil && in.short && in.values < heavyFrom; mine {
		if !st.charge(in, in.values) {
			mine, f = false, st.purse.errMemory()
		}
	} else if f == nil {
		f = s.push(in, in.ctx)
	}
	if f == nil {
		return mine, nil
	}
	st.retire(in)
	st.appendFault(in.id, f)
	return false, st.overflow()
}

// hold counts n more bytes of a call that is arriving. If they are too much it
// is off the list.
func (s *session) hold(in *incoming, n int) (f *rpc.Fault) {
	s.update(func(st *state) {
		if f = st.hold(in, n, &s.limits); f != nil {
			st.retire(in)
		}
	})
	return f
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
		add(st)
		err = st.overflow()
	})
	return err
}

// overflow is the breach of a peer that asks for more than it reads.
func (st *state) overflow() error {
	if st.queued() <= maxQueuedControl {
		return nil
	}
	return breach("%d bytes wait to be read: expected the peer to read them before it asks for more", st.queued())
}

// cancel ends the context of a call, or its answer, if that is on its way in
// parts: a FAULT takes its place. A call that was answered is no error: answer and
// CANCEL have met on their way.
func (s *session) cancel(id uint64) (err error) {
	var ctx *callContext
	s.update(func(st *state) {
		if in := st.running.find(id); in != nil {
			ctx, in.cancelled = in.ctx, true
			if in.out != nil {
				st.stop(in.out)
			}
			st.leaveLine(in)
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
	s.update(func(st *state) {
		if st.err != nil {
			return
		}
		if f := s.push(in, ctx); f != nil {
			st.retire(in)
			st.appendFault(in.id, f)
		}
	})
}

// handle runs the handler and encodes its answer.
func (in *incoming) handle() frameType {
	result, err := in.call()
	in.ctx.leave()
	if in.out != nil {
		in.out.stop()
		if err == nil && in.out.cut {
			err = context.Canceled // an item that is cut needs a FAULT after it
		}
	}
	if err == nil {
		err = in.encode(result)
	}
	if err == nil {
		return frameResult
	}
	in.answer = appendFault(withHeadRoom(in.answer), rpc.FaultOf(err))
	return frameFault
}

// encode makes a result the answer. It may panic in a type that writes itself.
func (in *incoming) encode(result any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = in.panicked(in.req.Method, p)
		}
	}()
	if m := in.multicall; m != nil && m.begun {
		if err = m.end(); err != nil {
			return err
		}
	} else {
		if f := in.s.reserve(in, sizeOf(result)); f != nil {
			return f
		}
		if in.answer, err = cbor.Append(withHeadRoom(in.answer), result); err != nil {
			return in.unencoded(in.req.Method, err)
		}
	}
	if n, most := len(in.answer)-headRoom, in.s.hello.maxMessage; n > most {
		return rpc.Errorf(rpc.CodeOverLimit, "over limit: the result takes %d bytes, the caller accepts %d", n, most)
	}
	return nil
}

// call runs the handler, which may be anything; a registry does not panic.
func (in *incoming) call() (result any, err error) {
	if in.s.handler == nil {
		return nil, rpc.Errorf(rpc.CodeMethodNotFound, "method not found: %s (this side of the connection offers none)", value.Clip(in.req.Method, 255))
	}
	defer func() {
		if p := recover(); p != nil {
			result, err = nil, in.panicked(in.req.Method, p)
		}
	}()
	if in.req.Method == multicallName && in.out == nil {
		in.multicall = &multicall{in: in}
		in.req.Elements = in.multicall
	}
	return in.s.handler.Call(in.ctx, &in.req)
}

// internal hides a failure of this side under an id.
func (in *incoming) internal(method string, cause error) *rpc.Fault {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails, as its documentation says
	id := hex.EncodeToString(b[:])
	in.s.logger.LogAttrs(in.ctx, slog.LevelError, "internal_error", slog.String("id", id),
		slog.String("method", value.Clip(method, 255)), slog.Any("error", cause))
	return rpc.Errorf(rpc.CodeInternal, "internal error (id %s)", id)
}

func (in *incoming) panicked(method string, p any) *rpc.Fault {
	return in.internal(method, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
}

func (in *incoming) unencoded(method string, cause error) *rpc.Fault {
	return in.internal(method, fmt.Errorf("the result cannot be encoded: %w", cause))
}

// finish answers a call, which may have to wait for room, and takes the next one
// as nextCall does.
func (s *session) finish(in *incoming, kind frameType) (next *incoming, stay bool) {
	took := false
	kind = s.settleAccount(in, kind)
	if body := in.answer[headRoom:]; split(body) {
		s.finishLarge(in, kind)
	} else {
		next, stay, took = s.finishSmall(in, kind, body)
	}
	in.free()
	if !took {
		s.update(func(*state) { next, stay = s.nextCall() })
	}
	return next, stay
}

func (s *session) finishSmall(in *incoming, kind frameType, body []byte) (next *incoming, stay, took bool) {
	for {
		var room chan struct{}
		s.update(func(st *state) {
			switch {
			case st.err != nil: // nobody is there to take it
			case st.hasRoom(len(body)):
				st.appendAnswer(in, kind)
			default:
				room = st.wantRoom()
				return
			}
			st.retire(in)
			// Without a writer this goroutine becomes it, and a call that it had
			// taken would wait for that.
			if took = st.writing; took {
				next, stay = s.nextCall()
			}
		})
		if room == nil {
			return next, stay, took
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
			st.queueBehind(l)
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
