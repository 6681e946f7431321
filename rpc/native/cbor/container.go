package cbor

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/parley-rpc/parley/rpc/value"
)

// frame is a container that the Decoder stands in.
type frame struct {
	in   within
	left int      // values not yet read; each key and each name is one
	seen keyFrame // of a map
	grid grid     // of a table and, since a row is always in one, of a row too
}

// grid is a table that is being read.
type grid struct {
	names   int // where the first name stands
	columns int // number of names
	total   int // number of rows
	name    int // where the name of the next cell stands
	rows    int // rows after this one
}

type within uint8

const (
	inMessage within = iota // in no container
	inList                  // in any sequence but a table
	inTable                 // before a row
	inMap
	inRow   // of a table, which reads as a map
	inCells // the same, without the names
	inError
)

// maxColumnName bounds a column name of a table, in bytes. A name is written
// once and read once for each row, so that a longer one could make a small
// message large.
const maxColumnName = 255

// enter begins a container of n values, the first of which is at at.
func (d *Decoder) enter(in within, n int, at int) bool {
	if !d.room(n) {
		return false
	}
	d.took(at)
	d.stack = append(d.stack, d.frame)
	d.frame = frame{in: in, left: n}
	return true
}

// room counts a container of n values against the limits.
func (d *Decoder) room(n int) bool {
	switch {
	case d.depth >= d.o.MaxDepth:
		d.fail(d.pos, errDepth(d.o.MaxDepth))
		return false
	case n > d.free:
		d.fail(d.pos, errElements(d.o.MaxElements))
		return false
	}
	d.depth++
	d.free -= n
	return true
}

func errDepth(limit int) error {
	return fmt.Errorf("%w of %d containers in one another", ErrLimit, limit)
}

func errElements(limit int) error {
	return fmt.Errorf("%w of %d elements in one message", ErrLimit, limit)
}

// More reports whether another element stands next, and leaves the container
// if none does.
func (d *Decoder) More() bool {
	if d.left <= 0 {
		d.leave()
		return false
	}
	switch d.in {
	case inRow:
		if d.left%2 == 0 {
			d.end = 0 // a name stands next, elsewhere
		}
	case inMap:
		return d.left%2 == 1 || d.newKey()
	case inTable:
		return d.row()
	case inMessage:
		return d.pos < d.end
	}
	return true
}

func (d *Decoder) leave() {
	switch d.in {
	case inMessage, inError:
		return
	case inRow, inCells:
		d.in, d.left = inTable, d.grid.rows
	default:
		if d.in == inMap {
			d.keys.leave(d.seen)
		}
		last := len(d.stack) - 1
		d.frame = d.stack[last]
		d.stack = d.stack[:last]
	}
	d.depth--
}

// List enters a sequence.
func (d *Decoder) List() int {
	if d.in == inTable {
		d.mismatch("list")
		return 0
	}
	major, arg, at, ok := d.next("list", bit(majorArray)|bit(majorTag))
	if !ok {
		return 0
	}
	if major == majorTag {
		if arg == tagTable {
			return d.table(at)
		}
		if !tagKind(arg).IsSequence() {
			d.mismatch("list")
			return 0
		}
		if arg, at, ok = d.tagged(at, majorArray, "an array"); !ok {
			return 0
		}
	}
	n, ok := d.count(at, arg, 1)
	if !ok || !d.enter(inList, n, at) {
		return 0
	}
	return n
}

// tagged reads the head of what a tag stands before, which must be of major.
func (d *Decoder) tagged(at int, major byte, want string) (arg uint64, next int, ok bool) {
	got, arg, next, err := readHead(d.data, at)
	if err == nil && got != major {
		err = fmt.Errorf("a tag without its content: expected %s after it", want)
	}
	if err != nil {
		d.fail(at, err)
		return 0, 0, false
	}
	return arg, next, true
}

// count holds a number of elements of size bytes or more against the bytes that
// are left at data[at:].
func (d *Decoder) count(at int, n uint64, size int) (int, bool) {
	if left := len(d.data) - at; n > uint64(left/size) {
		d.fail(d.pos, fmt.Errorf("a container of %d elements in the %d bytes that are left: %w", n, left, errCut))
		return 0, false
	}
	return int(n), true
}

// Map enters a map, or a row of a table.
func (d *Decoder) Map() int {
	if d.in == inTable {
		if !d.row() || !d.room(2*d.grid.columns) {
			return 0
		}
		d.pos += headSize(d.data[d.pos])
		d.grid.rows = d.left - 1
		d.grid.name = d.grid.names
		d.in, d.left = inRow, 2*d.grid.columns
		return d.grid.columns
	}
	_, arg, at, ok := d.next("map", bit(majorMap))
	if !ok {
		return 0
	}
	n, ok := d.count(at, arg, 2)
	if !ok {
		return 0
	}
	if !d.enter(inMap, 2*n, at) {
		return 0
	}
	d.seen = d.keys.enter()
	return n
}

// table enters a table, whose content is at data[at:].
//
//	[[name...], [value...], ...]
func (d *Decoder) table(at int) int {
	arg, at, ok := d.tagged(at, majorArray, "an array")
	if !ok {
		return 0
	}
	n, ok := d.count(at, arg, 1)
	if !ok {
		return 0
	}
	if n == 0 {
		d.fail(at, errors.New("a table without names"))
		return 0
	}
	arg, at, ok = d.tagged(at, majorArray, "the array of names")
	if !ok {
		return 0
	}
	columns, ok := d.count(at, arg, 1)
	if !ok {
		return 0
	}
	switch {
	case columns == 0:
		d.fail(at, errors.New("a table without names"))
		return 0
	case columns > d.free:
		d.fail(at, errElements(d.o.MaxElements))
		return 0
	}
	names := at
	seen := d.keys.enter()
	for range columns {
		next, err := d.addKey(&seen, at)
		if err == nil && (d.data[at]&majorMask != majorText || next-at > maxColumnName+2) {
			err = fmt.Errorf("expected a name of at most %d bytes", maxColumnName)
		}
		if err != nil {
			d.fail(at, fmt.Errorf("names of a table: %w", err))
			return 0
		}
		at = next
	}
	d.keys.leave(seen)
	if !d.enter(inTable, n-1, at) {
		return 0
	}
	d.grid = grid{names: names, columns: columns, total: n - 1}
	return n - 1
}

// row reports whether what stands next is a row with a value for each name.
func (d *Decoder) row() bool {
	columns := d.grid.columns
	if columns < oneByte && d.pos < d.end && d.data[d.pos] == majorArray|byte(columns) {
		return true
	}
	major, arg, _, err := readHead(d.data, d.pos)
	switch {
	case err != nil:
	case major != majorArray:
		err = fmt.Errorf("expected a row of %d values", columns)
	case arg != uint64(columns):
		err = fmt.Errorf("expected a row of %d values, got %d", columns, arg)
	}
	if err != nil {
		path := "[" + strconv.Itoa(d.grid.total-d.left) + "]"
		d.fail(d.pos, &value.Error{Path: path, Offset: d.pos, Err: err})
		return false
	}
	return true
}

// atName reports whether the name of a cell stands next. It is then not at
// pos: pos is at the value of the cell.
func (d *Decoder) atName() bool { return d.in == inRow && d.left%2 == 0 && d.left > 0 }

// newKey holds the key that stands next against the others of its map.
func (d *Decoder) newKey() bool {
	if _, err := d.addKey(&d.seen, d.pos); err != nil {
		d.fail(d.pos, err)
		return false
	}
	return true
}

// Name reads a key that is text. In a table it is that of the next column.
func (d *Decoder) Name() []byte {
	if d.left > 0 && d.left%2 == 0 {
		switch d.in {
		case inRow:
			name, next := columnName(d.data, d.grid.name)
			d.grid.name = next
			d.left--
			d.end = len(d.data)
			return name
		case inMap:
			if !d.newKey() {
				return nil
			}
			if key := d.keys.last(); key.isText() {
				d.took(key.end)
				return d.data[key.body:key.end]
			}
		}
	}
	d.mismatch("a key that is text")
	return nil
}

// columnName returns the name at data[at:], which table has looked at, and
// where the one after it stands.
func columnName(data []byte, at int) (name []byte, next int) {
	body, n := at+1, int(data[at]&lowMask)
	if n == oneByte {
		body, n = at+2, int(data[at+1])
	}
	return data[body : body+n], body + n
}
