package main

import (
	"encoding/binary"
	"fmt"
	"math"
)

// pairSize is the length of a pair on the wire, in bytes: struct.calcsize('>ii').
const pairSize = 8

// pair is '>ii'.
type pair struct{ X, Y int32 }

// appendTo appends p as struct.pack('>ii', x, y) has it.
func (p pair) appendTo(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(p.X))
	return binary.BigEndian.AppendUint32(dst, uint32(p.Y))
}

// parse reads what struct.unpack('>ii', data) does.
func parse(data []byte) (pair, error) {
	if len(data) != pairSize {
		return pair{}, fmt.Errorf("got a message of %d bytes; want a pair of %d", len(data), pairSize)
	}
	return pair{
		X: int32(binary.BigEndian.Uint32(data)),
		Y: int32(binary.BigEndian.Uint32(data[4:])),
	}, nil
}

// sumAndDifference is what the server makes of a pair. What does not fit is an
// error, as struct.pack has it: in Go it would be cut off without a word.
func sumAndDifference(p pair) (pair, error) {
	sum, difference := int64(p.X)+int64(p.Y), int64(p.X)-int64(p.Y)
	for _, n := range []int64{sum, difference} {
		if n < math.MinInt32 || n > math.MaxInt32 {
			return pair{}, fmt.Errorf("%d does not fit 32 bits", n)
		}
	}
	return pair{int32(sum), int32(difference)}, nil
}
