package pickle

import (
	"encoding/binary"
	"math"
	"unicode/utf8"

	"github.com/parley-rpc/parley/rpc/value"
)

// recordReader reads the dicts of a table as pickles write them: EMPTY_DICT, a
// mark, names and values, SETITEMS. Its methods answer false for everything else,
// which the opcodes one by one make sense of, or an error.
type recordReader struct {
	d    *decoder
	data []byte
	pos  int
	from int // where the batch begins
	t    *table
	list uint32   // number of the list in decoder.lists
	refs []uint32 // memo entries that are the names of the first columns
}

const (
	maxColumns = 256 // bounds the names of a table
	fewColumns = 4   // so many have no name alike after a look at all pairs
)

// records does for dicts what numbers does for numbers.
func (d *decoder) records(n *node) bool {
	if len(d.far) > 0 || uint64(len(d.data)) > math.MaxUint32 {
		return false
	}
	var t table
	if n.packed != nil {
		if n.packed.rows == nil {
			return false
		}
		t = *n.packed.rows
	} else {
		t.cells = d.cells
	}
	memo, lists, memory := len(d.memo), len(d.lists), d.memory
	d.lists = append(d.lists, n)
	r := recordReader{d: d, data: d.data, pos: d.pos, from: d.pos, t: &t, list: uint32(lists)}
	var few [2 * fewColumns]uint32
	r.refs = few[:0]
	if !r.rows() {
		d.memo = d.memo[:memo]
		d.lists = d.lists[:lists]
		d.refund(memory)
		return false
	}
	d.pos = r.pos
	t.texts.data = d.data
	n.packed = &packed{rows: &t}
	if d.cells != nil || d.lent == nil {
		d.cells, d.lent = nil, &t
	}
	return true
}

// rows reads up to APPENDS.
func (r *recordReader) rows() bool {
	n := uint32(r.t.len())
	for most := 2*r.d.o.MaxElements - len(r.d.stack); most > 0; most-- {
		switch r.op() {
		case opEmptyDict:
			if !r.put(ref{kind: refRow, a: r.list, b: n}) || r.op() != opMark || !r.row() {
				return false
			}
			n++
		case opAppends:
			return true
		default:
			return false
		}
	}
	return false
}

// row reads the items of a dict.
func (r *recordReader) row() bool {
	t, first := r.t, len(r.t.cells) == 0
	for column := 0; ; column++ {
		// As a rule the name stood earlier, at one place for all rows.
		if at := r.pos; column < len(r.refs) && at+1 < len(r.data) && r.data[at] == opBinGet && uint32(r.data[at+1]) == r.refs[column] {
			r.pos += 2
			if !r.value(r.op()) {
				return false
			}
			continue
		}
		op := r.op()
		if op == opSetItems {
			if column == 0 || column != len(t.names) || first && !t.unique() {
				return false
			}
			if first {
				for _, name := range t.names {
					t.rowSize += len(name)
				}
			}
			t.size += t.rowSize
			return r.d.charge(rowSize(column))
		}
		if first && column < maxColumns {
			if t.names == nil {
				t.names = make([]string, 0, fewColumns)
			}
			t.names = append(t.names, "")
		}
		if column >= len(t.names) || !r.name(op, column, first) || !r.value(r.op()) {
			return false
		}
	}
}

// op returns the next opcode; that of a frame is left out. At the end of the
// message, it is STOP.
func (r *recordReader) op() byte {
	for r.pos < len(r.data) {
		op := r.data[r.pos]
		if op != opFrame {
			r.pos++
			return op
		}
		pos := skipFrame(r.data, r.pos)
		if pos < 0 {
			break
		}
		r.pos = pos
	}
	return opStop
}

// take returns the next n bytes, nil if they are not there.
func (r *recordReader) take(n int) []byte {
	if n > len(r.data)-r.pos {
		return nil
	}
	r.pos += n
	return r.data[r.pos-n : r.pos]
}

// put files e, if the opcode for that comes next.
func (r *recordReader) put(e ref) bool {
	if r.pos == len(r.data) {
		return false
	}
	d := r.d
	switch r.data[r.pos] {
	case opMemoize:
		if d.gaps > 0 {
			return false // it fills one
		}
		r.pos++
	case opBinPut, opLongBinPut:
		r.pos++
		if i, ok := r.index(r.data[r.pos-1] == opLongBinPut); !ok || i != uint32(len(d.memo)) {
			return false
		}
	default:
		return true
	}
	if len(d.memo) >= d.o.MaxMemo {
		return false
	}
	d.memo = append(d.memo, e)
	return true
}

// index reads the number of a memo entry.
func (r *recordReader) index(long bool) (uint32, bool) {
	if long {
		b := r.take(4)
		if b == nil {
			return 0, false
		}
		return binary.LittleEndian.Uint32(b), true
	}
	b := r.take(1)
	if b == nil {
		return 0, false
	}
	return uint32(b[0]), true
}

// text reads a text, and files it if it is to be filed.
func (r *recordReader) text(op byte) (ref, bool) {
	n := 0
	switch op {
	case opShortBinUnicode:
		b := r.take(1)
		if b == nil {
			return ref{}, false
		}
		n = int(b[0])
	case opBinUnicode:
		b := r.take(4)
		if b == nil {
			return ref{}, false
		}
		n = int(binary.LittleEndian.Uint32(b))
	default:
		return ref{}, false
	}
	text := r.take(n)
	if !utf8.Valid(text) || len(text) < n {
		return ref{}, false
	}
	e := ref{kind: refText, a: uint32(r.pos - n), b: uint32(n)}
	return e, r.put(e)
}

// name reads the name of a column.
func (r *recordReader) name(op byte, column int, first bool) bool {
	name := &r.t.names[column]
	if op != opBinGet && op != opLongBinGet {
		e, ok := r.text(op)
		if !ok {
			return false
		}
		text := r.data[e.a : e.a+e.b]
		if first {
			*name = string(text)
		}
		return string(text) == *name
	}
	i, ok := r.index(op == opLongBinGet)
	if !ok {
		return false
	}
	if column < len(r.refs) && r.refs[column] == i {
		return true
	}
	text, ok := r.d.filedText(i)
	if first {
		*name = text
	}
	if column == len(r.refs) {
		r.refs = append(r.refs, i)
	}
	return ok && text == *name
}

// value reads a value into a cell.
func (r *recordReader) value(op byte) bool {
	c := cell{kind: value.KindInt}
	switch op {
	case opNone:
		c.kind = value.KindNil
	case opNewTrue, opNewFalse:
		c.kind = value.KindBool
		if op == opNewTrue {
			c.n = 1
		}
	case opBinFloat:
		b := r.take(8)
		if b == nil {
			return false
		}
		c = cell{kind: value.KindFloat, n: binary.BigEndian.Uint64(b)}
	case opBinInt1, opBinInt2, opBinInt, opLong1:
		n, size := readInt(r.data[r.pos-1:])
		if size == 0 {
			return false
		}
		c.n = uint64(n)
		r.pos += size - 1
	case opBinGet, opLongBinGet:
		i, ok := r.index(op == opLongBinGet)
		if !ok || i >= uint32(len(r.d.memo)) || r.d.memo[i].kind != refText {
			return false
		}
		e := r.d.memo[i]
		c = cell{kind: value.KindString, again: true, n: uint64(e.a)<<32 | uint64(e.b)}
		r.t.size += int(e.b)
	default:
		e, ok := r.text(op)
		if !ok {
			return false
		}
		c = cell{kind: value.KindString, n: uint64(e.a)<<32 | uint64(e.b)}
		r.t.size += int(e.b)
	}
	if t := r.t; len(t.cells) == cap(t.cells) {
		t.cells = append(make([]cell, 0, capacity(len(t.cells), r.pos-r.from, len(r.data)-r.pos)), t.cells...)
	}
	r.t.cells = append(r.t.cells, c)
	return true
}
