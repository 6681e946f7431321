package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/parley-rpc/parley/internal/compare"
)

// table is one of figures. Each of its cells says by data-key, data-lane and
// data-work, of itself or of what it is in, which figure of the JSON it has.
type table struct {
	Title  string
	Head   []string // of the columns behind the first
	Words  string   // the one of them that has text, not figures
	Works  bool     // lines are works, and columns lanes
	Groups []group
}

// group are the lines of a work, or all of them.
type group struct {
	Title, Work string
	Lines       []tableLine
}

// tableLine is a lane, or a work.
type tableLine struct {
	Lane   string
	Work   string
	Title  string
	Color  int
	Cells  []cell
	Failed string // stands in the place of the cells
}

// cell has a figure with its spread, a figure, a text, or nothing.
type cell struct {
	Key, Lane string
	Mark      string // before the figure, and never apart from it
	Figure    *figure
	Spread    *[2]figure
	Text      string
}

// figure is a number, as it is and as it is shown.
type figure struct{ Exact, Text string }

func figureOf(v float64, u unit) *figure { return &figure{exact(v), write(v, u)} }

func statCell(key string, s *compare.Stat, u unit) cell {
	if s == nil {
		return cell{Key: key}
	}
	return cell{Key: key, Figure: figureOf(s.Median, u), Spread: &[2]figure{*figureOf(s.Min, u), *figureOf(s.Max, u)}}
}

// byWork is a table with a group for each work, and in it a line for each lane
// that has a row.
func byWork(r *compare.Result, title string, works []compare.Work, head []string, of func(*compare.Row) []cell) *table {
	t := &table{Title: title, Head: head}
	for _, w := range works {
		g := group{Title: w.Title, Work: w.Name}
		for _, l := range ranked(r, w.Name) {
			row := r.Row(l.Name, w.Name)
			if row == nil {
				continue
			}
			line := lineOf(l)
			if line.Failed = row.Failed; line.Failed == "" {
				line.Cells = of(row)
			}
			g.Lines = append(g.Lines, line)
		}
		if len(g.Lines) > 0 {
			t.Groups = append(t.Groups, g)
		}
	}
	if len(t.Groups) == 0 {
		return nil
	}
	return t
}

// trim leaves out the columns that have nothing in any line, such as what the server
// takes where it is not ours.
func (t *table) trim() {
	some := make([]bool, len(t.Head))
	for _, g := range t.Groups {
		for _, l := range g.Lines {
			for i, c := range l.Cells {
				some[i] = some[i] || c.Figure != nil || c.Text != ""
			}
		}
	}
	if !slices.Contains(some, true) {
		return
	}
	i := -1
	t.Head = slices.DeleteFunc(t.Head, func(string) bool { i++; return !some[i] })
	for _, g := range t.Groups {
		for j := range g.Lines {
			i := -1
			g.Lines[j].Cells = slices.DeleteFunc(g.Lines[j].Cells, func(cell) bool { i++; return !some[i] })
		}
	}
}

func lineOf(l *compare.Lane) tableLine {
	return tableLine{Lane: l.Name, Title: cmp.Or(l.Title, l.Name), Color: color(l)}
}

func callsTable(r *compare.Result) *table {
	const words = "not ranked beside"
	title, head := "Calls per second, the fastest first", []string{"calls/s", "calls measured", words}
	if r.Rate > 0 {
		title, head = "Calls at the rate, the lowest p99 first", []string{"p99", "calls/s", "calls measured", "late", "unsent", words}
	}
	t := byWork(r, title, r.Works, head, func(row *compare.Row) []cell {
		even := cell{Text: unranked(r, row)}
		rate, calls := statCell("calls_per_s", row.CallsPerS, rate), countCell("calls", &row.Calls)
		if r.Rate > 0 {
			return []cell{statCell("p99_us", row.P99, micros), rate, calls, countCell("late", row.Late), countCell("unsent", row.Unsent), even}
		}
		return []cell{rate, calls, even}
	})
	if t != nil {
		t.Words = words
	}
	return t
}

// unranked are the lanes that a lane cannot be told from, behind the mark that says
// why.
func unranked(r *compare.Result, row *compare.Row) string {
	k := r.Ranking(row.Work)
	if k == nil {
		return ""
	}
	var parts []string
	for _, mark := range []string{compare.CloseMark, compare.SeldomMark} {
		var names []string
		for _, other := range k.Lanes {
			if other != row.Lane && k.Mark(row.Lane, other) == mark {
				names = append(names, laneTitle(r, other))
			}
		}
		switch n := len(names); {
		case n == 0:
		case n > 2 && n == len(k.Lanes)-1:
			parts = append(parts, mark+" all others")
		case n > 4:
			parts = append(parts, fmt.Sprintf("%s %d others", mark, n))
		default:
			parts = append(parts, mark+" "+strings.Join(names, "; "))
		}
	}
	return strings.Join(parts, " · ")
}

// countCell has how many calls did something.
func countCell(key string, n *int64) cell {
	if n == nil {
		return cell{Key: key}
	}
	text := strconv.FormatInt(*n, 10)
	return cell{Key: key, Figure: &figure{text, grouped(text)}}
}

func laneTitle(r *compare.Result, name string) string {
	if l := r.Lane(name); l != nil {
		return cmp.Or(l.Title, l.Name)
	}
	return name
}

func latencyTable(r *compare.Result) *table {
	return byWork(r, "Time for a call", r.Works, []string{"p50", "p90", "p99", "p99.9", "longest"}, func(row *compare.Row) []cell {
		return []cell{
			statCell("p50_us", row.P50, micros), statCell("p90_us", row.P90, micros), statCell("p99_us", row.P99, micros),
			statCell("p99_9_us", row.P999, micros), statCell("max_us", row.Max, micros),
		}
	})
}

func costTable(r *compare.Result) *table {
	var works []compare.Work
	for _, form := range forms(r) {
		works = append(works, sizes(r, form)...)
	}
	return byWork(r, "Processor time for a call, by what is sent", works, []string{"client", "server"}, func(row *compare.Row) []cell {
		return []cell{statCell("client_cpu_us", row.ClientCPU, micros), statCell("server_cpu_us", row.ServerCPU, micros)}
	})
}

func processorTable(r *compare.Result) *table {
	head := []string{"client", "server", "allocations, client", "allocations, server", "allocated, client", "allocated, server"}
	return byWork(r, "Processor time and memory for a call", r.Works, head, func(row *compare.Row) []cell {
		return []cell{
			statCell("client_cpu_us", row.ClientCPU, micros), statCell("server_cpu_us", row.ServerCPU, micros),
			statCell("client_allocs", row.ClientAllocs, plain), statCell("server_allocs", row.ServerAllocs, plain),
			statCell("client_alloc_bytes", row.ClientAllocBytes, octets), statCell("server_alloc_bytes", row.ServerAllocBytes, octets),
		}
	})
}

// wireTable has a line for each work and a column for each lane.
func wireTable(r *compare.Result) *table {
	t, g := &table{Title: "Bytes on the wire for a call, both ways", Works: true}, group{}
	for i := range r.Lanes {
		t.Head = append(t.Head, short(r, &r.Lanes[i]))
	}
	for _, w := range r.Works {
		line := tableLine{Work: w.Name, Title: cmp.Or(w.Title, w.Name)}
		for _, l := range r.Lanes {
			c := cell{Key: "wire_bytes", Lane: l.Name}
			switch row := r.Row(l.Name, w.Name); {
			case row == nil:
			case row.Failed != "":
				c.Text = "failed"
			case row.WireBytes != nil:
				c.Figure = figureOf(*row.WireBytes, octets)
			}
			line.Cells = append(line.Cells, c)
		}
		g.Lines = append(g.Lines, line)
	}
	t.Groups = []group{g}
	return t
}

func connectionTable(r *compare.Result) *table {
	t, g := &table{Title: "What a connection costs", Head: []string{"a new one, until its first answer", "memory while idle", "connections that were idle"}}, group{}
	for _, c := range r.Connections {
		line := tableLine{Lane: c.Lane, Title: laneTitle(r, c.Lane), Color: 2}
		if l := r.Lane(c.Lane); l != nil {
			line = lineOf(l)
		}
		idle := cell{Key: "idle_connections"}
		if c.Idle != 0 {
			idle.Figure = &figure{strconv.Itoa(c.Idle), grouped(strconv.Itoa(c.Idle))}
		}
		line.Cells = []cell{statCell("set_up_us", c.SetUp, micros), statCell("idle_kib", c.IdleKiB, kibibyte), idle}
		g.Lines = append(g.Lines, line)
	}
	if len(g.Lines) == 0 {
		return nil
	}
	t.Groups = []group{g}
	return t
}

func changesTable(r *compare.Result) *table {
	t := &table{Title: "Now for each then", Head: []string{"times as good", "verdict"}, Words: "verdict"}
	for _, w := range r.Works {
		g := group{Title: w.Title, Work: w.Name}
		for _, c := range r.Changes {
			if c.Work != w.Name {
				continue
			}
			line := tableLine{Lane: c.Lane, Title: laneTitle(r, c.Lane), Color: 2}
			if l := r.Lane(c.Lane); l != nil {
				line = lineOf(l)
			}
			verdict := c.Verdict
			if verdict == "close" {
				verdict = "≈ too close to call"
			}
			line.Cells = []cell{{Key: "ratio", Figure: figureOf(c.Ratio, ratio)}, {Text: verdict}}
			g.Lines = append(g.Lines, line)
		}
		if len(g.Lines) > 0 {
			t.Groups = append(t.Groups, g)
		}
	}
	if len(t.Groups) == 0 {
		return nil
	}
	return t
}

// ability is a group of lines of the table of what is carried.
type ability struct {
	Title string
	Lines []abilityLine
}

type abilityLine struct {
	Name     string
	Outcomes []outcome
}

// outcome is told by a sign and a word, not by colour alone.
type outcome struct{ Verdict, Sign, Word, Note string }

// abilities are what was tried, and on what.
func abilities(r *compare.Result) (tried []string, groups []ability) {
	var names []string
	for _, a := range r.Abilities {
		for name := range a.Lanes {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	place := func(name string) int {
		if i := slices.IndexFunc(r.Lanes, func(l compare.Lane) bool { return l.Name == name }); i >= 0 {
			return i
		}
		return len(r.Lanes)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b)) })
	for _, name := range names {
		tried = append(tried, laneTitle(r, name))
	}
	for _, a := range r.Abilities {
		line := abilityLine{Name: a.Name}
		for _, name := range names {
			o, ok := a.Lanes[name]
			if !ok {
				o.Verdict = "untried"
			}
			line.Outcomes = append(line.Outcomes, outcomeOf(o))
		}
		at := slices.IndexFunc(groups, func(g ability) bool { return g.Title == a.Group })
		if at < 0 {
			at = len(groups)
			groups = append(groups, ability{Title: a.Group})
		}
		groups[at].Lines = append(groups[at].Lines, line)
	}
	return tried, groups
}

func outcomeOf(o compare.Outcome) outcome {
	sign := map[string]string{"yes": "✓", "changed": "≈", "no": "✕"}[o.Verdict]
	kind := o.Verdict
	if sign == "" {
		sign, kind = "–", "untried"
	}
	return outcome{kind, sign, cmp.Or(o.Verdict, "untried"), o.Note}
}
