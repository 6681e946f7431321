package xmlvalue

import (
	"bytes"

	"github.com/parley-rpc/parley/rpc/value"
)

// Structs in a list are written by a program, which puts the same bytes around
// the values of each of them. Those of one are remembered, and compared with what
// the next one has in their place. The first byte that differs sends the reader
// back to the start of that struct and on the ordinary way.
//
// What is remembered has been looked at: members of scalar values, with nothing
// in the tags but their names and nothing between them but white space.

const (
	maxColumns = 24 // of a struct that is read so
	maxMisses  = 16 // structs that looked different, beyond those that did not
)

// rows is how the last struct of a list looked.
type rows struct {
	form   int // a number for it, 0 as long as there is none
	forms  int // how many there have been
	n      int // of columns
	column [maxColumns]column
	ends   []byte // what stands behind the value of the last column
	last   int    // how far before that value its <value> begins
	stale  bool   // the last one that began so went on in another way
	misses int

	next     int // the column that is read next
	from     int // where the row began
	elements int // and how many values had been read there
}

// column is a member.
type column struct {
	before []byte // from the end of the value before it, or the start of the struct
	name   []byte
	kind   value.Kind
}

// Row is part of [value.RowSource].
func (d *Decoder) Row() int {
	f := d.top()
	if f == nil || f.in != inData && f.in != inArray || d.head.kind != value.KindInvalid || d.Err() != nil {
		return 0
	}
	if d.rows == nil {
		d.rows = new(rows)
	}
	r := d.rows
	if r.form == 0 || r.stale || !bytes.HasPrefix(d.data[d.pos:], r.column[0].before) {
		if r.misses >= maxMisses || !d.learn() {
			r.misses++
			return 0
		}
		r.stale = false
	}
	depth := len(d.stack)
	if d.stack[0].in == inParams {
		depth--
	}
	if depth >= d.o.MaxDepth || d.elements+1+r.n > d.o.MaxElements {
		return 0 // it is an error there
	}
	r.next, r.from, r.elements = 0, d.pos, d.elements
	d.pos += len(r.column[0].before)
	d.elements += 1 + r.n
	return r.form
}

// RowBack is part of [value.RowSource].
func (d *Decoder) RowBack() {
	r := d.rows
	if r.next == r.n { // it had been read
		d.top().at--
	}
	d.pos, d.elements = r.from, r.elements
	r.stale = true
	r.misses += 2
}

// Columns is part of [value.RowSource].
func (d *Decoder) Columns() int { return d.rows.n }

// Column is part of [value.RowSource].
func (d *Decoder) Column(i int) ([]byte, value.Kind) {
	return d.rows.column[i].name, d.rows.column[i].kind
}

// rowContent returns the content of the column that stands next, up to the tag
// that ends it.
func (d *Decoder) rowContent() ([]byte, bool) {
	n := bytes.IndexByte(d.data[d.pos:], '<')
	if n < 0 || n > d.maxString {
		return nil, false
	}
	return d.data[d.pos : d.pos+n], true
}

// rowNext leaves a column of size bytes behind.
func (d *Decoder) rowNext(size int) bool {
	r, pos := d.rows, d.pos+size
	if r.next+1 < r.n {
		before := r.column[r.next+1].before
		if !bytes.HasPrefix(d.data[pos:], before) {
			return false
		}
		r.next++
		d.pos = pos + len(before)
		return true
	}
	if !bytes.HasPrefix(d.data[pos:], r.ends) {
		return false
	}
	d.at = d.pos - r.last
	r.next++
	d.pos = pos + len(r.ends)
	d.top().at++
	r.misses = max(0, r.misses-1)
	return true
}

// RowBool is part of [value.RowSource].
func (d *Decoder) RowBool() (b, ok bool) {
	if d.pos == len(d.data) || d.data[d.pos] != '0' && d.data[d.pos] != '1' || d.maxString < 1 {
		return false, false
	}
	b = d.data[d.pos] == '1'
	return b, d.rowNext(1)
}

// RowInt is part of [value.RowSource].
func (d *Decoder) RowInt() (n int64, ok bool) {
	n, size := digits(d.data[d.pos:], min(d.o.MaxDigits, d.maxString, mostDigits))
	return n, size > 0 && d.rowNext(size)
}

// RowFloat is part of [value.RowSource].
func (d *Decoder) RowFloat() (f float64, ok bool) {
	text, ok := d.rowContent()
	if !ok || len(text) > d.o.MaxDigits {
		return 0, false
	}
	f, err := parseFloat(text)
	return f, err == nil && d.rowNext(len(text))
}

// RowText is part of [value.RowSource].
func (d *Decoder) RowText() (s string, ok bool) {
	text, ok := d.rowContent()
	if !ok || !d.asItIs(text) {
		return "", false
	}
	s = string(text)
	return s, d.rowNext(len(text))
}

// RowSkip is part of [value.RowSource]. What is skipped has to be a number
// where it is said to be one, as it has in the ordinary way.
func (d *Decoder) RowSkip() bool {
	switch d.rows.column[d.rows.next].kind {
	case value.KindInt:
		_, ok := d.RowInt()
		return ok
	case value.KindFloat:
		_, ok := d.RowFloat()
		return ok
	case value.KindBool:
		_, ok := d.RowBool()
		return ok
	}
	text, ok := d.rowContent()
	return ok && d.asItIs(text) && d.rowNext(len(text))
}

// asItIs reports whether character data stands for itself.
func (s *scanner) asItIs(text []byte) bool {
	return s.plain || bytes.IndexByte(text, '&') < 0 && bytes.IndexByte(text, '\r') < 0 && !bytes.Contains(text, []byte(cdataClose))
}

// learn remembers how the struct at pos looks. False: it cannot be read so.
func (d *Decoder) learn() bool {
	r := d.rows
	s := scanner{data: d.data, pos: d.pos} // none of the methods used here fails
	r.form, r.n = 0, 0
	s.space()
	if !s.literal("<value>") || !s.spaced("<struct>") {
		return false
	}
	for done := d.pos; ; r.n++ {
		if !s.spaced("<member>") {
			r.ends = d.data[done:]
			break
		}
		if r.n == maxColumns || !s.spaced("<name>") {
			return false
		}
		c := &r.column[r.n]
		n := bytes.IndexByte(s.data[s.pos:], '<')
		if n < 0 || n > d.maxString {
			return false
		}
		c.name = s.data[s.pos : s.pos+n]
		s.pos += n
		if !d.asItIs(c.name) || !s.literal("</name>") || !s.spaced("<value>") {
			return false
		}
		for _, other := range r.column[:r.n] {
			if bytes.Equal(other.name, c.name) {
				return false // the last one counts, as the ordinary way knows
			}
		}
		open := s.pos - len("<value>")
		closing := s.columnType(c)
		c.before = s.data[done:s.pos]
		r.last = s.pos - open
		n = bytes.IndexByte(s.data[s.pos:], '<')
		if n < 0 {
			return false
		}
		s.pos += n
		done = s.pos
		if closing != "" && !s.literal(closing) || !s.spaced("</value>") || !s.spaced("</member>") {
			return false
		}
	}
	if r.n == 0 || !s.spaced("</struct>") || !s.spaced("</value>") {
		return false
	}
	r.ends = r.ends[:len(r.ends)-(len(s.data)-s.pos)]
	r.forms++
	r.form = r.forms
	return true
}

// spaced skips white space and the tag behind it.
func (s *scanner) spaced(tag string) bool {
	s.space()
	return s.literal(tag)
}

// columnType reads the start tag of the type behind a <value>, if there is one
// that columns may have, and returns its end tag. Without one the value is text.
func (s *scanner) columnType(c *column) (closing string) {
	at := s.pos
	s.space()
	switch {
	case s.literal("<int>"):
		c.kind = value.KindInt
		return "</int>"
	case s.literal("<i4>"):
		c.kind = value.KindInt
		return "</i4>"
	case s.literal("<i8>"):
		c.kind = value.KindInt
		return "</i8>"
	case s.literal("<string>"):
		c.kind = value.KindString
		return "</string>"
	case s.literal("<double>"):
		c.kind = value.KindFloat
		return "</double>"
	case s.literal("<boolean>"):
		c.kind = value.KindBool
		return "</boolean>"
	}
	s.pos = at
	c.kind = value.KindString
	return ""
}
