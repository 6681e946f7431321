package xmlvalue

import (
	"encoding/binary"
	"math/bits"
	"strconv"
)

// mostDigits is the length of integers that cannot overflow.
const mostDigits = 18

// digits reads an integer of at most most characters, which are no more than
// mostDigits. size is its length in b, 0 if there is none.
func digits(b []byte, most int) (n int64, size int) {
	i := 0
	if len(b) > 0 && b[0] == '-' {
		i = 1
	}
	u, count := natural(b[i:], most-i)
	if count == 0 {
		return 0, 0
	}
	if n = int64(u); i > 0 {
		n = -n
	}
	return n, i + count
}

// natural reads a number without a sign, as digits does. Up to seven digits take
// no branch for their number, which a processor cannot foretell.
func natural(b []byte, most int) (n uint64, size int) {
	if len(b) >= 8 && most >= 8 {
		w := binary.LittleEndian.Uint64(b)
		// Zero in each byte that is a digit; a carry comes only out of one that is none.
		other := (w&0xF0F0F0F0F0F0F0F0 ^ '0'*each) | ((w+6*each)&0xF0F0F0F0F0F0F0F0 ^ '0'*each)
		if size = bits.TrailingZeros64(other) / 8; size == 0 {
			return 0, 0
		}
		if size < 8 {
			w = w & 0x0F0F0F0F0F0F0F0F << (64 - 8*size) // the digits behind zeros, the last one on top
			w = w*10 + w>>8
			w = w&0x000000FF000000FF*(100+1_000_000<<32) + w>>16&0x000000FF000000FF*(1+10_000<<32)
			return w >> 32, size
		}
		size = 0
	}
	for ; size < min(len(b), most) && b[size]-'0' <= 9; size++ {
		n = n*10 + uint64(b[size]-'0')
	}
	return n, size
}

// exactDigits is how many decimal digits any float64 holds.
const exactDigits = 15

// powers holds those powers of ten that a quotient of two exact numbers may need.
var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// parseFloat is strconv.ParseFloat for 64 bits. A number of few digits is the
// quotient of two that are exact, so that it is rounded once, as it has to be.
func parseFloat(b []byte) (float64, error) {
	i := 0
	if len(b) > 0 && b[0] == '-' {
		i = 1
	}
	u, size := natural(b[i:], exactDigits)
	at := i + size
	if size == 0 {
		return strconv.ParseFloat(string(b), 64)
	}
	fraction := 0
	if at < len(b) && b[at] == '.' {
		var v uint64
		if v, fraction = natural(b[at+1:], exactDigits); size+fraction > exactDigits {
			return strconv.ParseFloat(string(b), 64)
		}
		at += 1 + fraction
		u = u*uint64(powers[fraction]) + v
	}
	if at < len(b) {
		return strconv.ParseFloat(string(b), 64)
	}
	f := float64(u) / powers[fraction]
	if i > 0 {
		f = -f
	}
	return f, nil
}
