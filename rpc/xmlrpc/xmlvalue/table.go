package xmlvalue

import (
	"errors"

	"github.com/parley-rpc/parley/rpc/value"
)

// table is a list of structs with the same members, whose names are made ready
// for writing once.
type table struct {
	names []byte // what stands before the value of each member, one after the other
	ends  []int  // where that of each ends in names
	next  int    // the member whose value is due
}

// Rows is part of [value.TableSink].
func (e *Encoder) Rows(names []string, n int) bool {
	t := table{ends: make([]int, 0, len(names))}
	for i, name := range names {
		if i > 0 {
			t.names = append(t.names, "</member>"...)
		}
		bad := 0
		t.names = append(t.names, "<member><name>"...)
		if t.names, bad = appendEscaped(t.names, name); bad >= 0 {
			return false // the ordinary way says what is wrong
		}
		t.names = append(t.names, "</name>"...)
		t.ends = append(t.ends, len(t.names))
	}
	e.List(value.KindList, n)
	if e.Err() == nil {
		e.stack[len(e.stack)-1] = inRows
		e.tables = append(e.tables, t)
	}
	return true
}

// Row is part of [value.TableSink].
func (e *Encoder) Row() {
	if n := len(e.stack); n == 0 || e.stack[n-1] != inRows {
		e.Fail(errors.New("xmlvalue: Row was called where no row is due"))
		return
	}
	if e.enter(inRow) {
		e.buf = append(e.buf, "<value><struct>"...)
		e.tables[len(e.tables)-1].next = 0
	}
}

// column writes what stands before the next value of a row.
func (e *Encoder) column() bool {
	t := &e.tables[len(e.tables)-1]
	if t.next == len(t.ends) {
		e.Fail(errors.New("xmlvalue: a row has more values than names"))
		return false
	}
	from := 0
	if t.next > 0 {
		from = t.ends[t.next-1]
	}
	e.buf = append(e.buf, t.names[from:t.ends[t.next]]...)
	t.next++
	return true
}

// endRow ends a row whose values have been written.
func (e *Encoder) endRow() {
	switch t := &e.tables[len(e.tables)-1]; {
	case t.next < len(t.ends):
		e.Fail(errors.New("xmlvalue: a row has fewer values than names"))
	case t.next == 0:
		e.buf = append(e.buf, "</struct></value>"...)
	default:
		e.buf = append(e.buf, "</member></struct></value>"...)
	}
}
