package xmlvalue

import (
	"math"
	"math/bits"
	"slices"
	"strconv"
)

// What stands around the numbers of a list, in a form that is copied by the word.
var (
	intOpen  = [12]byte([]byte("<value><int>"))
	intClose = [14]byte([]byte("</int></value>"))
)

// appendInts writes the elements of a list, up to the first that cannot be
// written. It returns its index, -1 if there is none.
func appendInts[T int | int64](e *Encoder, list []T) (bad int) {
	const longest = len(intOpen) + len("-2147483648") + len(intClose)
	for i, v := range list {
		n := int64(v)
		if int64(int32(n)) != n {
			if !e.appendInt(n) {
				return i
			}
			continue
		}
		b := e.buf
		if cap(b)-len(b) < longest {
			b = slices.Grow(b, longest)
		}
		at := len(b)
		*(*[len(intOpen)]byte)(b[at:cap(b)]) = intOpen
		b = appendInteger(b[:at+len(intOpen)], n)
		at = len(b)
		*(*[len(intClose)]byte)(b[at:cap(b)]) = intClose
		e.buf = b[:at+len(intClose)]
	}
	return -1
}

// pairs are the decimal numbers of two digits, one after the other.
var pairs = func() (p [200]byte) {
	for i := range 100 {
		p[2*i], p[2*i+1] = byte('0'+i/10), byte('0'+i%10)
	}
	return p
}()

// appendInteger is strconv.AppendInt in decimal. It counts the digits first and
// writes each where it belongs.
func appendInteger(dst []byte, n int64) []byte {
	u := uint64(n)
	if n < 0 {
		dst, u = append(dst, '-'), -u
	}
	count := bits.Len64(u|1) * 1233 >> 12 // by the logarithm of 2; at most one too few
	if u >= tens[count] {
		count++
	}
	end := len(dst) + count
	dst = slices.Grow(dst, count)[:end]
	for ; u >= 100; end -= 2 {
		q := u / 100
		r := 2 * (u - 100*q)
		dst[end-2], dst[end-1] = pairs[r], pairs[r+1]
		u = q
	}
	if u >= 10 {
		dst[end-2], dst[end-1] = pairs[2*u], pairs[2*u+1]
	} else {
		dst[end-1] = byte('0' + u)
	}
	return dst
}

// tens holds powers of ten; 0 has one digit, too.
var tens = [...]uint64{0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19}

// appendDecimal appends a finite number as strconv does in the format 'f', with as
// many digits as are needed to tell it from others, and a point in it.
//
// One that is a quotient of an integer of at most 15 digits and a small power of
// ten has no shorter form than that: no two numbers of so many digits are the
// same float64.
func appendDecimal(dst []byte, f float64) []byte {
	const power, most = 10_000, 1e15
	if scaled := f * power; scaled == math.Trunc(scaled) && math.Abs(scaled) < most && scaled/power == f && (f != 0 || !math.Signbit(f)) {
		if f < 0 {
			dst, scaled = append(dst, '-'), -scaled
		}
		n := int64(scaled)
		dst = appendInteger(dst, n/power)
		// The places behind the point, with a one before them that keeps their zeros.
		at := len(dst)
		dst = appendInteger(dst, power+n%power)
		dst[at] = '.'
		for len(dst) > at+2 && dst[len(dst)-1] == '0' {
			dst = dst[:len(dst)-1]
		}
		return dst
	}
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	if f == math.Trunc(f) {
		dst = append(dst, ".0"...)
	}
	return dst
}
