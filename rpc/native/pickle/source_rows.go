package pickle

import "github.com/parley-rpc/parley/rpc/value"

// rows is the state of a source as a value.RowSource. A message refers to the
// names of a record as a rule where they stood first, so that to compare them
// takes next to nothing.
type rows struct {
	form  int
	names []string
	kinds []value.Kind
	row   []any // the row that was entered: key, value, key, value ...
	node  *node // it stood there
	deep  bool  // copied, for the node
}

// Row implements value.RowSource, like all methods below.
func (s *source) Row() int {
	n, ok := s.next.(*node)
	if !ok || n.kind != nodeDict || s.kind != value.KindMap || len(n.items) == 0 || s.Err() != nil {
		return 0
	}
	if !s.rows.fits(n.items) && !s.rows.learn(n.items) {
		return 0
	}
	if !s.charge(mapSize + slotSize*len(n.items)) {
		return 0
	}
	s.rows.row, s.rows.node, s.rows.deep = n.items, n, s.copied
	return s.rows.form
}

// fits reports whether a record has the present form.
func (r *rows) fits(items []any) bool {
	if len(items) != 2*len(r.names) {
		return false
	}
	for i, name := range r.names {
		if key, ok := items[2*i].(string); !ok || key != name || scalarKind(items[2*i+1]) != r.kinds[i] {
			return false
		}
	}
	return true
}

// learn makes the form of a record the present one, if it can be read as a row.
func (r *rows) learn(items []any) bool {
	if len(items) > 2*maxColumns || len(uniqueKeys(items)) < len(items) {
		return false
	}
	r.names, r.kinds = r.names[:0], r.kinds[:0]
	for i := 0; i < len(items); i += 2 {
		name, _ := items[i].(string)
		r.names = append(r.names, name)
		r.kinds = append(r.kinds, scalarKind(items[i+1]))
	}
	r.form++
	return true
}

// maxColumns bounds the names of a form.
const maxColumns = 256

// scalarKind returns the kind of a value that a column can have. The others have
// none, so that a field for them is read in the ordinary way.
func scalarKind(v any) value.Kind {
	switch v.(type) {
	case int64:
		return value.KindInt
	case string:
		return value.KindString
	case float64:
		return value.KindFloat
	case bool:
		return value.KindBool
	}
	return value.KindInvalid
}

func (s *source) Columns() int { return len(s.rows.names) }

func (s *source) Column(i int) ([]byte, value.Kind) {
	s.name = append(s.name[:0], s.rows.names[i]...)
	return s.name, s.rows.kinds[i]
}

// cell takes the value of the next column.
func cell[T any](s *source) (x T, ok bool) {
	x, ok = s.rows.row[1].(T)
	if s.rows.row = s.rows.row[2:]; len(s.rows.row) == 0 {
		s.take()
	}
	return x, ok
}

func (s *source) RowBool() (bool, bool)     { return cell[bool](s) }
func (s *source) RowInt() (int64, bool)     { return cell[int64](s) }
func (s *source) RowFloat() (float64, bool) { return cell[float64](s) }

func (s *source) RowText() (string, bool) {
	text, ok := cell[string](s)
	return text, ok && s.charge(len(text))
}

func (s *source) RowSkip() bool {
	cell[any](s) // nil, too, is read over
	return true
}

func (s *source) RowBack() { s.stand(s.rows.node, s.rows.deep) }
