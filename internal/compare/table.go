package compare

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Style is how a table looks. The zero value is plain, for a file or a pipe.
type Style struct {
	// Width is columns: a narrow table has fewer figures, and cuts what it must,
	// down to 60. Zero: nothing is left out or cut.
	Width int
	// What paints text; nil leaves it as it is.
	Heading, Warning, Best func(string) string
}

// WriteTable writes all of a result for a person: the answer and its figures, the
// warnings, what the lanes are, a table for each work with the fastest lane on top,
// connections, and what each transport carries. What came from others is written without control characters.
func WriteTable(w io.Writer, r *Result, s Style) error {
	t := newTable(r, s)
	t.head()
	for _, sentence := range r.Answer {
		t.paragraph("", sentence)
	}
	t.line("")
	t.summary()
	for _, text := range r.Warnings {
		t.paragraph("! ", t.style.Warning(plain(text)))
	}
	if len(r.Warnings) > 0 {
		t.line("")
	}
	t.lanes()
	t.works()
	t.connections()
	t.abilities()
	t.missing()
	t.notes()
	_, err := w.Write(t.b.Bytes())
	return err
}

// WriteWorks writes the tables of the works alone.
func WriteWorks(w io.Writer, r *Result, s Style) error {
	t := newTable(r, s)
	t.works()
	_, err := w.Write(t.b.Bytes())
	return err
}

// table is one that is being written.
type table struct {
	b     bytes.Buffer
	r     *Result
	style Style
}

func newTable(r *Result, s Style) *table {
	s.Width = max(60, cmp.Or(s.Width, math.MaxInt))
	for _, paint := range []*func(string) string{&s.Heading, &s.Warning, &s.Best} {
		if *paint == nil {
			*paint = func(text string) string { return text }
		}
	}
	return &table{r: r, style: s}
}

func (t *table) line(text string) { t.b.WriteString(strings.TrimRight(text, " ") + "\n") }

// widestProse is how wide prose is at most, in columns; wider is hard to read.
const widestProse = 100

// paragraph writes text in lines that are no wider than the table.
func (t *table) paragraph(first, text string) {
	room := min(t.style.Width, widestProse) - 2 - len(first)
	line, before := "", "  "+first
	flush := func() {
		t.line(before + line)
		line, before = "", strings.Repeat(" ", 2+len(first))
	}
	for word := range strings.FieldsSeq(text) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > room {
			flush()
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	flush()
}

// head says what was done, when and where.
func (t *table) head() {
	r := t.r
	t.line(t.style.Heading(cut(plain(r.Command), t.style.Width)))
	m := r.Machine
	where := []string{m.OS}
	for _, text := range []string{m.Processor, Count(m.Processors, "processor"), m.Go} {
		if text != "" {
			where = append(where, text)
		}
	}
	if m.Python != "" {
		where = append(where, "Python "+m.Python)
	}
	how := fmt.Sprintf("%s of %s of %d ms for each row", Count(r.Starts, "start"), Count(r.Rounds, "turn"), r.TurnMS)
	if n := r.Long(); n > 0 {
		how += fmt.Sprintf(" (1 at %s)", Count(n, "work"))
	}
	if r.Rate > 0 {
		how += fmt.Sprintf(", at %s calls/s in all", grouped(r.Rate))
	}
	t.line(cut(plain(fmt.Sprintf("%s, parley %s", r.Taken.UTC().Format("2006-01-02 15:04 UTC"), r.Version)), t.style.Width))
	t.line(cut(plain(strings.Join(where, ", ")), t.style.Width))
	t.line(how + "; medians")
	t.line("")
}

// column is one figure of a row.
type column struct {
	head string
	drop int // the first to be left out where there is little room; 0 never is
	of   func(*Row, *Ranking) string
}

// columns are those of a table of works. At a rate that was given all make as many
// calls: what was late is beside them then, and the spread is that of p99.
func columns(rate bool) []column {
	stat := func(of func(*Row) *Stat) func(*Row, *Ranking) string {
		return func(row *Row, _ *Ranking) string { return timeText(of(row), "-") }
	}
	spreads := column{"±", 0, func(row *Row, _ *Ranking) string { return spread(row.CallsPerS) }}
	var before, behind []column
	if rate {
		before = []column{
			{"late", 0, func(row *Row, _ *Ranking) string { return figureText(counted(row.Late)) }},
			{"unsent", 0, func(row *Row, _ *Ranking) string { return figureText(counted(row.Unsent)) }},
		}
		spreads.of = func(row *Row, _ *Ranking) string { return spread(row.P99) }
		behind = []column{spreads}
	} else {
		before = []column{spreads}
	}
	return slices.Concat([]column{
		{"", 0, func(row *Row, _ *Ranking) string { return cut(plain(row.Lane), 24) }},
		{"place", 0, func(row *Row, k *Ranking) string { return place(k, row.Lane) }},
		{"calls/s", 0, func(row *Row, _ *Ranking) string {
			if row.CallsPerS == nil {
				return "-"
			}
			return grouped(row.CallsPerS.Median)
		}},
	}, before, []column{
		{"p50 µs", 0, stat(func(row *Row) *Stat { return row.P50 })},
		{"p90", 2, stat(func(row *Row) *Stat { return row.P90 })},
		{"p99", 0, stat(func(row *Row) *Stat { return row.P99 })},
	}, behind, []column{
		{"p99.9", 1, stat(func(row *Row) *Stat { return row.P999 })},
		{"CPU µs", 4, func(row *Row, _ *Ranking) string {
			if row.ClientCPU == nil && row.ServerCPU == nil {
				return "-"
			}
			return cpuText(row.ClientCPU, row.ServerCPU)
		}},
		{"allocs", 3, func(row *Row, _ *Ranking) string { return figureText(bothSides(row.ClientAllocs, row.ServerAllocs)) }},
		{"bytes", 0, func(row *Row, _ *Ranking) string { return figureText(single(row.WireBytes)) }},
	})
}

// counted is a number of calls as a figure, nil if it is not known.
func counted(n *int64) *Stat {
	if n == nil {
		return nil
	}
	return NewStat([]float64{float64(*n)})
}

// figureText is a figure in a table: 31,840, 318k.
func figureText(s *Stat) string {
	switch {
	case s == nil:
		return "-"
	case s.Median >= 999_500:
		return grouped(s.Median/1e6) + "M"
	case s.Median >= 99_950:
		return grouped(s.Median/1e3) + "k"
	}
	return grouped(s.Median)
}

// timeText is a time in a table: µs, of which the head of the column speaks, or
// with its unit what is longer.
func timeText(s *Stat, unknown string) string {
	if s == nil {
		return unknown
	}
	return strings.TrimSuffix(micro(s.Median), " µs")
}

// cpuText is the processor time of client and server.
func cpuText(client, server *Stat) string {
	if client == nil || server == nil {
		return timeText(client, "?") + "+" + timeText(server, "?")
	}
	of := inOne(micros, client.Median, server.Median)
	return strings.TrimSuffix(of[0]+"+"+of[1]+" "+of[2], " µs")
}

// spread is how far the turns of a figure are apart, in a table.
func spread(s *Stat) string {
	if s == nil || len(s.Turns) < 2 {
		return "-"
	}
	return fmt.Sprintf("%.0f %%", s.Spread()*100)
}

// place is which place a lane has, or all that it may have.
func place(k *Ranking, lane string) string {
	if k == nil {
		return ""
	}
	switch best, worst := k.Places(lane); {
	case best == 0:
		return ""
	case best == worst:
		return fmt.Sprint(best)
	case len(k.marked(lane, SeldomMark)) > 0:
		return fmt.Sprintf("%s%d-%d", SeldomMark, best, worst)
	default:
		return fmt.Sprintf("%s%d-%d", CloseMark, best, worst)
	}
}

// works writes a table for each work, all with columns of the same widths.
func (t *table) works() {
	type block struct {
		title string
		rows  []*Row
		cells [][]string
	}
	all := columns(t.r.Rate > 0)
	var blocks []block
	var cells [][]string
	head := make([]string, len(all))
	for i, c := range all {
		head[i] = c.head
	}
	cells = append(cells, head)
	for _, w := range t.r.Works {
		b := block{title: cmp.Or(w.Title, w.Name)}
		if b.title != w.Name && t.r.Depth != "against" {
			b.title += "  [" + w.Name + "]" // for --work
		}
		k := t.r.Ranking(w.Name)
		for _, row := range t.r.ranked(w.Name) {
			line := make([]string, len(all))
			for i, c := range all {
				if row.Failed == "" || i == 0 {
					line[i] = c.of(row, k)
				}
			}
			b.rows, b.cells = append(b.rows, row), append(b.cells, line)
			cells = append(cells, line)
		}
		if len(b.rows) > 0 {
			blocks = append(blocks, b)
		}
	}
	keep, widths := fit(all, cells, t.style.Width)
	for _, b := range blocks {
		t.line(t.style.Heading(cut(plain(b.title), t.style.Width)))
		t.line(join(head, keep, widths))
		for i, line := range b.cells {
			text := join(line, keep, widths)
			if b.rows[i].Failed != "" {
				text = cut(text[:0]+pad("  "+line[0], widths[0]+2)+"  no figures: "+plain(b.rows[i].Failed), t.style.Width)
			} else if i == 0 && len(b.cells) > 1 {
				text = t.style.Best(text)
			}
			t.line(text)
		}
		t.line("")
	}
}

// ranked are the rows of a work, the fastest first, and last those without figures.
func (r *Result) ranked(work string) []*Row {
	var rows []*Row
	if k := r.Ranking(work); k != nil {
		for _, lane := range k.Lanes {
			if row := r.Row(lane, work); row != nil {
				rows = append(rows, row)
			}
		}
	}
	for i := range r.Rows {
		if row := &r.Rows[i]; row.Work == work && !slices.Contains(rows, row) {
			rows = append(rows, row)
		}
	}
	return rows
}

// fit chooses the columns that there is room for, and how wide each is.
func fit(all []column, cells [][]string, room int) (keep []bool, widths []int) {
	keep, widths = make([]bool, len(all)), make([]int, len(all))
	total := 0
	for i := range all {
		keep[i] = true
		for _, line := range cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(line[i]))
		}
		total += widths[i] + 2
	}
	for drop := 1; total > room; drop++ {
		i := slices.IndexFunc(all, func(c column) bool { return c.drop == drop })
		if i < 0 {
			break
		}
		keep[i] = false
		total -= widths[i] + 2
	}
	return keep, widths
}

// join writes a line: the first cell to the left, all others to the right.
func join(line []string, keep []bool, widths []int) string {
	var b strings.Builder
	for i, cell := range line {
		switch {
		case !keep[i]:
		case i == 0:
			b.WriteString("  " + pad(cell, widths[i]))
		default:
			b.WriteString("  " + strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(cell))) + cell)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

func pad(text string, n int) string {
	return text + strings.Repeat(" ", max(0, n-utf8.RuneCountInString(text)))
}

// cut shortens text to n characters.
func cut(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}

// plain takes out of text what could play with a terminal.
func plain(text string) string {
	return strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return ' '
		}
		return c
	}, text)
}
