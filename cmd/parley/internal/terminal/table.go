package terminal

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/width"
)

// Table is a table of text. What its cells have from others must be printable.
type Table struct {
	Header []string
	Rows   [][]string
}

func (g *Table) Add(cells ...string) { g.Rows = append(g.Rows, cells) }

// gap is what stands between two columns.
const gap = "  "

// Print writes the table, the columns as wide as what is in them. On a terminal
// the widest give way until a row fits into a line; what they cut ends in "…".
func (g *Table) Print(out io.Writer) error {
	paint, room := NewPainter(out), Width(out)
	columns := len(g.Header)
	all := g.Rows
	if columns > 0 {
		all = append([][]string{g.Header}, g.Rows...)
	}
	for _, row := range all {
		columns = max(columns, len(row))
	}
	widths := make([]int, columns)
	for _, row := range all {
		for i, cell := range row {
			widths[i] = max(widths[i], Columns(cell))
		}
	}
	if room > 0 {
		squeeze(widths, room-len(gap)*(columns-1))
	}
	var b strings.Builder
	for n, row := range all {
		for i, cell := range row {
			cell = Cut(cell, widths[i])
			pad := strings.Repeat(" ", widths[i]-Columns(cell))
			if n == 0 && len(g.Header) > 0 {
				cell = paint.Header(cell)
			}
			b.WriteString(cell)
			if i < len(row)-1 {
				b.WriteString(pad + gap)
			}
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// narrowest is what squeeze leaves of a column.
const narrowest = 4

// squeeze takes from the widest until all fit into room, or none can give more.
func squeeze(widths []int, room int) {
	sum := 0
	for i := range widths {
		widths[i] = min(widths[i], max(room, narrowest))
		sum += widths[i]
	}
	for ; sum > room; sum-- {
		widest := 0
		for i, w := range widths {
			if w >= widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= narrowest {
			return
		}
		widths[widest]--
	}
}

// Cut shortens a cell to at most n columns.
func Cut(cell string, n int) string {
	if Columns(cell) <= n {
		return cell
	}
	used := 0
	for i, r := range cell {
		if used += runeColumns(r); used >= n {
			return cell[:i] + "…"
		}
	}
	return cell
}

// Columns returns how much room text takes on a terminal.
func Columns(text string) int {
	n := 0
	for _, r := range text {
		n += runeColumns(r)
	}
	return n
}

// runeColumns is 2 for the wide characters of East Asia (Unicode Standard Annex
// 11), 0 for marks that stand on the character before them, and else 1.
func runeColumns(r rune) int {
	if r < 0x300 {
		return 1
	}
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// Several is a number of things: "1 call", "2 calls".
func Several(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Time is a time in a table.
func Time(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}
