package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// outputFlag says in which form a command prints what it has found.
type outputFlag struct {
	Output string `enum:"table,json" default:"table" placeholder:"FORM" help:"table, for people, or json, for programs. Default: ${default}"`
}

func (f outputFlag) json() bool { return f.Output == "json" }

// printJSON writes v as indented JSON. What could play with a terminal is
// escaped, as it is in the result of a call.
func printJSON(out io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	text := make([]byte, 0, b.Len())
	for _, r := range b.String() {
		if r >= 0x7f && playsWithTerminal(r) { // those below are escaped already, or made here
			text = fmt.Appendf(text, `\u%04x`, r)
		} else {
			text = utf8.AppendRune(text, r)
		}
	}
	_, err := out.Write(text)
	return err
}

// grid is a table of text. What its cells have from others must be printable.
type grid struct {
	header []string
	rows   [][]string
}

func (g *grid) add(cells ...string) { g.rows = append(g.rows, cells) }

// gap is what stands between two columns.
const gap = "  "

// print writes the table, the columns as wide as what is in them. On a terminal
// the widest give way until a row fits into a line; what they cut ends in "…".
func (g *grid) print(out io.Writer) error {
	paint, room := newPainter(out), terminalWidth(out)
	columns := len(g.header)
	all := g.rows
	if columns > 0 {
		all = append([][]string{g.header}, g.rows...)
	}
	for _, row := range all {
		columns = max(columns, len(row))
	}
	widths := make([]int, columns)
	for _, row := range all {
		for i, cell := range row {
			widths[i] = max(widths[i], columnsOf(cell))
		}
	}
	if room > 0 {
		squeeze(widths, room-len(gap)*(columns-1))
	}
	var b strings.Builder
	for n, row := range all {
		for i, cell := range row {
			cell = cut(cell, widths[i])
			pad := strings.Repeat(" ", widths[i]-columnsOf(cell))
			if n == 0 && len(g.header) > 0 {
				cell = paint.header(cell)
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

// cut shortens a cell to at most n columns.
func cut(cell string, n int) string {
	if columnsOf(cell) <= n {
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

// columnsOf returns how much room text takes on a terminal.
func columnsOf(text string) int {
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
