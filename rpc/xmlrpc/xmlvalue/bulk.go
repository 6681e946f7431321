package xmlvalue

import (
	"bytes"

	"github.com/parley-rpc/parley/rpc/value"
)

// Lists of numbers as nearly everybody writes them, with nothing in their tags
// and at most white space between them, are read in a tight loop. It stops at
// the first element that looks different, and the ordinary way goes on.

// Ints is part of [value.Source].
func (d *Decoder) Ints(dst []int64) []int64 { return readInts(d, dst) }

// GoInts is part of [value.IntSource].
func (d *Decoder) GoInts(dst []int) []int { return readInts(d, dst) }

func readInts[T int | int64](d *Decoder, dst []T) []T {
	room := d.plainElements()
	data, pos, most := d.data, d.pos, min(d.o.MaxDigits, d.maxString, mostDigits)
	before := len(dst)
	for ; room > 0; room-- {
		for pos < len(data) && isSpace(data[pos]) {
			pos++
		}
		n, size := plainInt(data[pos:], most)
		if size == 0 || int64(T(n)) != n {
			break
		}
		dst = append(dst, T(n))
		pos += size
	}
	d.passed(len(dst)-before, pos)
	return dst
}

// Floats is part of [value.Source].
func (d *Decoder) Floats(dst []float64) []float64 {
	room := d.plainElements()
	data, pos, most := d.data, d.pos, min(d.o.MaxDigits, d.maxString)
	before := len(dst)
	for ; room > 0; room-- {
		for pos < len(data) && isSpace(data[pos]) {
			pos++
		}
		f, size := plainFloat(data[pos:], most)
		if size == 0 {
			break
		}
		dst = append(dst, f)
		pos += size
	}
	d.passed(len(dst)-before, pos)
	return dst
}

// plainElements returns how many elements of an array may be read here by
// themselves, as far as the limits go.
func (d *Decoder) plainElements() int {
	f := d.top()
	if f == nil || f.in != inData && f.in != inArray || f.empty || f.void || d.Err() != nil || d.head.kind != value.KindInvalid {
		return 0
	}
	return d.o.MaxElements - d.elements
}

// passed leaves n elements behind that have been read by themselves, up to pos.
func (d *Decoder) passed(n, pos int) {
	if n > 0 {
		d.top().at += n
		d.elements += n
		d.pos = pos
	}
}

// plainInt reads an integer as digits does, in an <int>, <i4> or <i8>. size is
// the length of all in b, 0 if there is none.
func plainInt(b []byte, most int) (n int64, size int) {
	// The common form first, with texts that a compiler compares by the word.
	const open, closing = len("<value><int>"), len("</int></value>")
	if len(b) > open && string(b[:open]) == "<value><int>" {
		n, size = digits(b[open:], most)
		if end := open + size + closing; size > 0 && len(b) >= end && string(b[open+size:end]) == "</int></value>" {
			return n, end
		}
		return 0, 0
	}
	if n, size = plainIn(b, "<value><i4>", "</i4></value>", most); size == 0 {
		n, size = plainIn(b, "<value><i8>", "</i8></value>", most)
	}
	return n, size
}

// plainIn is plainInt for one type.
func plainIn(b []byte, open, closing string, most int) (n int64, size int) {
	if !hasPrefix(b, open) {
		return 0, 0
	}
	if n, size = digits(b[len(open):], most); size == 0 || !hasPrefix(b[len(open)+size:], closing) {
		return 0, 0
	}
	return n, len(open) + size + len(closing)
}

// plainFloat reads a <double>; most and size as with plainInt.
func plainFloat(b []byte, most int) (f float64, size int) {
	const open, closing = "<value><double>", "</double></value>"
	if !hasPrefix(b, open) {
		return 0, 0
	}
	n := bytes.IndexByte(b[len(open):], '<')
	if n < 0 || n > most || !hasPrefix(b[len(open)+n:], closing) {
		return 0, 0
	}
	f, err := parseFloat(b[len(open) : len(open)+n])
	if err != nil {
		return 0, 0
	}
	return f, len(open) + n + len(closing)
}

func hasPrefix(b []byte, s string) bool { return len(b) >= len(s) && string(b[:len(s)]) == s }
