package native

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"
)

// What is to be written stands in two places. Frames that hold a whole message,
// and all small ones, are copied into state.out. A longer message stays where it
// is and waits in line in state.large; the writer takes a frame of each in turn,
// and what is in out in between.

const (
	// maxRounds is how often one writer writes before a goroutine relieves it: it
	// may be a caller, who has a deadline.
	maxRounds = 32
	// stallSize is what a peer has to take within DeadAfter, in bytes.
	stallSize = 64 << 10
	// maxSpare is the largest memory that is kept for the next out, in bytes.
	maxSpare = 512 << 10
	// headRoom is what stands in front of a message, in bytes, for the head of its
	// first frame: length, type, flags, id, and for a split message its size and,
	// in a CALL, the time-out. The head of a later frame overwrites what was
	// written before.
	headRoom = 36
)

// large is a message that is sent in several frames. Its memory belongs to the
// writer until it is cut.
type large struct {
	kind    frameType
	id      uint64        // of a call: 0 until it is about to begin
	timeout time.Duration // of a call
	flags   byte          // of the first frame
	buf     []byte        // headRoom bytes, then the message
	after   uint64        // the state.batch from which on it may begin
	sent    int           // up to here buf was taken by a writer; 0: nothing was

	call   *call         // a call of ours, or
	answer *incoming     // an answer to one of the peer's; neither: an item of a stream
	done   chan struct{} // closed when all was written, or will never be; nil: nobody waits
	ended  bool          // no more of it will be written
}

// next returns the next frame. Nobody may write to it until the next call.
func (l *large) next() []byte {
	var memory [headRoom]byte
	head := memory[:0]
	begin := l.sent
	if begin == 0 {
		begin = headRoom
	}
	chunk, flags := firstChunk(l.buf[begin:])
	if l.sent == 0 {
		var b [binary.MaxVarintLen64]byte
		timeout := b[:0]
		if l.call != nil {
			timeout = appendTimeout(timeout, l.timeout)
		}
		flags |= l.flags
		total := uint64(len(l.buf) - headRoom + len(timeout))
		head = appendSessionHead(head, l.kind, flags, l.id, uvarintLen(total)+len(timeout)+len(chunk))
		head = append(binary.AppendUvarint(head, total), timeout...)
	} else {
		head = appendSessionHead(head, l.kind, flags, l.id, len(chunk))
	}
	copy(l.buf[begin-len(head):], head)
	l.sent = begin + len(chunk)
	return l.buf[begin-len(head) : l.sent]
}

// taken reports whether a writer has taken all of it.
func (l *large) taken() bool { return l.sent == len(l.buf) }

// waits reports whether nothing of it was sent, and may yet be.
func (l *large) waits() bool { return l.sent == 0 && !l.ended }

// end says that no more of l will be written.
func (l *large) end() {
	if !l.ended && l.done != nil {
		close(l.done)
	}
	l.ended = true
}

// split reports whether a message has to be sent in several frames.
func split(message []byte) bool { return len(message) > chunkSize }

// firstChunk returns the part of a message that goes into the next frame.
func firstChunk(message []byte) (chunk []byte, flags byte) {
	if split(message) {
		return message[:chunkSize], flagMore
	}
	return message, 0
}

// hasRoom reports whether n more bytes may be added to out. A first message
// always may, whatever its size.
func (st *state) hasRoom(n int) bool {
	queued := st.queued() + n
	return queued == n || queued <= ownQueue || queued <= maxQueued && st.drawQueue()
}

// drawQueue pays for a long queue, which is given back when all is written.
func (st *state) drawQueue() bool {
	if !st.queueDrawn {
		st.queueDrawn = st.purse.memory.take(maxQueued - ownQueue)
	}
	return st.queueDrawn
}

// wantRoom returns a channel that is closed when bytes have left, or when the
// session has ended.
func (st *state) wantRoom() chan struct{} {
	if st.room == nil {
		st.room = make(chan struct{})
	}
	return st.room
}

func (st *state) makeRoom() {
	if st.room != nil {
		close(st.room)
		st.room = nil
	}
}

// cut takes a message out of the line. A frame of it that is being written is
// the last one.
func (st *state) cut(l *large) {
	if i := slices.Index(st.large, l); i >= 0 {
		st.large = slices.Delete(st.large, i, i+1)
	}
	l.end()
}

// take hands what is to be written next to the writer, whose last bytes come
// back. Without anything to write there is no writer any more.
func (st *state) take(written []byte) []byte {
	if l := st.flyingLarge; l != nil {
		st.flyingLarge = nil
		if l.taken() {
			l.end()
		}
	} else if cap(written) <= maxSpare {
		st.spare = written[:0]
	}
	if st.out == nil {
		st.out, st.spare = st.spare, nil
	}
	st.count.written += uint64(st.flying)
	st.makeRoom()
	if st.connClosed || len(st.out) == 0 && len(st.large) == 0 {
		st.flying, st.writing = 0, false
		if st.queueDrawn {
			st.queueDrawn = false
			st.purse.memory.give(maxQueued - ownQueue)
		}
		return nil
	}
	var b []byte
	if st.turnOfLarge() {
		b = st.takeLarge()
	} else {
		b = st.out
		st.out, st.spare = st.spare, nil
		st.batch++
	}
	st.flying, st.spoke = len(b), true
	return b
}

// turnOfLarge decides between out and the first message in line. They take turns,
// except where a call begins: ids rise on the wire, so it gets its own when out
// is taken, and then comes before all that is added to out afterwards.
func (st *state) turnOfLarge() bool {
	if len(st.large) == 0 || st.batch == 0 {
		return false // HELLO, in the first out, comes before all
	}
	first := st.large[0]
	switch begins := first.call != nil && first.sent == 0; {
	case first.sent == 0 && st.batch < first.after:
		st.largeTurn = false
	case len(st.out) == 0, begins && first.id != 0:
		st.largeTurn = true
	case begins:
		st.largeTurn = false
		st.enlistLarge(first)
	default:
		st.largeTurn = !st.largeTurn
	}
	return st.largeTurn
}

// queueBehind puts a message in line that must not overtake what is in out now.
func (st *state) queueBehind(l *large) {
	if l.after = st.batch; len(st.out) > 0 {
		l.after++
	}
	st.large = append(st.large, l)
}

func (st *state) enlistLarge(l *large) {
	st.enlist(l.call)
	l.id = l.call.id
}

// takeLarge takes a frame of the first message in line.
func (st *state) takeLarge() []byte {
	l := st.large[0]
	st.large = slices.Delete(st.large, 0, 1)
	if l.id == 0 {
		st.enlistLarge(l)
	}
	b := l.next()
	st.flyingLarge = l
	switch {
	case !l.taken():
		st.large = append(st.large, l)
	case l.answer != nil:
		// Before the peer can have the answer: its next call needs the place.
		st.count.served.end(l.kind)
		st.retire(l.answer)
	}
	return b
}

// write writes what is queued, as the writer that update has made of its caller.
// It never waits for the peer: what the kernel does not take at once is left to
// a goroutine.
//
// With gather set, others are about to add to the queue: it lets them, so that
// one write does for all. That is worth more than anything else done here: three
// times as many calls on two cores, six times on one.
func (s *session) write(gather bool) {
	if s.raw == nil {
		s.relieve(nil, nil)
		return
	}
	if gather {
		runtime.Gosched()
	}
	var b []byte
	for range maxRounds {
		if b = s.next(b); b == nil {
			return
		}
		wire, err := s.seal(b)
		n := 0
		if err == nil {
			n, err = s.raw.tryWrite(wire)
		}
		if err != nil {
			s.writeFailed(err, n == 0)
			return
		}
		if n < len(wire) {
			s.relieve(wire[n:], b)
			return
		}
		s.sent()
	}
	s.relieve(nil, b)
}

// seal returns what frames are on the wire. It is the writer's until it calls
// sent.
func (s *session) seal(b []byte) ([]byte, error) {
	if s.tls == nil {
		return b, nil
	}
	return s.tls.seal(b)
}

// sent says that all that seal has returned was written.
func (s *session) sent() {
	if s.tls != nil {
		s.tls.sent()
	}
}

// next returns what to write after written, nil if there is nothing.
func (s *session) next(written []byte) (b []byte) {
	s.update(func(st *state) { b = st.take(written) })
	return b
}

// relieve makes a goroutine the writer, which first writes rest, the last of
// what b is on the wire. It ends when nothing is left.
func (s *session) relieve(rest, b []byte) {
	s.mu.Lock()
	if s.st.connClosed {
		s.st.writing = false
		s.mu.Unlock()
		return
	}
	s.helpers.Add(1)
	s.mu.Unlock()
	go s.flush(rest, b)
}

// flush is the writer that may wait for the peer.
func (s *session) flush(rest, b []byte) {
	defer s.helpers.Done()
	for {
		if len(rest) > 0 {
			if err := s.writeAll(rest); err != nil {
				s.writeFailed(err, false)
				return // and is the writer for ever
			}
			s.sent()
		}
		if s.raw != nil {
			// Before another one can become the writer.
			s.nc.SetWriteDeadline(time.Time{})
		}
		if b = s.next(b); b == nil {
			return
		}
		var err error
		if rest, err = s.seal(b); err != nil {
			s.writeFailed(err, true)
			return
		}
	}
}

// writeAll writes b to the socket as fast as the peer takes it, which it must not
// stop to do.
func (s *session) writeAll(b []byte) error {
	for len(b) > 0 {
		if err := s.wire.SetWriteDeadline(time.Now().Add(s.limits.DeadAfter)); err != nil {
			return err
		}
		n, err := s.wire.Write(b[:min(len(b), stallSize)])
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("%w: it took %d bytes in %v", ErrPeerDead, n, s.limits.DeadAfter)
		}
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// writeFailed takes the failure of a write, after which no further one can be
// made: a frame may have been cut in two. With none set not a byte of what was
// taken last has left. What the peer has sent before it went away is still read,
// since it may be answers, or the reason.
func (s *session) writeFailed(err error, none bool) {
	if errors.Is(err, ErrPeerDead) {
		s.end(err)
		return
	}
	s.update(func(st *state) {
		if none && st.flyingLarge == nil {
			st.batch-- // it was not taken after all
		}
		if st.writeErr = lost(err); !st.connClosed {
			s.nc.SetReadDeadline(time.Now().Add(lingerTime))
		}
	})
}
