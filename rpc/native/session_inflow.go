package native

import (
	"net"
	"sync"
)

const (
	// inflowSize is the memory of an inflow, in bytes: as much as a read of many
	// small frames takes at once.
	inflowSize = 16 << 10
	// readAhead is how much more than a body is asked for when it is read to its
	// place, in bytes, so that the head of the frame behind it comes with it.
	readAhead = 64
)

// inflows is a cache: nothing depends on what it holds.
var inflows = sync.Pool{New: func() any { return new([inflowSize]byte) }}

// inflow is the reading end of a connection. While it waits for something to
// come it holds no memory, if the connection allows that: most connections do
// nothing most of the time.
type inflow struct {
	s *session
	// before is called before anything is read, and before what has been
	// returned by Peek changes. Its error ends the reading.
	before func() error
	raw    memorylessReader // nil: the connection is none that can be waited for without memory

	memory *[inflowSize]byte // nil: nothing is there
	r, w   int               // memory[r:w] was read and not used
}

// lender has memory to read to, from when something has come.
type lender interface {
	borrow() []byte
	giveBack()
}

// memorylessReader reads at least a byte into the memory of an inflow, which is
// empty, and waits for it without memory.
type memorylessReader interface{ read() (int, error) }

func newMemorylessReader(nc net.Conn, in *inflow) memorylessReader {
	if c, ok := nc.(*tlsConn); ok {
		return &tlsReader{c, in}
	}
	if r := newRawReader(nc, in); r != nil {
		return r
	}
	return nil
}

// Buffered returns how many bytes are there without reading.
func (f *inflow) Buffered() int { return f.w - f.r }

// Peek returns the next n bytes, at most inflowSize. They stay, and are valid
// until before is called.
func (f *inflow) Peek(n int) ([]byte, error) {
	for f.Buffered() < n {
		if err := f.fill(); err != nil {
			return nil, err
		}
	}
	if n == 0 {
		return nil, nil
	}
	return f.memory[f.r : f.r+n], nil
}

// Discard skips n bytes.
func (f *inflow) Discard(n int) error {
	for n > f.Buffered() {
		n -= f.Buffered()
		f.r = f.w
		if err := f.fill(); err != nil {
			return err
		}
	}
	f.r += n
	return nil
}

// Read appends n bytes to b, which has room for them. A long rest that is not
// there yet is read to its place, and some bytes more if b has room for those
// too.
func (f *inflow) Read(b []byte, n int) ([]byte, error) {
	for {
		k := min(n, f.Buffered())
		if k > 0 {
			b = append(b, f.memory[f.r:f.r+k]...)
			f.r += k
			n -= k
		}
		var err error
		switch {
		case n == 0:
			return b, nil
		case n < inflowSize/4:
			err = f.fill()
		default:
			b, n, err = f.readTo(b, n)
		}
		if err != nil {
			return b, err
		}
	}
}

// readTo reads up to n bytes to the end of b, and returns how many are missing.
// Nothing is there before.
func (f *inflow) readTo(b []byte, n int) ([]byte, int, error) {
	if err := f.before(); err != nil {
		return b, n, err
	}
	got, err := f.s.Read(b[len(b):min(len(b)+n+readAhead, cap(b))])
	if more := got - n; more > 0 {
		f.r, f.w = 0, 0
		f.w = copy(f.borrow(), b[len(b)+n:len(b)+got])
		got = n
	}
	return b[:len(b)+got], n - got, err
}

// fill reads what has come, at least a byte.
func (f *inflow) fill() error {
	err := f.before()
	if err != nil {
		return err
	}
	if f.r == f.w {
		f.r, f.w = 0, 0
	} else if f.w == inflowSize {
		f.r, f.w = 0, copy(f.memory[:], f.memory[f.r:f.w])
	}
	var n int
	if f.w > 0 || f.raw == nil || len(f.s.early) > 0 {
		n, err = f.s.Read(f.borrow())
	} else {
		n, err = f.s.came(f.raw.read())
	}
	f.w += n
	return err
}

// borrow returns memory to read to.
func (f *inflow) borrow() []byte {
	if f.memory == nil {
		f.memory = inflows.Get().(*[inflowSize]byte)
	}
	return f.memory[f.w:]
}

// giveBack gives the memory of an empty inflow back.
func (f *inflow) giveBack() {
	if f.memory != nil {
		inflows.Put(f.memory)
		f.memory, f.r, f.w = nil, 0, 0
	}
}
