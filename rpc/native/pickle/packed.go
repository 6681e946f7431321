package pickle

import (
	"encoding/binary"
	"math"
	"reflect"
	"slices"
)

// packed are the items of a list in the form that a Go slice of them needs: where
// all are integers of 64 bits, or floats, or records alike. One of the three is
// not empty.
type packed struct {
	ints   []int64
	floats []float64
	rows   *table
}

func (p *packed) len() int {
	if p == nil {
		return 0
	}
	return len(p.ints) + len(p.floats) + p.rows.len()
}

// packedSize is what a packed number is charged, as if it were an item already.
const packedSize = 2 * slotSize

// batch reads the items of a list that follow a mark and the APPENDS behind them,
// if they are all of one kind that is packed and the list has no others. If not,
// it reads nothing and answers false.
func (d *decoder) batch() bool {
	if d.err != nil || d.maxlens != nil || len(d.stack) <= d.base() {
		return false // or a deque, that may have a maxlen
	}
	n, ok := d.stack[len(d.stack)-1].(*node)
	if !ok || n.kind != nodeList || len(n.items) > 0 {
		return false
	}
	pos := d.pos
	if len(d.data) > pos && d.data[pos] == opFrame {
		pos = skipFrame(d.data, pos)
	}
	if pos < 0 || pos == len(d.data) {
		return false
	}
	op := d.data[pos]
	switch op {
	case opEmptyDict:
		ok = d.records(n)
	case opBinInt1, opBinInt2, opBinInt, opLong1, opBinFloat:
		ok = d.numbers(n, op)
	default:
		return false
	}
	if !ok {
		n.unpack() // else it could be copied for each of many batches that are none
	}
	return ok
}

// numbers reads a batch of integers, or of floats.
func (d *decoder) numbers(n *node, op byte) bool {
	p := n.packed
	if p == nil {
		p = &packed{}
	}
	memory, ok := d.memory, false
	switch {
	case p.rows != nil:
	case op == opBinFloat:
		ok = len(p.ints) == 0 && d.floats(p)
	default:
		ok = len(p.floats) == 0 && d.ints(p)
	}
	if !ok {
		d.refund(memory)
		return false
	}
	n.packed = p
	return true
}

// ints reads integers up to APPENDS and appends them to those of p.
func (d *decoder) ints(p *packed) bool {
	data, pos, ints := d.data, d.pos, p.ints
	most := len(ints) + 2*d.o.MaxElements - len(d.stack)
	for {
		if len(data) == pos || len(ints) > most {
			return false
		}
		n, size := readInt(data[pos:])
		if size == 0 {
			switch data[pos] {
			case opFrame:
				if pos = skipFrame(data, pos); pos < 0 {
					return false
				}
				continue
			case opAppends:
				d.pos, p.ints = pos+1, ints
				return true
			}
			return false
		}
		pos += size
		if len(ints) == cap(ints) {
			if ints = roomFor(d, ints, pos-d.pos, len(data)-pos); d.err != nil {
				return false
			}
		}
		ints = append(ints, n)
	}
}

// readInt reads an integer of at most 64 bits with its opcode. A size of 0 means
// that there is none.
func readInt(b []byte) (n int64, size int) {
	if len(b) < 2 {
		return 0, 0
	}
	switch b[0] {
	case opBinInt1:
		return int64(b[1]), 2
	case opBinInt2:
		if len(b) >= 3 {
			return int64(binary.LittleEndian.Uint16(b[1:])), 3
		}
	case opBinInt:
		if len(b) >= 5 {
			return int64(int32(binary.LittleEndian.Uint32(b[1:]))), 5
		}
	case opLong1:
		size := int(b[1])
		unused := uint(64 - 8*size)
		if b = b[2:]; size > 8 || len(b) < size {
			return 0, 0
		}
		if len(b) >= 8 {
			return int64(binary.LittleEndian.Uint64(b)<<unused) >> unused, 2 + size
		}
		var whole [8]byte
		copy(whole[:], b)
		return int64(binary.LittleEndian.Uint64(whole[:])<<unused) >> unused, 2 + size
	}
	return 0, 0
}

// floats does for floats what ints does for integers.
func (d *decoder) floats(p *packed) bool {
	const size = 1 + 8
	data, pos, floats := d.data, d.pos, p.floats
	most := len(floats) + 2*d.o.MaxElements - len(d.stack)
	for len(data)-pos >= size && len(floats) <= most {
		if data[pos] == opFrame {
			if pos = skipFrame(data, pos); pos < 0 {
				return false
			}
			continue
		}
		if data[pos] != opBinFloat {
			break
		}
		if len(floats) == cap(floats) {
			if floats = roomFor(d, floats, pos-d.pos, len(data)-pos); d.err != nil {
				return false
			}
		}
		floats = append(floats, math.Float64frombits(binary.BigEndian.Uint64(data[pos+1:])))
		pos += size
	}
	if pos == len(data) || data[pos] != opAppends {
		return false
	}
	d.pos, p.floats = pos+1, floats
	return true
}

// skipFrame returns where the opcode after a FRAME begins, which pickles have
// wherever 64 KiB are full; -1 if the frame is none.
func skipFrame(data []byte, pos int) int {
	const size = 1 + 8
	if len(data)-pos < size || binary.LittleEndian.Uint64(data[pos+1:]) > uint64(len(data)-pos-size) {
		return -1
	}
	return pos + size
}

// roomFor returns list with room for more.
func roomFor[T any](d *decoder, list []T, read, rest int) []T {
	size := capacity(len(list), read, rest)
	if !d.charge(packedSize * (size - cap(list))) {
		return list
	}
	return append(make([]T, 0, size), list...)
}

// capacity returns the next capacity of a list of n items, that took about so many
// bytes to read. So many may follow as the rest of the message has bytes for. How
// many do is not known, and a list grows by steps.
func capacity(n, read, rest int) int {
	const least = 16
	follow := rest/2 + 1
	if n > 0 {
		follow = min(follow, rest/max(2, read/n)+1)
	}
	return n + max(1, min(follow, max(3*n, least)))
}

// unpack turns a packed list into one of items, which took their memory already.
func (n *node) unpack() {
	p := n.packed
	if p == nil {
		return
	}
	n.packed = nil
	n.items = make([]any, 0, p.len())
	if p.rows != nil {
		n.items = p.rows.nodes(n.items)
	} else {
		n.items = box(box(n.items, p.ints), p.floats)
	}
}

// boxed is how many values share an allocation once they are of type any. One that
// is kept keeps the memory of so many.
const boxed = 32

// box appends numbers to items.
func box[T int64 | float64](items []any, numbers []T) []any {
	for ; len(numbers) >= boxed; numbers = numbers[boxed:] {
		items = appendElements(items, reflect.ValueOf([boxed]T(numbers)))
	}
	for _, n := range numbers {
		items = append(items, n)
	}
	return items
}

// appendElements appends the elements of an array. It stands in an interface, so
// that they take no memory of their own.
func appendElements(items []any, array reflect.Value) []any {
	for i := range boxed {
		items = append(items, array.Index(i).Interface())
	}
	return items
}

// grow is slices.Grow for what a message really holds.
func grow[T any](list []T, n int) []T {
	if cap(list)-len(list) >= n {
		return list
	}
	return slices.Grow(list, n)
}
