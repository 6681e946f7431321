package carry

import (
	"strings"

	"github.com/parley-rpc/parley/internal/compare"
)

// groups are the headings of the table.
var groups = [...]struct{ name, title, left string }{
	{"types", "What arrives", "sent"},
	{"sizes", "How much", "in one call"},
	{"streams", "Streams", ""},
	{"calls", "Calls", ""},
	{"who", "Who can call, and how it is known", ""},
}

// Markdown writes the table of what was tried, one for each group, with the columns
// that were tried at all.
func Markdown(abilities []compare.Ability) string {
	columns := columnsOf(abilities)
	var b strings.Builder
	b.WriteString("✓ as it was sent, or as it should be · → as something else, or in another way · – refused, and by what · an empty cell has nothing to try\n")
	for _, g := range groups {
		rows := 0
		for _, a := range abilities {
			if a.Group != g.name {
				continue
			}
			if rows++; rows == 1 {
				b.WriteString("\n### " + g.title + "\n\n| " + g.left + " |")
				for _, c := range columns {
					b.WriteString(" " + c.Title + " |")
				}
				b.WriteString("\n|---|" + strings.Repeat("---|", len(columns)) + "\n")
			}
			b.WriteString("| " + cell(a.Name) + " |")
			for _, c := range columns {
				b.WriteString(" " + outcome(a.Lanes[c.Name]) + " |")
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

// columnsOf are the columns in which something was tried.
func columnsOf(abilities []compare.Ability) []Column {
	var columns []Column
	for _, c := range Columns() {
		for _, a := range abilities {
			if o, ok := a.Lanes[c.Name]; ok && o.Verdict != Untried {
				columns = append(columns, c)
				break
			}
		}
	}
	return columns
}

func outcome(o compare.Outcome) string {
	signs := map[string]string{Yes: "✓", Changed: "→", No: "–", Untried: "?"}
	return strings.TrimSpace(signs[o.Verdict] + " " + cell(o.Note))
}

// cell makes a text one of a cell, in which nothing is markup.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`, "_", `\_`, "`", "'").Replace(s)
}
