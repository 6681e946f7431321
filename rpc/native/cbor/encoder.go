package cbor

import (
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/parley-rpc/parley/rpc/value"
)

// Encoder appends one message. It is a [value.Sink]; outside of a container
// values may follow one another without end.
//
// A float is always written in the nine bytes of a float64: it costs nothing
// to decide, and lists of floats are copied. The zero Encoder appends to nil.
type Encoder struct {
	value.Sticky
	openFrame // the container that is being written
	buf       []byte
	start     int // of what this Encoder wrote
	stack     []openFrame
	depth     int // of containers, the row of a table among them
	free      int // elements that containers may still have
	o         Options
	began     bool
}

var (
	_ value.TableSink = (*Encoder)(nil)
	_ value.IntSink   = (*Encoder)(nil)
)

// Reset makes e append to dst as if it were new. The memory of dst belongs to e
// until Output has been called for the last time.
func (e *Encoder) Reset(dst []byte, o Options) {
	o, err := o.withDefaults()
	e.Sticky.Reset()
	e.openFrame = openFrame{left: math.MaxInt}
	e.buf, e.start = dst, len(dst)
	e.stack, e.depth = e.stack[:0], 0
	e.free = o.MaxElements
	e.o = o
	e.began = true
	if err != nil {
		e.Fail(err)
	}
}

// Output returns what Reset was given and all that has been written since. After
// an error nothing has been written.
func (e *Encoder) Output() []byte {
	if e.Err() != nil {
		return e.buf[:e.start]
	}
	return e.buf
}

// Fail makes err the error unless there is one. No container has room for
// anything after it.
func (e *Encoder) Fail(err error) {
	if err == nil {
		return
	}
	e.FailAt(err, len(e.buf)-e.start)
	e.openFrame = openFrame{}
	e.stack = e.stack[:0]
}

// Nil writes null.
func (e *Encoder) Nil() {
	if e.room() {
		e.buf = append(e.buf, itemNil)
	}
}

// Bool writes false or true.
func (e *Encoder) Bool(b bool) {
	if e.room() {
		item := byte(itemFalse)
		if b {
			item = itemTrue
		}
		e.buf = append(e.buf, item)
	}
}

// Int writes an integer in its shortest form.
func (e *Encoder) Int(n int64) {
	if !e.room() {
		return
	}
	if uint64(n) < oneByte {
		e.buf = append(e.buf, byte(n))
		return
	}
	e.buf = appendInt(e.buf, n)
}

// Float writes a float64, NaN and the infinities among them.
func (e *Encoder) Float(f float64) {
	if e.room() {
		e.buf = appendFloat(e.buf, f)
	}
}

// Text writes text, which must be valid UTF-8.
func (e *Encoder) Text(s string) {
	if e.room() {
		e.appendText(s)
	}
}

func (e *Encoder) appendText(s string) {
	if !utf8.ValidString(s) {
		e.Fail(fmt.Errorf(`"%s" is not valid UTF-8: send it as []byte`, value.Clip(s, 64)))
		return
	}
	if len(s) < oneByte {
		e.buf = append(append(e.buf, majorText|byte(len(s))), s...)
		return
	}
	e.buf = append(appendHead(e.buf, majorText, uint64(len(s))), s...)
}

// Bytes writes binary.
func (e *Encoder) Bytes(b []byte) {
	if e.room() {
		e.buf = append(appendHead(e.buf, majorBytes, uint64(len(b))), b...)
	}
}
