package native

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"

	"github.com/parley-rpc/parley/rpc/value"
)

// The frame of multiprocessing.connection (CPython 3.13,
// Lib/multiprocessing/connection.py, Connection._send_bytes):
//
//	payload <= 2^31-1   length, 4 bytes, signed, big-endian | payload
//	longer (3.8+)       ff ff ff ff | length, 8 bytes, big-endian | payload
//
// Any other negative length is an error here.

const (
	headerSize     = 4
	longHeaderSize = 12

	// joinLimit is the largest payload that is copied behind its header rather
	// than handed to the kernel beside it, in bytes. Copying that much costs
	// less than a second element of a writev.
	joinLimit = 16 << 10

	// largePayload is the smallest payload for which a Python sends header and
	// payload in two writes: 2.7 does from here on, 3 for larger ones.
	largePayload = 16384

	// growStep is the memory taken at first for a payload that has not arrived
	// yet, in bytes.
	growStep = 64 << 10
)

var (
	// ErrTooLarge: a message is above the limit of this side.
	ErrTooLarge = errors.New("message too large")
	// ErrFrame: what came is no frame. The connection cannot be used further.
	ErrFrame = errors.New("malformed frame")

	// errDropped: there was no memory for a message, which has been read over.
	errDropped = errors.New("message dropped")
	// errOver: a message was above the limit, and has been read over.
	errOver = errors.New("message read over")
)

// appendFrameHeader appends the header of a payload of n bytes.
func appendFrameHeader(dst []byte, n int) []byte {
	if n <= math.MaxInt32 {
		return binary.BigEndian.AppendUint32(dst, uint32(n))
	}
	dst = append(dst, 0xff, 0xff, 0xff, 0xff)
	return binary.BigEndian.AppendUint64(dst, uint64(n))
}

// writeFrame writes one frame in one write (a writev for a large payload). n
// counts the bytes that left, header included.
func writeFrame(w io.Writer, payload []byte) (n int64, err error) {
	if len(payload) <= joinLimit {
		b := getBuffer()
		defer putBuffer(b)
		*b = append(appendFrameHeader((*b)[:0], len(payload)), payload...)
		written, err := w.Write(*b)
		return int64(written), err
	}
	var head [longHeaderSize]byte
	bufs := net.Buffers{appendFrameHeader(head[:0], len(payload)), payload}
	return bufs.WriteTo(w)
}

// readFrame reads one frame and not a byte more. It uses the capacity of dst,
// which may be nil, as far as it goes. A payload above max is ErrTooLarge.
func readFrame(r io.Reader, dst []byte, max int) ([]byte, error) {
	f := frameReader{src: r, max: max}
	return f.next(dst)
}

// frameReader reads frames through a small buffer, so that a short frame costs
// one read. A read that ends with a time-out loses nothing: the next call
// resumes where it stopped, within a header or a payload. It belongs to one
// goroutine at a time.
type frameReader struct {
	src   io.Reader
	max   int              // largest payload, in bytes
	skip  int              // largest payload above max that is read over, in bytes
	waits func()           // if set, called before a read in the middle of a frame
	hold  func(n int) bool // if set, asked before a payload under way takes n bytes of memory in all
	large func()           // if set, called when the header of a payload from largePayload on came without all of it

	buf  []byte // buf[r:w] was read from src and not used yet
	r, w int

	head    [longHeaderSize]byte
	headLen int // bytes of head that came

	inBody  bool
	size    int // of the payload under way
	body    []byte
	lent    bool   // body is one of outgrown
	dropped int    // bytes of it that came and were dropped
	over    bool   // it is above max: all of it is dropped
	start   []byte // of a payload that is dropped, the first bytes

	err error // of the framing; it stays
}

// newFrameReader returns a reader with a buffer of size bytes. Zero means none:
// then nothing is ever read beyond the frame asked for.
func newFrameReader(src io.Reader, max, size int) *frameReader {
	return &frameReader{src: src, max: max, buf: make([]byte, size)}
}

// buffered returns how many bytes were read and belong to later frames.
func (f *frameReader) buffered() int { return f.w - f.r }

// next returns the payload of the next frame. It uses the capacity of dst as
// far as it goes; a call that resumes a frame uses what that one began with.
// The end of the stream between two frames is io.EOF, within one
// io.ErrUnexpectedEOF. With errDropped and errOver it returns the first bytes of the
// payload, startSize of them at most.
func (f *frameReader) next(dst []byte) ([]byte, error) {
	if f.err != nil {
		return nil, f.err
	}
	if !f.inBody {
		if err := f.readHeader(); err != nil {
			return nil, err
		}
		f.inBody = true
		switch {
		case cap(dst) > 0 && !f.over:
			f.body = dst[:0]
		case f.size > growStep || f.over:
			f.body, f.lent = outgrown.get(0), true
		default:
			f.body = make([]byte, 0, f.size)
		}
		if f.large != nil && f.size >= largePayload && f.buffered() < f.size {
			f.large()
		}
	}
	for f.dropped+len(f.body) < f.size {
		if len(f.body) == cap(f.body) || f.dropped > 0 || f.over {
			f.grow()
		}
		n, err := f.read(f.body[len(f.body):min(cap(f.body), f.size-f.dropped)])
		f.body = f.body[:len(f.body)+n]
		if err != nil && f.dropped+len(f.body) < f.size {
			return nil, unexpected(err)
		}
	}
	body, over, dropped := f.body, f.over, f.dropped > 0
	if over || dropped {
		f.note()
		body = f.start
		f.leave()
	}
	f.headLen, f.inBody, f.body, f.dropped, f.over, f.start = 0, false, nil, 0, false, nil
	switch {
	case over:
		return body, errOver
	case dropped:
		return body, errDropped
	}
	return body, nil
}

// startSize is how much is kept of a payload that is dropped, in bytes.
const startSize = 16

// note keeps the first bytes of a payload before they are dropped.
func (f *frameReader) note() {
	f.start = append(f.start, f.body[:min(len(f.body), startSize-len(f.start))]...)
}

// readHeader reads up to the payload and sets size.
func (f *frameReader) readHeader() error {
	need := headerSize
	for {
		for f.headLen < need {
			n, err := f.read(f.head[f.headLen:need])
			f.headLen += n
			if err != nil && f.headLen < need {
				if f.headLen > 0 {
					err = unexpected(err)
				}
				return err
			}
		}
		size := uint64(binary.BigEndian.Uint32(f.head[:]))
		if need == longHeaderSize {
			size = binary.BigEndian.Uint64(f.head[headerSize:])
		} else if size == math.MaxUint32 {
			need = longHeaderSize
			continue
		} else if size > math.MaxInt32 {
			f.err = fmt.Errorf("%w: a length of %d (%q): the peer does not speak this protocol",
				ErrFrame, int32(size), value.Clip(string(f.head[:headerSize]), headerSize))
			return f.err
		}
		if f.over = size > uint64(f.max) && size <= uint64(f.skip); f.over {
			f.size = int(size)
			return nil
		}
		if size > uint64(f.max) {
			f.err = fmt.Errorf("%w: %d bytes were announced, the limit is %d", ErrTooLarge, size, f.max)
			return f.err
		}
		f.size = int(size)
		return nil
	}
}

// grow makes room for more of the payload: at most growStep for bytes that have
// not come at first, then four times what has.
// Where that is not granted, what has come is dropped, and so is the rest.
func (f *frameReader) grow() {
	n := min(f.size, max(growStep, 4*cap(f.body)))
	if f.dropped > 0 || f.over {
		f.note()
		f.dropped += len(f.body)
		f.body = f.body[:0]
		return
	}
	if f.hold != nil && !f.hold(n) {
		f.note()
		f.dropped = len(f.body)
		f.leave()
		f.body, f.lent = outgrown.get(0), true
		return
	}
	var bigger []byte
	step, lent := stepOf(n)
	if lent = lent && n < f.size; lent {
		bigger = outgrown.get(step)
	} else {
		bigger = make([]byte, 0, n)
	}
	bigger = append(bigger, f.body...)
	f.leave()
	f.body, f.lent = bigger, lent
}

// leave gives body back, if it is lent.
func (f *frameReader) leave() {
	if f.lent {
		outgrown.put(f.body)
		f.lent = false
	}
}

// read reads at least a byte into p, or fails.
func (f *frameReader) read(p []byte) (int, error) {
	if f.waits != nil && f.r == f.w && (f.headLen > 0 || f.inBody) {
		f.waits()
	}
	if f.r == f.w && len(p) >= len(f.buf) {
		return readSome(f.src, p)
	}
	var err error
	if f.r == f.w {
		f.r, f.w = 0, 0
		f.w, err = readSome(f.src, f.buf)
	}
	n := copy(p, f.buf[f.r:f.w])
	f.r += n
	if n > 0 {
		err = nil // it comes again with the next read
	}
	return n, err
}

// readSome is r.Read that does not return without bytes and without error.
func readSome(r io.Reader, p []byte) (int, error) {
	for range 100 {
		if n, err := r.Read(p); n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
