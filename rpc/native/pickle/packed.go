package pickle

import (
	"encoding/binary"
	"math"
	"reflect"
	"slices"
)

// packed are the items of a list of numbers of one type: a list that is read into
// a Go slice of that type needs nothing else. One of the two is empty.
type packed struct {
	ints   []int64
	floats []float64
}

func (p *packed) len() int {
	if p == nil {
		return 0
	}
	return len(p.ints) + len(p.floats)
}

// packedSize is what a packed number is charged, as if it were an item already.
const packedSize = 2 * slotSize

// numbers reads the numbers that follow a mark and the APPENDS behind them, if
// they are of one type and so are those that the list already has. If not, it
// reads nothing and answers false.
func (d *decoder) numbers() bool {
	if d.pos >= len(d.data) || len(d.stack) <= d.base() {
		return false
	}
	op := d.data[d.pos]
	switch op {
	case opBinInt1, opBinInt2, opBinInt, opLong1, opBinFloat:
	default:
		return false
	}
	n, ok := d.stack[len(d.stack)-1].(*node)
	if !ok || n.kind != nodeList || len(n.items) > 0 {
		return false
	}
	p := n.packed
	if p == nil {
		p = &packed{}
	}
	if op == opBinFloat {
		ok = len(p.ints) == 0 && d.floats(p)
	} else {
		ok = len(p.floats) == 0 && d.ints(p)
	}
	if ok {
		n.packed = p
	}
	return ok
}

// ints reads integers up to APPENDS and appends them to those of p.
func (d *decoder) ints(p *packed) bool {
	data, pos, ints := d.data, d.pos, p.ints
	most := len(ints) + 2*d.o.MaxElements - len(d.stack)
	for {
		if len(data)-pos < 2 || len(ints) > most {
			return false
		}
		var n int64
		rest := data[pos:]
		switch rest[0] {
		case opBinInt1:
			n = int64(rest[1])
			pos += 2
		case opBinInt2:
			if len(rest) < 3 {
				return false
			}
			n = int64(binary.LittleEndian.Uint16(rest[1:]))
			pos += 3
		case opBinInt:
			if len(rest) < 5 {
				return false
			}
			n = int64(int32(binary.LittleEndian.Uint32(rest[1:])))
			pos += 5
		case opLong1:
			size := int(rest[1])
			if size > 8 || len(rest) < 2+8 { // near the end of the message there is no need to be fast
				return false
			}
			unused := uint(64 - 8*size)
			n = int64(binary.LittleEndian.Uint64(rest[2:])<<unused) >> unused
			pos += 2 + size
		case opFrame:
			if pos = skipFrame(data, pos); pos < 0 {
				return false
			}
			continue
		case opAppends:
			d.pos, p.ints = pos+1, ints
			return true
		default:
			return false
		}
		if len(ints) == cap(ints) {
			if ints = roomFor(d, ints, pos-d.pos, len(data)-pos); d.err != nil {
				return false
			}
		}
		ints = append(ints, n)
	}
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

// roomFor returns list with room for more. At the size of the numbers that were
// read, so many may follow as the rest of the message has bytes for; but how many
// do is not known, so list grows by steps.
func roomFor[T any](d *decoder, list []T, read, rest int) []T {
	const least = 16
	follow := rest/2 + 1
	if n := len(list); n > 0 && read > 0 {
		follow = min(follow, rest/max(2, read/n)+1)
	}
	size := max(len(list)+min(follow, max(3*len(list), least)), len(list)+1)
	if !d.charge(packedSize * (size - cap(list))) {
		return list
	}
	return append(make([]T, 0, size), list...)
}

// unpack turns a packed list into one of items, which took their memory already.
func (n *node) unpack() {
	if n.packed == nil {
		return
	}
	n.items = n.packed.box(make([]any, 0, n.packed.len()))
	n.packed = nil
}

// boxed is how many numbers share an allocation. One that is kept keeps the
// memory of so many, which is 512 bytes.
const boxed = 64

// box appends the numbers to items.
func (p *packed) box(items []any) []any {
	return box(box(items, p.ints), p.floats)
}

func box[T int64 | float64](items []any, numbers []T) []any {
	for len(numbers) >= boxed {
		// Elements of an array within an interface need no memory of their own.
		array := reflect.ValueOf([boxed]T(numbers))
		for i := range boxed {
			items = append(items, array.Index(i).Interface())
		}
		numbers = numbers[boxed:]
	}
	for _, n := range numbers {
		items = append(items, n)
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
