package faultproxy

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"
)

// Fault is what happens to the bytes of one direction. The zero value forwards
// them as they come. Offsets count from the moment at which the fault was set,
// or from the beginning of a later connection.
type Fault struct {
	// Latency is how much later bytes arrive.
	Latency time.Duration
	// Bandwidth is how many bytes pass in a second. Zero means as many as come.
	Bandwidth int
	// Dribble forwards each byte by itself.
	Dribble bool
	// Discard reads and forwards nothing; the sender's end does not arrive either.
	Discard bool
	// Stop reads nothing, so that the sender has to wait.
	Stop bool
	// CloseAfter closes the connection when so many bytes were forwarded. Zero
	// means never.
	CloseAfter int64
	// Alter changes bytes in place; the first of them has offset at.
	Alter func(at int64, b []byte)
	// Rewrite gets each frame of 4 bytes length and a payload that begins from
	// now on, and returns what is forwarded instead, which may be anything, and
	// whether the connection is closed then.
	Rewrite func(frame []byte) (out []byte, last bool)
}

// FlipBit returns an Alter that flips one bit: bit%8, the lowest being 0, of
// byte bit/8.
func FlipBit(bit int64) func(at int64, b []byte) {
	return func(at int64, b []byte) {
		if i := bit/8 - at; i >= 0 && i < int64(len(b)) {
			b[i] ^= 1 << (bit % 8)
		}
	}
}

// piece is what was read in one go.
type piece struct {
	b    []byte
	due  time.Time // when it may arrive
	last bool      // then the connection is closed
	end  error     // the sender has ended its side: io.EOF, or it has broken the connection
}

// stream is one direction of a connection.
type stream struct {
	c        *conn
	dir      Direction
	src, dst net.Conn

	armed  int   // the fault that at counts from
	at     int64 // bytes since it was set
	frames framing

	free time.Time // when the next bytes may pass; the writer's
}

// maxCatchUp bounds the time for which bytes may pass faster than Bandwidth says.
const maxCatchUp = 100 * time.Millisecond

// read reads pieces and does to them what needs no time.
func (s *stream) read(pieces chan<- piece) {
	defer close(pieces)
	buf := make([]byte, 32<<10)
	for {
		if _, ok := s.ready(); !ok {
			return
		}
		n, err := s.src.Read(buf)
		f, ok := s.ready() // it may have changed in the meantime
		if !ok {
			return
		}
		if f.Discard && err == nil {
			continue
		}
		p := piece{end: err, due: time.Now().Add(f.Latency)}
		p.b, p.last = s.frames.next(buf[:n], f.Rewrite)
		if f.Alter != nil {
			f.Alter(s.at, p.b)
		}
		if left := f.CloseAfter - s.at; f.CloseAfter > 0 && int64(len(p.b)) >= left {
			p.b, p.last = p.b[:max(left, 0)], true
		}
		s.at += int64(len(p.b))
		if err != nil && f.Discard {
			<-s.c.done
			return
		}
		select {
		case pieces <- p:
		case <-s.c.done:
			return
		}
		if err != nil || p.last {
			return
		}
	}
}

// ready waits while there is nothing to be read, and returns what holds then;
// false: the connection has ended.
func (s *stream) ready() (Fault, bool) {
	for {
		f, armed, changed := s.c.fault(s.dir)
		if armed != s.armed {
			s.armed, s.at = armed, 0
		}
		if !f.Stop {
			return f, true
		}
		select {
		case <-changed:
		case <-s.c.done:
			return f, false
		}
	}
}

// write writes pieces, as late and as slowly as it has to. When nobody takes them
// any more, those of the other direction still arrive.
func (s *stream) write(pieces <-chan piece) {
	for p := range pieces {
		if s.c.wait(p.due) != nil || s.forward(p.b) != nil {
			break
		}
		switch w, ok := s.dst.(interface{ CloseWrite() error }); {
		case p.last:
			s.c.close()
		case errors.Is(p.end, io.EOF) && ok:
			_ = w.CloseWrite() // fails if the other side has gone too
		case p.end != nil:
			s.c.abort()
		}
	}
	for range pieces { // until read has seen the end
	}
}

func (s *stream) forward(b []byte) error {
	for len(b) > 0 {
		f, _, _ := s.c.fault(s.dir)
		if f.Discard {
			return nil
		}
		n := len(b)
		if f.Bandwidth > 0 {
			n = min(n, max(1, f.Bandwidth/100))
		}
		if f.Dribble {
			n = 1
		}
		n, err := s.dst.Write(b[:n])
		s.c.proxy.bytes[s.dir].Add(int64(n))
		if err != nil {
			return err
		}
		b = b[n:]
		if f.Bandwidth > 0 {
			// Who wakes late may catch up, else a busy machine is a slow way.
			if now := time.Now(); now.Sub(s.free) > maxCatchUp {
				s.free = now
			}
			s.free = s.free.Add(time.Duration(n) * time.Second / time.Duration(f.Bandwidth))
			if err := s.c.wait(s.free); err != nil {
				return err
			}
		}
	}
	return nil
}

// framing follows the frames of a stream, from its first byte on.
type framing struct {
	frame   []byte // the length, and all of the frame if it is rewritten
	left    int    // bytes of the payload that have not come; valid when the length has
	rewrite func(frame []byte) ([]byte, bool)
}

// next returns what is forwarded for b, and whether that is the last.
func (fr *framing) next(b []byte, rewrite func([]byte) ([]byte, bool)) (out []byte, last bool) {
	for len(b) > 0 && !last {
		if len(fr.frame) == 0 {
			fr.rewrite = rewrite
		}
		n := len(b)
		if need := headSize - len(fr.frame); need > 0 {
			n = min(n, need)
			if fr.frame = append(fr.frame, b[:n]...); n == need {
				fr.left = int(binary.BigEndian.Uint32(fr.frame))
			}
		} else {
			n = min(n, fr.left)
			fr.left -= n
			if fr.rewrite != nil {
				fr.frame = append(fr.frame, b[:n]...)
			}
		}
		if fr.rewrite == nil {
			out = append(out, b[:n]...)
		}
		b = b[n:]
		if len(fr.frame) >= headSize && fr.left == 0 {
			if fr.rewrite != nil {
				var frame []byte
				frame, last = fr.rewrite(fr.frame)
				out = append(out, frame...)
			}
			fr.frame = fr.frame[:0]
		}
	}
	return out, last
}

// headSize is that of the length of a frame, in bytes.
const headSize = 4
