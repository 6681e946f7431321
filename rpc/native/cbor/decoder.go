package cbor

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/parley-rpc/parley/rpc/value"
)

// Decoder reads one message. It is a [value.Source]; outside of a container
// values may follow one another without end.
//
// The zero Decoder is an empty message; Reset gives it another one. A Decoder
// takes memory for the containers it stands in and for the keys of the maps
// among them, never for a length that the message claims.
type Decoder struct {
	value.Sticky
	frame        // the container it stands in
	data  []byte // the whole message
	pos   int    // of the next value
	end   int    // len(data), or 0 while what stands next is not at pos: the name of a cell
	stack []frame
	depth int // of containers, the row of a table among them
	free  int // elements that containers may still have
	o     Options
	keys  keys
	texts texts // of the rows of tables
	open  []int // of Skip: what is left in each container

	shared bool // part of the message has been given away
}

var (
	_ value.TableSource = (*Decoder)(nil)
	_ value.IntSource   = (*Decoder)(nil)
)

// NewDecoder returns a Decoder of data, which must not change while it is read.
func NewDecoder(data []byte, o Options) *Decoder {
	d := new(Decoder)
	d.Reset(data, o)
	return d
}

// keepStack is how many entries of its stacks a Decoder keeps for its next
// message.
const keepStack = 1024

// Reset makes d read data as if it were new. What was decoded before stays
// valid.
func (d *Decoder) Reset(data []byte, o Options) {
	o, err := o.withDefaults()
	d.Sticky.Reset()
	d.frame = frame{in: inMessage, left: math.MaxInt}
	d.data, d.pos, d.end = data, 0, len(data)
	d.stack, d.depth = d.stack[:0], 0
	d.free = o.MaxElements
	d.o = o
	d.shared = false
	d.keys.reset()
	d.texts = texts{}
	if cap(d.open) > keepStack {
		d.open = nil
	}
	if cap(d.stack) > keepStack {
		d.stack = nil
	}
	if err != nil {
		d.fail(0, err)
	}
}

// Offset returns the position of the next value, in bytes from the start.
func (d *Decoder) Offset() int { return d.pos }

// Rest returns the bytes that have not been read.
func (d *Decoder) Rest() []byte { return d.data[d.pos:] }

// Shared reports whether Bytes has returned a part of the message.
func (d *Decoder) Shared() bool { return d.shared }

// Finish returns the first error; bytes that are left over are one.
func (d *Decoder) Finish() error {
	if d.Err() == nil && d.pos < len(d.data) {
		d.fail(d.pos, fmt.Errorf("expected the end of the message, got %d more bytes", len(d.data)-d.pos))
	}
	if err := d.Err(); err != nil {
		return err
	}
	return nil
}

// Fail makes err the error unless there is one.
func (d *Decoder) Fail(err error) { d.fail(d.pos, err) }

// fail ends the reading: from here on nothing stands anywhere.
func (d *Decoder) fail(at int, err error) {
	if err == nil {
		return
	}
	d.FailAt(err, at)
	d.frame = frame{in: inError}
	d.stack = d.stack[:0]
	d.end = 0
}

// Kind tells what stands next.
func (d *Decoder) Kind() value.Kind {
	if d.left > 0 && d.pos < d.end {
		if k := kinds[d.data[d.pos]]; k != kindHard {
			return k
		}
	}
	return d.kindHard()
}

func (d *Decoder) kindHard() value.Kind {
	if d.left <= 0 {
		return value.KindInvalid
	}
	if d.atName() {
		return value.KindString
	}
	major, arg, _, err := readHead(d.data, d.pos)
	switch {
	case err != nil:
		d.fail(d.pos, err)
	case major == majorArray:
		if d.in == inTable {
			return value.KindMap
		}
		return value.KindList
	case major == majorTag:
		if k := tagKind(arg); k != value.KindInvalid {
			return k
		}
		d.fail(d.pos, fmt.Errorf("unknown tag %d", arg))
	default:
		d.fail(d.pos, errSimple(byte(arg)))
	}
	return value.KindInvalid
}

func errSimple(low byte) error {
	if low == 31 {
		return errIndefinite
	}
	return fmt.Errorf("simple value 0x%02x is not accepted: expected false, true, null or a float", majorSimple|low)
}

// next reads the head of the value that stands next and leaves it there. Its
// major must be among majors, a sum of bit; want is what was asked for.
func (d *Decoder) next(want string, majors uint) (major byte, arg uint64, at int, ok bool) {
	if d.left > 0 && !d.atName() {
		major, arg, at, err := readHead(d.data, d.pos)
		if err != nil {
			d.fail(d.pos, err)
			return 0, 0, 0, false
		}
		if majors&bit(major) != 0 {
			return major, arg, at, true
		}
	}
	d.mismatch(want)
	return 0, 0, 0, false
}

func bit(major byte) uint { return 1 << (major >> 5) }

// mismatch fails because something else stands here than what was asked for.
func (d *Decoder) mismatch(want string) {
	if got := d.Kind(); d.Err() == nil {
		d.Fail(value.Mismatch(want, got))
	}
}

// took moves on to at, one value further.
func (d *Decoder) took(at int) {
	d.pos = at
	d.left--
}

// content returns the n bytes at data[at:].
func (d *Decoder) content(at int, n uint64) ([]byte, bool) {
	if left := len(d.data) - at; n > uint64(left) {
		d.fail(at, fmt.Errorf("a length of %d bytes where %d are left: %w", n, left, errCut))
		return nil, false
	}
	return d.data[at : at+int(n)], true
}

// Nil reads a nil.
func (d *Decoder) Nil() { d.simple("nil", itemNil, itemNil) }

// Bool reads a bool.
func (d *Decoder) Bool() bool { return d.simple("bool", itemFalse, itemTrue) == itemTrue }

func (d *Decoder) simple(want string, a, b byte) byte {
	if d.left > 0 && d.pos < d.end {
		if got := d.data[d.pos]; got == a || got == b {
			d.took(d.pos + 1)
			return got
		}
	}
	d.mismatch(want)
	return 0
}

// Int reads an integer; ok is false if it does not fit an int64.
func (d *Decoder) Int() (n int64, ok bool) {
	if d.left > 0 && d.pos < d.end {
		if b := d.data[d.pos]; b < oneByte {
			d.took(d.pos + 1)
			return int64(b), true
		}
	}
	major, arg, at, ok := d.next("int", bit(majorUint)|bit(majorNint)|bit(majorTag))
	if !ok {
		return 0, true
	}
	if major == majorTag {
		if tagKind(arg) != value.KindInt {
			d.mismatch("int")
			return 0, true
		}
		return 0, false
	}
	if arg > math.MaxInt64 {
		return 0, false
	}
	d.took(at)
	if major == majorNint {
		return ^int64(arg), true
	}
	return int64(arg), true
}

// Float reads a float of any of the three widths.
func (d *Decoder) Float() float64 {
	if d.left > 0 && d.pos < d.end {
		switch rest := d.data[d.pos:]; {
		case rest[0] == itemFloat64 && len(rest) >= 9:
			d.took(d.pos + 9)
			return math.Float64frombits(binary.BigEndian.Uint64(rest[1:]))
		case kinds[rest[0]] == value.KindFloat:
			f, at, err := readFloat(d.data, d.pos)
			if err != nil {
				d.fail(d.pos, err)
				return 0
			}
			d.took(at)
			return f
		}
	}
	d.mismatch("float")
	return 0
}

// Text reads text.
func (d *Decoder) Text() string {
	if d.left > 0 && d.atName() {
		return string(d.Name())
	}
	if d.left > 0 && d.pos < d.end {
		rest := d.data[d.pos+1:]
		if n := int(d.data[d.pos] - majorText); n < oneByte && n <= len(rest) && utf8.Valid(rest[:n]) {
			d.took(d.pos + 1 + n)
			return d.textOf(rest[:n])
		}
	}
	_, n, at, ok := d.next("string", bit(majorText))
	if !ok {
		return ""
	}
	text, ok := d.content(at, n)
	if !ok {
		return ""
	}
	if !utf8.Valid(text) {
		d.fail(d.pos, errUTF8)
		return ""
	}
	d.took(at + len(text))
	return d.textOf(text)
}

// Bytes reads binary. From Options.ShareBytes on it is part of the message.
func (d *Decoder) Bytes() []byte {
	_, n, at, ok := d.next("bytes", bit(majorBytes))
	if !ok {
		return nil
	}
	b, ok := d.content(at, n)
	if !ok {
		return nil
	}
	d.took(at + len(b))
	if len(b) >= d.o.ShareBytes {
		d.shared = true
		return b[:len(b):len(b)]
	}
	return append(make([]byte, 0, len(b)), b...)
}
