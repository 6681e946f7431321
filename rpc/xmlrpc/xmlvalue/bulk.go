package xmlvalue

import (
	"bytes"
	"strconv"
)

// Lists of numbers as nearly everybody writes them, with nothing in their tags
// and at most white space between them, are read in a tight loop. It stops at
// the first element that looks different, and the ordinary way goes on.

// Ints is part of [value.Source].
func (d *Decoder) Ints(dst []int64) []int64 {
	before := len(dst)
	for d.plainElement() {
		n, size := plainInt(d.data[d.pos:], min(d.o.MaxDigits, 18))
		if size == 0 {
			break
		}
		dst = append(dst, n)
		d.pos += size
		d.elements++
	}
	d.passed(len(dst) - before)
	return dst
}

// Floats is part of [value.Source].
func (d *Decoder) Floats(dst []float64) []float64 {
	before := len(dst)
	for d.plainElement() {
		f, size := plainFloat(d.data[d.pos:], d.o.MaxDigits)
		if size == 0 {
			break
		}
		dst = append(dst, f)
		d.pos += size
		d.elements++
	}
	d.passed(len(dst) - before)
	return dst
}

// passed counts n elements that have been read by themselves.
func (d *Decoder) passed(n int) {
	if n > 0 {
		d.top().at += n
	}
}

// plainElement reports whether an element of an array may be read here by
// itself, and skips the white space before it.
func (d *Decoder) plainElement() bool {
	f := d.top()
	if f == nil || f.in != inData && f.in != inArray || f.empty || d.Err() != nil ||
		d.head.kind != 0 || d.elements >= d.o.MaxElements {
		return false
	}
	d.space()
	return true
}

// plainInt reads an integer of at most most characters, which cannot overflow,
// in an <int>, <i4> or <i8>. size is its length in b, 0 if there is none.
func plainInt(b []byte, most int) (n int64, size int) {
	const open = "<value><i"
	if !hasPrefix(b, open) {
		return 0, 0
	}
	i, closing := len(open), ""
	switch {
	case hasPrefix(b[i:], "nt>"):
		i, closing = i+3, "</int></value>"
	case hasPrefix(b[i:], "4>"):
		i, closing = i+2, "</i4></value>"
	case hasPrefix(b[i:], "8>"):
		i, closing = i+2, "</i8></value>"
	default:
		return 0, 0
	}
	end := min(len(b), i+most)
	negative := i < end && b[i] == '-'
	if negative {
		i++
	}
	first := i
	for ; i < end && b[i]-'0' <= 9; i++ {
		n = n*10 + int64(b[i]-'0')
	}
	if i == first || !hasPrefix(b[i:], closing) {
		return 0, 0
	}
	if negative {
		n = -n
	}
	return n, i + len(closing)
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
	f, err := strconv.ParseFloat(string(b[len(open):len(open)+n]), 64)
	if err != nil {
		return 0, 0
	}
	return f, len(open) + n + len(closing)
}

func hasPrefix(b []byte, s string) bool { return len(b) >= len(s) && string(b[:len(s)]) == s }
