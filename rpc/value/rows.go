package value

import "reflect"

// A RowSource is a Source whose wire writes the names of a record again with each
// one, though as a rule with the same bytes around the values. It compares those
// bytes at once, and so spares the reader of a list of structs most of its work.
// It is a fast way beside the ordinary one and never fails: what is not as it was
// before is read again by the methods of Source, which find what is wrong with
// it. It has a Sticky embedded.
type RowSource interface {
	Source
	// Row enters the element of a sequence that stands next, after More, and takes
	// the place of Map. form is a number for its columns: whose names and kinds
	// are asked for anew when it changes. Zero means that the element is
	// read in the ordinary way; it still stands next then.
	Row() (form int)
	// Columns returns the number of columns of the present form, Column the name
	// of one, valid until the next Row, and the kind of its values: KindBool,
	// KindInt, KindFloat or KindString.
	Columns() int
	Column(i int) (name []byte, kind Kind)
	// The value of each column is read by the method of its kind, or left out by
	// RowSkip; the last one leaves the row. After a false the row has to be read
	// in the ordinary way, from RowBack on.
	RowBool() (b, ok bool)
	RowInt() (n int64, ok bool)
	RowFloat() (f float64, ok bool)
	RowText() (s string, ok bool)
	RowSkip() bool
	// RowBack goes back to before the row that was entered.
	RowBack()

	embedsSticky
}

// decodeRows reads a list of records that has been entered into an empty slice.
// False: it is none that can be read row by row; nothing has been read then.
func (r *record) decodeRows(s Source, v reflect.Value, elem *plan) bool {
	t, ok := s.(RowSource)
	if !ok {
		return false
	}
	st := t.sticky()
	var few [manyColumns]*field
	columns, form, fits := few[:0], 0, false
	i := 0
	for ; t.More(); i++ {
		if i == v.Len() {
			if i == v.Cap() {
				v.Grow(1)
			}
			v.SetLen(v.Cap()) // all of it is zero
		}
		row := v.Index(i)
		if now := t.Row(); now != 0 {
			if now != form {
				form = now
				columns, fits = r.columnsOf(t, few[:0], st.RejectUnknown)
			}
			if fits && readRow(t, row, columns) {
				continue
			}
			t.RowBack()
			row.SetZero()
		}
		elem.decode(s, row)
		if st.err != nil {
			st.err.withinIndex(i)
			i++
			break
		}
	}
	v.SetLen(i)
	return true
}

// columnsOf appends the fields for the columns of a RowSource, nil where there is
// none. False: not each of them has the one kind that its field is read from
// without a conversion.
func (r *record) columnsOf(t RowSource, fields []*field, rejectUnknown bool) ([]*field, bool) {
	for i := range t.Columns() {
		name, kind := t.Column(i)
		f := r.column(i, name)
		if f == nil {
			if rejectUnknown {
				return fields, false
			}
		} else if f.plan.scalar == notScalar || f.plan.scalar.kind() != kind {
			return fields, false
		}
		fields = append(fields, f)
	}
	return fields, true
}

func (s scalar) kind() Kind {
	switch s {
	case scalarBool:
		return KindBool
	case scalarInt:
		return KindInt
	case scalarFloat:
		return KindFloat
	default:
		return KindString
	}
}

// readRow reads a row that has been entered into a zero struct.
func readRow(t RowSource, row reflect.Value, columns []*field) bool {
	for _, f := range columns {
		if f == nil {
			if !t.RowSkip() {
				return false
			}
			continue
		}
		v, ok := f.of(row), false
		switch f.plan.scalar {
		case scalarInt:
			var n int64
			if n, ok = t.RowInt(); ok {
				shift := 64 - uint(f.plan.bits)
				ok = n<<shift>>shift == n
				v.SetInt(n)
			}
		case scalarText:
			var text string
			if text, ok = t.RowText(); ok {
				v.SetString(text)
			}
		case scalarFloat:
			var x float64
			if x, ok = t.RowFloat(); ok {
				v.SetFloat(x)
			}
		default:
			var b bool
			if b, ok = t.RowBool(); ok {
				v.SetBool(b)
			}
		}
		if !ok {
			return false
		}
	}
	return true
}
