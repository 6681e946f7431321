package cbor

import (
	"encoding/binary"
	"math"
	"slices"
)

// Ints appends to dst the elements of the list just entered that are integers
// and fit an int64, up to the first other one. What is wrong with that one, if
// anything, is left for Int to say.
func (d *Decoder) Ints(dst []int64) []int64 {
	if d.in != inList {
		return dst
	}
	data, pos, left := d.data, d.pos, d.left
	for left > 0 && pos < len(data) {
		b := data[pos]
		if b < oneByte {
			dst = append(dst, int64(b))
			pos++
			left--
			continue
		}
		var arg, least uint64
		rest := data[pos+1:]
		size := 0
		switch low := b & lowMask; {
		case b&majorMask > majorNint:
		case low < oneByte:
			size, arg = 1, uint64(low)
		case low == 24 && len(rest) >= 1:
			size, arg, least = 2, uint64(rest[0]), oneByte
		case low == 25 && len(rest) >= 2:
			size, arg, least = 3, uint64(binary.BigEndian.Uint16(rest)), 1<<8
		case low == 26 && len(rest) >= 4:
			size, arg, least = 5, uint64(binary.BigEndian.Uint32(rest)), 1<<16
		case low == 27 && len(rest) >= 8:
			size, arg, least = 9, binary.BigEndian.Uint64(rest), 1<<32
		}
		if size == 0 || arg < least || arg > math.MaxInt64 {
			break
		}
		n := int64(arg)
		if b >= majorNint {
			n = ^n
		}
		dst = append(dst, n)
		pos += size
		left--
	}
	d.pos, d.left = pos, left
	return dst
}

// Floats appends to dst the elements of the list just entered that are floats,
// up to the first other one.
func (d *Decoder) Floats(dst []float64) []float64 {
	if d.in != inList {
		return dst
	}
	data, pos, left := d.data, d.pos, d.left
	for left > 0 && len(data)-pos >= 9 && data[pos] == itemFloat64 {
		dst = append(dst, math.Float64frombits(binary.BigEndian.Uint64(data[pos+1:])))
		pos += 9
		left--
	}
	d.pos, d.left = pos, left
	return dst
}

// Ints writes a list of integers.
func (e *Encoder) Ints(list []int64) {
	if !e.begin(majorArray, len(list), len(list)) {
		return
	}
	e.depth--
	buf := slices.Grow(e.buf, len(list))
	for _, n := range list {
		if uint64(n) < oneByte {
			buf = append(buf, byte(n))
		} else {
			buf = appendInt(buf, n)
		}
	}
	e.buf = buf
}

// Floats writes a list of floats.
func (e *Encoder) Floats(list []float64) {
	if !e.begin(majorArray, len(list), len(list)) {
		return
	}
	e.depth--
	at := len(e.buf)
	e.buf = slices.Grow(e.buf, 9*len(list))[:at+9*len(list)]
	for i, f := range list {
		item := e.buf[at+9*i:][:9]
		item[0] = itemFloat64
		binary.BigEndian.PutUint64(item[1:], math.Float64bits(f))
	}
}
