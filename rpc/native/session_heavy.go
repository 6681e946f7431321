package native

import (
	"context"
	"slices"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native/cbor"
)

// A message of 262 000 empty maps has 262 000 bytes, and takes 17 MB once it is
// decoded. So what arguments take is estimated before a handler runs, and a call
// whose arguments take much is a heavy one. It waits in line, as the bytes that
// have come, while the heavy calls that run on its session take MaxBuffered
// together. All others run at once.

const (
	// heavyFrom is what the arguments of a heavy call take at least, in bytes.
	heavyFrom = 64 << 10
	// weighFrom is the size of arguments that are worth to be looked at, in bytes.
	// Shorter ones are taken to be manyfold of their size.
	weighFrom = 256
	manyfold  = 64
	// smallAnswer is the size of an answer, in bytes, up to which it is paid for by
	// what its call has paid.
	smallAnswer = 4 << 10
)

// weigh estimates what arguments take, in bytes.
func weigh(args []byte) int {
	if len(args) < weighFrom {
		return len(args) * manyfold
	}
	return cbor.Weigh(args)
}

// heavyLine are the heavy calls of a session.
type heavyLine struct {
	line []*incoming // complete ones that wait; nil: none does
	load int         // estimated bytes of those that were given to workers
}

// charge counts n more bytes for a call in the budget, if they are to be had.
func (st *state) charge(in *incoming, n int) bool {
	if !st.purse.memory.take(int64(n)) {
		return false
	}
	in.charged += n
	return true
}

// discharge counts nothing for a call any more.
func (st *state) discharge(in *incoming) {
	st.purse.memory.give(int64(in.charged))
	st.heavy.load -= in.load
	in.charged, in.load = 0, 0
}

// push gives a complete call to a worker, or puts it in line. A fault says that
// there is no memory for it. It is called from within update.
func (s *session) push(in *incoming, ctx *callContext) *rpc.Fault {
	in.ctx = ctx
	if in.values >= heavyFrom && s.st.heavy.line != nil {
		s.st.heavy.line = append(s.st.heavy.line, in)
		return nil
	}
	waits, f := s.start(in)
	if waits {
		s.st.heavy.line = append(s.st.heavy.line, in)
	}
	return f
}

// start gives a call to a worker. A heavy one may have to wait until others have
// been answered, or find that there is nobody to wait for.
func (s *session) start(in *incoming) (waits bool, f *rpc.Fault) {
	st := &s.st
	load := 0
	if in.values >= heavyFrom {
		load = in.values
	}
	busy := load > 0 && st.heavy.load > 0
	if busy && st.heavy.load+load > s.limits.MaxBuffered {
		return true, nil
	}
	if !st.charge(in, in.values) {
		if busy {
			return true, nil
		}
		return false, st.purse.errMemory()
	}
	in.load = load
	st.heavy.load += load
	st.workers.push(in)
	s.wake()
	return false, nil
}

// startHeavy gives those in line to workers whose turn has come. update calls it
// at each change.
func (s *session) startHeavy() {
	line := s.st.heavy.line
	for len(line) > 0 {
		waits, f := s.start(line[0])
		if waits {
			break
		}
		if f != nil {
			s.st.retire(line[0])
			s.st.appendFault(line[0].id, f)
		}
		line[0] = nil
		line = line[1:]
	}
	if s.st.heavy.line = line; len(line) == 0 {
		s.st.heavy.line = nil
	}
}

// leaveLine answers a call that is cancelled before its turn has come.
func (st *state) leaveLine(in *incoming) {
	i := slices.Index(st.heavy.line, in)
	if i < 0 {
		return
	}
	st.heavy.line = slices.Delete(st.heavy.line, i, i+1)
	st.retire(in)
	st.appendFault(in.id, rpc.FaultOf(context.Canceled))
}

// reserve counts a large answer of that many bytes before it is encoded: of many
// that come at once and are refused, the encoded ones would be garbage for longer
// than there is memory.
func (s *session) reserve(in *incoming, size int) (f *rpc.Fault) {
	if size <= smallAnswer {
		return nil
	}
	s.update(func(st *state) {
		if more := callMemory + len(in.message) + size - in.charged; more > 0 && !st.charge(in, more) {
			f = st.purse.errMemory()
		}
	})
	return f
}

// sizeOf is what a result takes encoded, in bytes; 0 where that is not known.
func sizeOf(result any) int {
	switch v := result.(type) {
	case []byte:
		return len(v)
	case string:
		return len(v)
	}
	return 0
}

// settleAccount counts a large answer in place of the arguments, which are not
// needed any more. One for which there is no memory is replaced by a fault.
func (s *session) settleAccount(in *incoming, kind frameType) frameType {
	if len(in.answer) <= smallAnswer && in.load == 0 {
		return kind
	}
	if split(in.answer) && cap(in.message) > chunkSize { // the answer may take its time
		if message := reuse(&in.dec, in.message); cap(message) > 0 {
			putMessage(&message)
		}
		in.message, in.args = nil, nil
	}
	want := callMemory + len(in.message) + len(in.answer)
	var f *rpc.Fault
	s.update(func(st *state) {
		st.heavy.load -= in.load
		in.load = 0
		switch more := want - in.charged; {
		case more <= 0:
			st.purse.memory.give(int64(-more))
			in.charged = want
		case !st.charge(in, more):
			f = st.purse.errMemory()
		}
	})
	if f != nil {
		in.answer = appendFault(withHeadRoom(nil), f)
		return frameFault
	}
	return kind
}
