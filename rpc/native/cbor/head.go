package cbor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/parley-rpc/parley/rpc/value"
)

// An item begins with a head (RFC 8949 section 3):
//
//	7 6 5 | 4 3 2 1 0
//	major |    low      followed by
//	      |    0..23    nothing: low is the argument
//	      |     24      1 byte   \
//	      |     25      2 bytes   | the argument, big endian
//	      |     26      4 bytes   |
//	      |     27      8 bytes  /
//
// The argument is the integer itself, a length in bytes, a count of elements or
// of entries, or a tag.
const (
	majorUint = iota << 5
	majorNint // the integer -1-argument
	majorBytes
	majorText
	majorArray
	majorMap
	majorTag
	majorSimple
)

const (
	itemFalse   = majorSimple | 20
	itemTrue    = majorSimple | 21
	itemNil     = majorSimple | 22
	itemFloat16 = majorSimple | 25
	itemFloat32 = majorSimple | 26
	itemFloat64 = majorSimple | 27
)

const (
	majorMask = 7 << 5
	lowMask   = 1<<5 - 1
	oneByte   = 24 // the first low that is not itself the argument
)

// kindHard marks the first bytes whose kind takes more than that byte to tell.
const kindHard value.Kind = 0xff

// kinds tells the kind of an item by its first byte.
var kinds = func() (kinds [256]value.Kind) {
	for b := range kinds {
		if b&lowMask > 27 {
			kinds[b] = kindHard
			continue
		}
		switch b & majorMask {
		case majorUint, majorNint:
			kinds[b] = value.KindInt
		case majorBytes:
			kinds[b] = value.KindBytes
		case majorText:
			kinds[b] = value.KindString
		case majorMap:
			kinds[b] = value.KindMap
		default: // in a table an array is a map
			kinds[b] = kindHard
		}
	}
	kinds[itemFalse], kinds[itemTrue], kinds[itemNil] = value.KindBool, value.KindBool, value.KindNil
	kinds[itemFloat16], kinds[itemFloat32], kinds[itemFloat64] = value.KindFloat, value.KindFloat, value.KindFloat
	return kinds
}()

var (
	errEnd        = fmt.Errorf("the message ends where a value was expected: %w", io.ErrUnexpectedEOF)
	errCut        = fmt.Errorf("the message ends inside a value: %w", io.ErrUnexpectedEOF)
	errLong       = errors.New("an integer, length or tag is not in its shortest form")
	errIndefinite = errors.New("indefinite lengths are not accepted: expected a length")
	errUTF8       = errors.New("text is not valid UTF-8")
)

// readHead reads the head of the item at data[at:]. next is where its content
// begins. Simple values and floats have their low bits for an argument.
func readHead(data []byte, at int) (major byte, arg uint64, next int, err error) {
	if at >= len(data) {
		return 0, 0, at, errEnd
	}
	b := data[at]
	major, low := b&majorMask, b&lowMask
	rest := data[at+1:]
	switch {
	case low < oneByte || major == majorSimple:
		return major, uint64(low), at + 1, nil
	case low > 27:
		if low == 31 {
			return 0, 0, at, errIndefinite
		}
		return 0, 0, at, fmt.Errorf("reserved byte 0x%02x", b)
	}
	size := 1 << (low - oneByte)
	if len(rest) < size {
		return 0, 0, at, errCut
	}
	var least uint64
	switch size {
	case 1:
		arg, least = uint64(rest[0]), oneByte
	case 2:
		arg, least = uint64(binary.BigEndian.Uint16(rest)), 1<<8
	case 4:
		arg, least = uint64(binary.BigEndian.Uint32(rest)), 1<<16
	default:
		arg, least = binary.BigEndian.Uint64(rest), 1<<32
	}
	if arg < least {
		return 0, 0, at, errLong
	}
	return major, arg, at + 1 + size, nil
}

// headSize returns the size of a head by its first byte.
func headSize(b byte) int {
	if low := b & lowMask; low >= oneByte {
		return 1 + 1<<(low-oneByte)
	}
	return 1
}

// readFloat reads the float at data[at:], whose first byte is one of a float.
func readFloat(data []byte, at int) (f float64, next int, err error) {
	rest := data[at+1:]
	switch b := data[at]; {
	case b == itemFloat64 && len(rest) >= 8:
		return math.Float64frombits(binary.BigEndian.Uint64(rest)), at + 9, nil
	case b == itemFloat32 && len(rest) >= 4:
		return float64(math.Float32frombits(binary.BigEndian.Uint32(rest))), at + 5, nil
	case b == itemFloat16 && len(rest) >= 2:
		return fromFloat16(binary.BigEndian.Uint16(rest)), at + 3, nil
	}
	return 0, at, errCut
}

// fromFloat16 widens an IEEE 754 half. A NaN keeps its payload.
func fromFloat16(h uint16) float64 {
	sign := uint64(h>>15) << 63
	exp, frac := uint64(h>>10&0x1f), uint64(h&0x3ff)
	switch exp {
	case 0: // zero, or frac times 2 to the power of -24
		return math.Copysign(float64(frac)*0x1p-24, math.Float64frombits(sign|1))
	case 0x1f:
		return math.Float64frombits(sign | 0x7ff<<52 | frac<<42)
	}
	return math.Float64frombits(sign | (exp-15+1023)<<52 | frac<<42)
}

// appendHead appends the shortest head for arg.
func appendHead(dst []byte, major byte, arg uint64) []byte {
	switch {
	case arg < oneByte:
		return append(dst, major|byte(arg))
	case arg < 1<<8:
		return append(dst, major|24, byte(arg))
	case arg < 1<<16:
		return append(dst, major|25, byte(arg>>8), byte(arg))
	case arg < 1<<32:
		return binary.BigEndian.AppendUint32(append(dst, major|26), uint32(arg))
	}
	return binary.BigEndian.AppendUint64(append(dst, major|27), arg)
}

// appendInt appends an integer: n, or for a negative one -1-n, which is ^n.
func appendInt(dst []byte, n int64) []byte {
	if n < 0 {
		return appendHead(dst, majorNint, uint64(^n))
	}
	return appendHead(dst, majorUint, uint64(n))
}

func appendFloat(dst []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, itemFloat64), math.Float64bits(f))
}
