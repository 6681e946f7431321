package pickle

import (
	"math"

	"github.com/parley-rpc/parley/rpc/value"
)

// rows is the state of a source as a value.RowSource, whose rows are those of a
// table that have their columns in common with the first.
type rows struct {
	form  int
	table *table
	kinds []value.Kind
	row   int    // the one that was entered
	cells []cell // of the row, which are left
}

// Row implements value.RowSource, like all methods below.
func (s *source) Row() int {
	t, r := s.table, &s.rows
	if t == nil || s.Err() != nil {
		return 0
	}
	if t != r.table || !r.fit(t.row(s.row)) {
		r.table, r.kinds = t, r.kinds[:0]
		for _, c := range t.row(s.row) {
			r.kinds = append(r.kinds, c.kind)
		}
		r.form++
	}
	if !s.charge(mapSize + 2*slotSize*len(t.names)) {
		return 0
	}
	r.row, r.cells = s.row, t.row(s.row)
	return r.form
}

// fit reports whether cells are of the kinds of the present form.
func (r *rows) fit(cells []cell) bool {
	for i := range cells {
		if cells[i].kind != r.kinds[i] {
			return false
		}
	}
	return true
}

func (s *source) Columns() int { return len(s.rows.kinds) }

func (s *source) Column(i int) ([]byte, value.Kind) {
	s.name = append(s.name[:0], s.rows.table.names[i]...)
	return s.name, s.rows.kinds[i]
}

// cell takes the value of the next column.
func (s *source) cell() cell {
	c := s.rows.cells[0]
	if s.rows.cells = s.rows.cells[1:]; len(s.rows.cells) == 0 {
		s.take()
	}
	return c
}

func (s *source) RowBool() (bool, bool)     { return s.cell().n != 0, true }
func (s *source) RowInt() (int64, bool)     { return int64(s.cell().n), true }
func (s *source) RowFloat() (float64, bool) { return math.Float64frombits(s.cell().n), true }

func (s *source) RowText() (string, bool) {
	text := s.rows.table.text(s.cell())
	return text, s.charge(len(text))
}

func (s *source) RowSkip() bool {
	s.cell()
	return true
}

func (s *source) RowBack() { s.standRow(s.rows.table, s.rows.row) }
