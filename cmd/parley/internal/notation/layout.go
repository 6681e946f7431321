package notation

import (
	"bytes"
	"strings"

	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
)

// jsonIndent is what stands before a member, for each object or list around it.
const jsonIndent = "  "

// Layout sets out JSON without spaces, as AppendJSON writes it, for people: what
// fits into a line of width characters is one, anything else has a line for each
// member. Names and texts are coloured.
func Layout(paint terminal.Painter, text []byte, width int) []byte {
	l := jsonLayout{paint: paint, rest: text, width: width}
	l.value(0, 0)
	return l.out.Bytes()
}

type jsonLayout struct {
	paint terminal.Painter
	rest  []byte // what is still to come
	out   bytes.Buffer
	width int
}

// value writes the next value, which is so deep and begins in this column.
func (l *jsonLayout) value(depth, column int) {
	open := l.rest[0]
	if open != '[' && open != '{' {
		l.scalar()
		return
	}
	broken := !l.fits(l.width - column - 1) // a comma may follow
	l.take(1)
	for l.rest[0] != ']' && l.rest[0] != '}' {
		if l.rest[0] == ',' {
			l.take(1)
		}
		column := 0
		if broken {
			l.out.WriteString("\n" + strings.Repeat(jsonIndent, depth+1))
			column = len(jsonIndent) * (depth + 1)
		}
		if open == '{' {
			column += terminal.Columns(string(l.rest[:stringEnd(l.rest)])) + 2
			l.key()
			l.take(1) // the colon
			if broken {
				l.out.WriteByte(' ')
			}
		}
		if !broken {
			column = -1 << 20 // it all fits
		}
		l.value(depth+1, column)
	}
	if broken {
		l.out.WriteString("\n" + strings.Repeat(jsonIndent, depth))
	}
	l.take(1)
}

// take writes the next n bytes as they are.
func (l *jsonLayout) take(n int) {
	l.out.Write(l.rest[:n])
	l.rest = l.rest[n:]
}

func (l *jsonLayout) key() {
	n := stringEnd(l.rest)
	l.out.WriteString(l.paint.Key(string(l.rest[:n])))
	l.rest = l.rest[n:]
}

// scalar writes a text, a number, true, false or null.
func (l *jsonLayout) scalar() {
	if l.rest[0] == '"' {
		n := stringEnd(l.rest)
		l.out.WriteString(l.paint.Text(string(l.rest[:n])))
		l.rest = l.rest[n:]
		return
	}
	if n := bytes.IndexAny(l.rest, ",]}"); n >= 0 {
		l.take(n)
	} else {
		l.take(len(l.rest))
	}
}

// fits reports whether the list or object that comes next takes at most room
// columns. An empty one always does.
func (l *jsonLayout) fits(room int) bool {
	if l.rest[1] == ']' || l.rest[1] == '}' {
		return true
	}
	depth := 0
	for i := 0; i < len(l.rest) && i <= 4*room; { // a character has four bytes at most
		switch l.rest[i] {
		case '"':
			i += stringEnd(l.rest[i:])
			continue
		case '[', '{':
			depth++
		case ']', '}':
			depth--
			if depth == 0 {
				return terminal.Columns(string(l.rest[:i+1])) <= room
			}
		}
		i++
	}
	return false
}

// stringEnd returns the length of the text in quotes at the start of b.
func stringEnd(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}
