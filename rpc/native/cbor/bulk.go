package cbor

import (
	"encoding/binary"
	"math"
	"slices"
)

// Ints appends to dst the elements of the list just entered that are integers
// and fit an int64, up to the first other one. What is wrong with that one, if
// anything, is left for Int to say.
func (d *Decoder) Ints(dst []int64) []int64 { return readInts(d, dst) }

// GoInts is Ints for integers that fit an int.
func (d *Decoder) GoInts(dst []int) []int { return readInts(d, dst) }

func readInts[T int | int64](d *Decoder, dst []T) []T {
	if d.in != inList {
		return dst
	}
	data, pos, left := d.data, d.pos, d.left
	for left > 0 && pos < len(data) {
		b := data[pos]
		rest := data[pos+1:]
		var arg uint64
		size := 0
		switch low := b &^ majorNint; {
		case low < oneByte:
			size, arg = 1, uint64(low)
		case low == 25 && len(rest) >= 2:
			if arg = uint64(binary.BigEndian.Uint16(rest)); arg >= 1<<8 {
				size = 3
			}
		case low == 24 && len(rest) >= 1:
			if arg = uint64(rest[0]); arg >= oneByte {
				size = 2
			}
		case low == 26 && len(rest) >= 4:
			if arg = uint64(binary.BigEndian.Uint32(rest)); arg >= 1<<16 {
				size = 5
			}
		case low == 27 && len(rest) >= 8:
			if arg = binary.BigEndian.Uint64(rest); arg >= 1<<32 && arg <= math.MaxInt64 {
				size = 9
			}
		}
		n := int64(arg) ^ -int64(b>>5) // of a negative integer arg is ^n
		if size == 0 || int64(T(n)) != n {
			break
		}
		dst = append(dst, T(n))
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
func (e *Encoder) Ints(list []int64) { writeInts(e, list) }

// GoInts writes a list of integers.
func (e *Encoder) GoInts(list []int) { writeInts(e, list) }

func writeInts[T int | int64](e *Encoder, list []T) {
	if !e.begin(majorArray, len(list), len(list)) {
		return
	}
	e.depth--
	buf := e.buf
	for len(list) > 0 {
		// Room for the longest form of some, and no question of it for each.
		some := list[:min(len(list), 64)]
		list = list[len(some):]
		at := len(buf)
		buf = slices.Grow(buf, 9*len(some))[:at+9*len(some)]
		for _, n := range some {
			n := int64(n)
			major, arg := byte(n>>63)&majorNint, uint64(n^n>>63)
			out := buf[at : at+9]
			switch {
			case arg < oneByte:
				out[0] = major | byte(arg)
				at++
			case arg < 1<<8:
				out[0], out[1] = major|24, byte(arg)
				at += 2
			case arg < 1<<16:
				out[0] = major | 25
				binary.BigEndian.PutUint16(out[1:], uint16(arg))
				at += 3
			case arg < 1<<32:
				out[0] = major | 26
				binary.BigEndian.PutUint32(out[1:], uint32(arg))
				at += 5
			default:
				out[0] = major | 27
				binary.BigEndian.PutUint64(out[1:], arg)
				at += 9
			}
		}
		buf = buf[:at]
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
