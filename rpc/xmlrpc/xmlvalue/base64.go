package xmlvalue

import (
	"bytes"
	"encoding/binary"
)

// Base64 as XML-RPC has it: RFC 4648 section 4, and read with any white space
// and with its padding left out. What is long goes through the vector units of the
// processor, at ten times the speed of encoding/base64. The rest, and lines that
// are not all of the alphabet, go through tables, six bytes at a time, at twice
// that speed.

// From this many bytes on the vector units are faster.
const (
	encodeVector = 48
	decodeVector = 192
)

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// base64Pairs holds the two characters of 12 bits, the first one in the low byte.
var base64Pairs = func() (t [1 << 12]uint16) {
	for i := range t {
		t[i] = uint16(base64Alphabet[i>>6]) | uint16(base64Alphabet[i&63])<<8
	}
	return t
}()

// notBase64 marks bytes that are not of the alphabet; values have 24 bits.
const notBase64 = 1 << 24

// base64Values holds the bits of a character at each of the four places of a
// quantum.
var base64Values = func() (t [4][256]uint32) {
	for place := range t {
		for c := range t[place] {
			t[place][c] = notBase64
		}
		for i, c := range []byte(base64Alphabet) {
			t[place][c] = uint32(i) << (18 - 6*place)
		}
	}
	return t
}()

// base64Len returns the length of n bytes in base64.
func base64Len(n int) int { return (n + 2) / 3 * 4 }

// encodeBase64 writes src to dst, which has base64Len(len(src)) bytes.
func encodeBase64(dst, src []byte) {
	if len(src) >= encodeVector && vectorEncode(dst, src) {
		return
	}
	for len(src) >= 8 && len(dst) >= 8 {
		v := binary.BigEndian.Uint64(src)
		binary.LittleEndian.PutUint64(dst, uint64(base64Pairs[v>>52])|
			uint64(base64Pairs[v>>40&0xFFF])<<16|
			uint64(base64Pairs[v>>28&0xFFF])<<32|
			uint64(base64Pairs[v>>16&0xFFF])<<48)
		src, dst = src[6:], dst[8:]
	}
	for ; len(src) >= 3; src, dst = src[3:], dst[4:] {
		v := uint32(src[0])<<16 | uint32(src[1])<<8 | uint32(src[2])
		binary.LittleEndian.PutUint16(dst, base64Pairs[v>>12])
		binary.LittleEndian.PutUint16(dst[2:], base64Pairs[v&0xFFF])
	}
	switch len(src) {
	case 1:
		binary.LittleEndian.PutUint16(dst, base64Pairs[uint32(src[0])<<4])
		dst[2], dst[3] = '=', '='
	case 2:
		v := uint32(src[0])<<16 | uint32(src[1])<<8
		binary.LittleEndian.PutUint16(dst, base64Pairs[v>>12])
		dst[2], dst[3] = base64Alphabet[v>>6&63], '='
	}
}

// decodeBase64 returns what src stands for. bad is where it is no base64, -1 if
// all of it is.
func decodeBase64(src []byte) (out []byte, bad int) {
	var (
		dst = make([]byte, len(src)/4*3+8) // decodeRun writes two bytes too many
		n   = 0                            // bytes written
		q   uint32                         // a quantum that white space has parted
		k   = 0                            // its characters so far
		end = 0                            // of the line that was tried last
	)
	for i := 0; i < len(src); i++ {
		if k == 0 {
			run := 0
			if i >= end {
				run, end = decodeLine(dst[n:], src[i:])
				end += i
				n, i = n+run/4*3, i+run
			}
			run = decodeRun(dst[n:], src[i:])
			n, i = n+run/4*3, i+run
			if i == len(src) {
				break
			}
		}
		c := src[i]
		v := base64Values[k][c]
		switch {
		case v < notBase64:
			q |= v
			if k++; k == 4 {
				dst[n], dst[n+1], dst[n+2] = byte(q>>16), byte(q>>8), byte(q)
				n, q, k = n+3, 0, 0
			}
		case isSpace(c):
		case c == '=' && k >= 2:
			if at := notPadding(src[i:], 4-k); at >= 0 {
				return nil, i + at
			}
			return closeQuantum(dst[:n], q, k), -1
		default:
			return nil, i
		}
	}
	if k == 1 {
		return nil, len(src) - 1
	}
	return closeQuantum(dst[:n], q, k), -1
}

// decodeLine decodes the line that src begins with, if it is long and as one
// would write it. It returns how much of src it has decoded, and where the line
// ends: up to there nothing is gained by another try.
func decodeLine(dst, src []byte) (run, end int) {
	if end = bytes.IndexByte(src, '\n'); end < 0 {
		end = len(src)
	}
	run = end &^ 3 // a CR, or a quantum without padding, is left
	if run > 0 && src[run-1] == '=' {
		run -= 4
	}
	if run < decodeVector || !vectorDecode(dst[:run/4*3], src[:run]) {
		return 0, end
	}
	return run, end
}

// decodeRun decodes src up to the first eight characters that are not all of
// the alphabet, and returns how many it has decoded.
func decodeRun(dst, src []byte) int {
	t, n := &base64Values, len(src)
	for len(src) >= 8 && len(dst) >= 8 {
		v := t[0][src[0]] | t[1][src[1]] | t[2][src[2]] | t[3][src[3]]
		w := t[0][src[4]] | t[1][src[5]] | t[2][src[6]] | t[3][src[7]]
		if v|w >= notBase64 {
			break
		}
		binary.BigEndian.PutUint64(dst, uint64(v)<<40|uint64(w)<<16)
		src, dst = src[8:], dst[6:]
	}
	return n - len(src)
}

// closeQuantum appends the bytes of a last quantum of k characters.
func closeQuantum(dst []byte, q uint32, k int) []byte {
	switch k {
	case 2:
		return append(dst, byte(q>>16))
	case 3:
		return append(dst, byte(q>>16), byte(q>>8))
	}
	return dst
}

// notPadding returns where b holds something else than white space and at most
// most signs of padding; -1 if it does not.
func notPadding(b []byte, most int) int {
	for i, c := range b {
		switch {
		case c == '=' && most > 0:
			most--
		case !isSpace(c):
			return i
		}
	}
	return -1
}
