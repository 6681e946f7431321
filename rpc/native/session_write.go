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
	headRoom = 32
)

// large is a message that is sent in several frames. Its memory belongs to the
// writer until it is detached.
type large struct {
	kind   frameType
	id     uint64
	buf    []byte // headRoom bytes, then the message
	start  int    // of the first frame in buf, its head included
	sent   int    // up to here buf was taken by a writer; 0: nothing was
	answer *incoming
	done   chan struct{} // closed when all was written, or will never be; nil for a CALL
	ended  bool
}

// newLarge makes a message in frames. timeout stands in front of it.
func newLarge(kind frameType, id uint64, buf, timeout []byte) *large {
	first := buf[headRoom:][:chunkSize]
	total := len(buf) - headRoom + len(timeout)
	var head [headRoom]byte
	h := appendSessionHead(head[:0], kind, flagMore, id, uvarintLen(uint64(total))+len(timeout)+len(first))
	h = binary.AppendUvarint(h, uint64(total))
	h = append(h, timeout...)
	l := &large{kind: kind, id: id, buf: buf, start: headRoom - len(h)}
	copy(buf[l.start:], h)
	return l
}

// next returns the next frame, whose memory may be written to until then.
func (l *large) next() (frame []byte, last bool) {
	if l.sent == 0 {
		l.sent = headRoom + chunkSize
		return l.buf[l.start:l.sent], false
	}
	chunk, flags := firstChunk(l.buf[l.sent:])
	var head [headRoom]byte
	h := appendSessionHead(head[:0], l.kind, flags, l.id, len(chunk))
	begin := l.sent - len(h)
	copy(l.buf[begin:], h)
	l.sent += len(chunk)
	return l.buf[begin:l.sent], flags == 0
}

// taken reports whether a writer has taken all of it.
func (l *large) taken() bool { return l.sent == len(l.buf) }

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
	queued := st.queued()
	return queued == 0 || queued+n <= maxQueued
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
	} else if cap(written) > 0 && cap(written) <= maxSpare {
		st.spare = written[:0]
	}
	st.makeRoom()
	if st.connClosed || len(st.out) == 0 && len(st.large) == 0 {
		st.flying, st.writing = 0, false
		return nil
	}
	var b []byte
	if st.largeTurn = !st.largeTurn && len(st.large) > 0 || len(st.out) == 0; st.largeTurn {
		b = st.takeLarge()
	} else {
		b = st.out
		st.out, st.spare = st.spare, nil
	}
	st.flying = len(b)
	return b
}

// takeLarge takes a frame of the first message in line.
func (st *state) takeLarge() []byte {
	l := st.large[0]
	st.large = slices.Delete(st.large, 0, 1)
	b, last := l.next()
	st.flyingLarge = l
	if !last {
		st.large = append(st.large, l)
	} else if l.answer != nil {
		// Before the peer can have the answer: its next call needs the place.
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
		s.relieve(nil)
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
		n, err := s.raw.tryWrite(b)
		if err != nil {
			s.writeFailed(err)
			return
		}
		if n < len(b) {
			s.relieve(b[n:])
			return
		}
	}
	s.relieve(b[:0])
}

// next returns what to write after written, nil if there is nothing.
func (s *session) next(written []byte) (b []byte) {
	s.update(func(st *state) { b = st.take(written) })
	return b
}

// relieve makes a goroutine the writer, which first writes b. It ends when
// nothing is left.
func (s *session) relieve(b []byte) {
	s.mu.Lock()
	if s.st.connClosed {
		s.st.writing = false
		s.mu.Unlock()
		return
	}
	s.helpers.Add(1)
	s.mu.Unlock()
	go s.flush(b)
}

// flush is the writer that may wait for the peer.
func (s *session) flush(b []byte) {
	defer s.helpers.Done()
	for {
		if err := s.writeAll(b); err != nil {
			s.writeFailed(err)
			return
		}
		if s.raw != nil {
			// Before another one can become the writer.
			s.nc.SetWriteDeadline(time.Time{})
		}
		if b = s.next(b); b == nil {
			return
		}
	}
}

// writeAll writes b as fast as the peer takes it, which it must not stop to do.
func (s *session) writeAll(b []byte) error {
	for len(b) > 0 {
		if err := s.nc.SetWriteDeadline(time.Now().Add(s.limits.DeadAfter)); err != nil {
			return err
		}
		n, err := s.nc.Write(b[:min(len(b), stallSize)])
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

// writeFailed ends the session: a frame may have been cut in two.
func (s *session) writeFailed(err error) {
	if !errors.Is(err, ErrPeerDead) {
		err = lost(err)
	}
	s.end(err)
	s.close()
	s.update(func(st *state) {
		st.out, st.flying, st.flyingLarge, st.writing = nil, 0, nil, false
		st.makeRoom()
	})
}
