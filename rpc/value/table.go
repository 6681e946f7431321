package value

import "reflect"

// A TableSource is a Source whose wire writes the field names of a list of
// records once. With it a list of structs finds out once, and not in each
// record, which field a value belongs to. It has a Sticky embedded.
type TableSource interface {
	Source
	// Columns returns the number of columns, if the sequence just entered is a
	// table of which nothing has been read yet. Otherwise it is 0.
	Columns() int
	// Column returns the name of the next column. It may be called Columns times
	// and before the first Row. The bytes are valid until the end of the table.
	Column() []byte
	// Row enters the next row and takes the place of More: Columns values follow,
	// in the order of the columns and without names. All of them have to be read.
	// After the last row it leaves the table and answers false.
	Row() bool

	embedsSticky
}

// A TableSink is a Sink whose wire writes the field names of a list of records
// once. It has a Sticky embedded.
type TableSink interface {
	Sink
	// Rows is a Table whose rows are begun by Row. If the wire has no table for
	// it, it writes nothing and answers false.
	Rows(names []string, n int) bool
	// Row begins the next row: a value for each name follows, then End.
	Row()

	embedsSticky
}

// embedsSticky is for the loops over rows, which look for an error behind each
// field: at the Sticky itself that takes no call.
type embedsSticky interface{ sticky() *Sticky }

// scalar says that values of a type are read and written by one method. In the
// rows of a table a switch on it stands for the closures of a plan, whose calls
// took a tenth of the time of the rows.
type scalar uint8

const (
	notScalar scalar = iota
	scalarBool
	scalarInt
	scalarFloat
	scalarText
)

// manyColumns is how many columns are resolved without an allocation.
const manyColumns = 24

// decodeTable reads a list of records that has been entered into an empty slice.
// False: it is none that can be read row by row.
func (r *record) decodeTable(s Source, v reflect.Value) bool {
	t, ok := s.(TableSource)
	if !ok {
		return false
	}
	n := t.Columns()
	if n == 0 || t.sticky().RejectUnknown { // the error is that of a record
		return false
	}
	var few [manyColumns]*field
	columns := few[:0]
	for i := range n {
		columns = append(columns, r.column(i, t.Column()))
	}
	st := t.sticky()
	i := 0
	for ; t.Row(); i++ {
		if i == v.Len() {
			if i == v.Cap() {
				v.Grow(1)
			}
			v.SetLen(v.Cap()) // all of it is zero
		}
		row := v.Index(i)
		for _, f := range columns {
			if f == nil {
				if s.Skip(); st.err != nil {
					break
				}
				continue
			}
			v := row.Field(f.index[0])
			switch f.scalar {
			case scalarInt:
				v.SetInt(decodeInt(s, f.plan.bits, f.plan.name))
			case scalarText:
				v.SetString(decodeText(s))
			case scalarFloat:
				v.SetFloat(decodeFloat(s))
			case scalarBool:
				v.SetBool(decodeBool(s))
			default:
				f.plan.decode(s, f.of(row))
			}
			if st.err != nil {
				st.err.withinName(f.name)
				break
			}
		}
		if st.err != nil {
			st.err.withinIndex(i)
			return true
		}
	}
	v.SetLen(i)
	return true
}

// column returns the field for column i, nil if there is none.
func (r *record) column(i int, name []byte) *field {
	if i < len(r.fields) && r.fields[i].name == string(name) {
		return &r.fields[i]
	}
	if i, ok := r.index[string(name)]; ok {
		return &r.fields[i]
	}
	return nil
}

// encodeTable writes a slice of records row by row. False: it has not.
func (r *record) encodeTable(s Sink, v reflect.Value) bool {
	t, ok := s.(TableSink)
	if !ok || !t.Rows(r.names, v.Len()) {
		return false
	}
	st := t.sticky()
	if st.err != nil {
		return true // above all: too deep
	}
	for i := range v.Len() {
		if t.Row(); st.err != nil {
			st.err.withinIndex(i)
			return true
		}
		row := v.Index(i)
		for j := range r.fields {
			f := &r.fields[j]
			v := row.Field(f.index[0])
			switch f.scalar {
			case scalarInt:
				s.Int(v.Int())
			case scalarText:
				s.Text(v.String())
			case scalarFloat:
				s.Float(v.Float())
			case scalarBool:
				s.Bool(v.Bool())
			default:
				f.plan.encode(s, f.of(row))
			}
			if st.err != nil {
				st.err.withinName(f.name)
				st.err.withinIndex(i)
				return true
			}
		}
		t.End()
	}
	t.End()
	return true
}
