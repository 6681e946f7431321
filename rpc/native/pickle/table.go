package pickle

import (
	"math"
	"reflect"
	"slices"

	"github.com/parley-rpc/parley/rpc/value"
)

// table are the items of a list of dicts that have the same names in the same
// order and hold numbers, text, booleans and None. They take no nodes, and a list
// of structs is read from them as they are.
type table struct {
	names []string
	cells []cell // row by row
	size  int    // bytes of all texts, of the names as often as they occur

	rowSize int // bytes of the names

	texts texts
	made  map[uint64]string // texts at several places, by cell.n
}

// cell is a value in a table.
type cell struct {
	kind  value.Kind
	again bool   // a text that stood elsewhere before
	n     uint64 // int64; the bits of a float64; 1 for True; offset and length of a text, 32 bits each
}

func (t *table) len() int {
	if t == nil || len(t.names) == 0 {
		return 0
	}
	return len(t.cells) / len(t.names)
}

// row returns the cells of row i.
func (t *table) row(i int) []cell {
	return t.cells[i*len(t.names) : (i+1)*len(t.names)]
}

// rowSize is what a row takes as a node with items.
func rowSize(columns int) int { return nodeSize + 2*slotSize*2*columns }

// text returns the text of a cell.
func (t *table) text(c cell) string {
	at, n := int(c.n>>32), int(uint32(c.n))
	if !c.again {
		return t.texts.cut(at, n)
	}
	text, ok := t.made[c.n]
	if !ok {
		text = string(t.texts.data[at : at+n])
		if t.made == nil {
			t.made = map[uint64]string{}
		}
		t.made[c.n] = text
	}
	return text
}

// value returns the value of a cell.
func (t *table) value(c cell) any {
	switch c.kind {
	case value.KindInt:
		return int64(c.n)
	case value.KindFloat:
		return math.Float64frombits(c.n)
	case value.KindBool:
		return c.n != 0
	case value.KindString:
		return t.text(c)
	}
	return nil
}

// items returns row i as the items of a dict.
func (t *table) items(i int) []any {
	items := make([]any, 0, 2*len(t.names))
	for j, c := range t.row(i) {
		items = append(items, t.names[j], t.value(c))
	}
	return items
}

// nodes appends a node for each row.
func (t *table) nodes(items []any) []any {
	nodes := make([]node, t.len())
	for i := range nodes {
		nodes[i] = node{kind: nodeDict, items: t.items(i)}
		items = append(items, &nodes[i])
	}
	return items
}

// chargeTable takes off the limits what the maps of t take, which stand in a list
// at depth.
func (d *decoder) chargeTable(t *table, depth int) bool {
	if depth >= d.o.MaxDepth {
		d.tooDeep()
		return false
	}
	rows, columns := t.len(), len(t.names)
	d.elements -= rows*(1+2*columns) - 1
	return d.element() && d.charge(t.size) && d.charge(rows*(slotSize+mapSize+2*slotSize*columns))
}

// maps appends a map for each row.
func (t *table) maps(list []any) []any {
	columns := len(t.names)
	var few [boxed * fewColumns]any
	values := few[:0] // of some rows, column by column
	for cells := t.cells; len(cells) > 0; {
		rows := min(boxed, len(cells)/columns)
		values = values[:0]
		for j := range columns {
			values = t.column(values, cells[j:rows*columns], rows)
		}
		for i := range rows {
			m := newTextMap(columns)
			for j, name := range t.names {
				m[name] = values[j*rows+i]
			}
			list = append(list, m)
		}
		cells = cells[rows*columns:]
	}
	return list
}

// column appends the values of the column that the first of cells is in.
func (t *table) column(values []any, cells []cell, rows int) []any {
	columns := len(t.names)
	kind := cells[0].kind
	if rows == boxed && t.alike(cells) {
		switch kind {
		case value.KindInt:
			var array [boxed]int64
			var all uint64
			for i := range array {
				array[i] = int64(cells[i*columns].n)
				all |= cells[i*columns].n
			}
			if all <= math.MaxUint8 {
				break // the runtime has each of them in an interface already
			}
			return appendElements(values, reflect.ValueOf(array))
		case value.KindFloat:
			var array [boxed]float64
			for i := range array {
				array[i] = math.Float64frombits(cells[i*columns].n)
			}
			return appendElements(values, reflect.ValueOf(array))
		case value.KindString:
			var array [boxed]string
			for i := range array {
				array[i] = t.text(cells[i*columns])
			}
			return appendElements(values, reflect.ValueOf(array))
		}
	}
	for i := 0; i < len(cells); i += columns {
		values = append(values, t.value(cells[i]))
	}
	return values
}

// alike reports whether the values of a column are of one kind, and so small that
// one may keep the memory of its neighbours.
func (t *table) alike(cells []cell) bool {
	for i := 0; i < len(cells); i += len(t.names) {
		c := cells[i]
		if c.kind != cells[0].kind || c.kind == value.KindString && (c.again || uint32(c.n) > shortText) {
			return false
		}
	}
	return true
}

// unique reports whether no two names are the same.
func (t *table) unique() bool {
	if len(t.names) > fewColumns {
		seen := make(map[string]struct{}, len(t.names))
		for _, name := range t.names {
			seen[name] = struct{}{}
		}
		return len(seen) == len(t.names)
	}
	for i, name := range t.names {
		if slices.Contains(t.names[:i], name) {
			return false
		}
	}
	return true
}
