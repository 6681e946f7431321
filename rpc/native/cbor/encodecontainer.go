package cbor

import (
	"errors"
	"fmt"
	"slices"

	"github.com/parley-rpc/parley/rpc/value"
)

// openFrame is a container that the Encoder is writing.
type openFrame struct {
	left  int      // values still to come, keys among them; between the rows of a table none
	names []string // of a table
	rows  int      // of a table: rows still to come
	inRow bool     // of a table
}

var (
	errTooMany = errors.New("more values than the container was begun with")
	errTooFew  = errors.New("fewer values than the container was begun with")
)

// room counts one value of the container; false, if it has no room for it.
func (e *Encoder) room() bool {
	if e.left > 0 {
		e.left--
		return true
	}
	return e.roomHard()
}

func (e *Encoder) roomHard() bool {
	if !e.began { // the zero Encoder
		e.Reset(nil, Options{})
		e.left--
		return true
	}
	e.Fail(errTooMany)
	return false
}

// begin writes the head of a container of n items, which count as elements.
func (e *Encoder) begin(major byte, n, elements int) bool {
	if !e.room() || !e.deeper(elements) {
		return false
	}
	e.buf = appendHead(e.buf, major, uint64(n))
	return true
}

// deeper counts a container against the limits.
func (e *Encoder) deeper(elements int) bool {
	switch {
	case e.depth >= e.o.MaxDepth:
		e.Fail(errDepth(e.o.MaxDepth))
		return false
	case elements < 0 || elements > e.free:
		e.Fail(errElements(e.o.MaxElements))
		return false
	}
	e.depth++
	e.free -= elements
	return true
}

func (e *Encoder) push(f openFrame) {
	e.stack = append(e.stack, e.openFrame)
	e.openFrame = f
}

// List begins a sequence.
func (e *Encoder) List(kind value.Kind, n int) {
	if !e.room() || !e.deeper(n) {
		return
	}
	if tag := sequenceTag(kind); tag != 0 {
		e.buf = e.tag(tag)
	}
	e.buf = appendHead(e.buf, majorArray, uint64(n))
	e.push(openFrame{left: n})
}

// Table begins a list of maps with the same names. Of fewer than two it is
// written as a list like any other, and so it is if a name is very long.
func (e *Encoder) Table(names []string, n int) {
	if !e.Rows(names, n) {
		e.List(value.KindList, n)
	}
}

// Rows begins a table whose rows are begun by Row.
func (e *Encoder) Rows(names []string, n int) bool {
	long := func(name string) bool { return len(name) > maxColumnName }
	if n < 2 || len(names) == 0 || slices.ContainsFunc(names, long) {
		return false
	}
	if !e.begin(majorTag, tagTable, n) {
		return true // it has failed
	}
	e.buf = appendHead(e.buf, majorArray, uint64(n)+1)
	e.buf = appendHead(e.buf, majorArray, uint64(len(names)))
	for _, name := range names {
		e.appendText(name)
	}
	e.push(openFrame{rows: n, names: names})
	return true
}

// Row begins a row of a table.
func (e *Encoder) Row() {
	n := len(e.names)
	if e.rows == 0 || e.inRow {
		e.Fail(errTooMany)
	} else if e.deeper(2 * n) {
		if n < oneByte {
			e.buf = append(e.buf, majorArray|byte(n))
		} else {
			e.buf = appendHead(e.buf, majorArray, uint64(n))
		}
		e.rows--
		e.inRow, e.left = true, n
	}
}

// Map begins a map.
func (e *Encoder) Map(n int) {
	switch {
	case e.rows == 0 || e.inRow: // not between the rows of a table
		if e.begin(majorMap, n, 2*n) {
			e.push(openFrame{left: 2 * n})
		}
	case n != len(e.names):
		e.Fail(fmt.Errorf("a row of %d values in a table of %d", n, len(e.names)))
	case e.deeper(2 * n):
		e.buf = appendHead(e.buf, majorArray, uint64(n))
		e.rows--
		e.inRow, e.left = true, n
	}
}

// Name writes a key that is text. In a row it is that of the next column, and
// nothing is written.
func (e *Encoder) Name(name string) {
	if !e.inRow {
		e.Text(name)
		return
	}
	if e.left == 0 || e.names[len(e.names)-e.left] != name {
		e.Fail(fmt.Errorf(`unexpected name "%s" in a row of a table`, value.Clip(name, 64)))
	}
}

// End ends the container begun last.
func (e *Encoder) End() {
	last := len(e.stack) - 1
	switch {
	case e.Err() != nil:
		return
	case e.left > 0 && last >= 0 || e.rows > 0 && !e.inRow:
		e.Fail(errTooFew)
		return
	case e.inRow:
		e.inRow = false
	case last < 0:
		e.Fail(errors.New("the end of a container that was not begun"))
		return
	default:
		e.openFrame = e.stack[last]
		e.stack = e.stack[:last]
	}
	e.depth--
}
