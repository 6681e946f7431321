package compare

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// summary writes the figures of the answer.
func (t *table) summary() {
	s := t.r.Summary
	if s == nil {
		return
	}
	cells := [][]string{{"", cut(plain(s.Names[0]), 28), cut(plain(s.Names[1]), 28), "times"}}
	for _, l := range s.Lines {
		var a, b string
		switch l.Unit {
		case "us":
			f := inOne(micros, l.Figures[0], l.Figures[1])
			a, b = f[0]+" "+f[2], f[1]+" "+f[2]
		case "bytes":
			f := inOne(octets, l.Figures[0], l.Figures[1])
			a, b = f[0]+" "+f[2], f[1]+" "+f[2]
		default:
			a, b = grouped(l.Figures[0])+" "+plain(l.Unit), grouped(l.Figures[1])+" "+plain(l.Unit)
		}
		times := "-"
		if l.Times > 0 {
			times = twoDigits(l.Times)
		}
		if mark := l.Mark(); mark != "" {
			times = mark + " " + times
		}
		cells = append(cells, []string{cut(plain(l.What), 40), a, b, times})
	}
	keep := []bool{true, true, true, true}
	widths := make([]int, len(keep))
	for _, line := range cells {
		for i := range widths {
			widths[i] = max(widths[i], utf8.RuneCountInString(line[i]))
		}
	}
	// What is wanted is in the figures: if there is too little room, the first column
	// has less.
	over := -t.style.Width
	for _, w := range widths {
		over += 2 + w
	}
	if over > 0 {
		widths[0] = max(8, widths[0]-over)
	}
	for _, line := range cells {
		line[0] = cut(line[0], widths[0])
		t.line(cut(join(line, keep, widths), t.style.Width))
	}
	t.paragraph("", "times: by how much the first is the better. ≈: too close to call. ?: measured too seldom to tell.")
	t.line("")
}

// lanes says what the names of the lanes stand for: of a server of the user's own,
// its URL.
func (t *table) lanes() {
	r := t.r
	if len(r.Lanes) == 0 || !slices.ContainsFunc(r.Lanes, func(l Lane) bool { return l.Title != "" && l.Title != l.Name }) {
		return
	}
	wide := 0
	for _, l := range r.Lanes {
		wide = max(wide, utf8.RuneCountInString(cut(plain(l.Name), 24)))
	}
	what := "Lanes"
	if r.Depth == "against" {
		what = "Servers"
	}
	t.line(t.style.Heading(what))
	for _, l := range r.Lanes {
		who := "client and server: " + l.Client
		if l.Server != l.Client {
			who = "client: " + l.Client + ", server: " + l.Server
		}
		if r.Depth == "against" {
			who = l.Title
		} else if l.Title != "" {
			who = l.Title + "; " + who
		}
		t.line(cut("  "+pad(cut(plain(l.Name), 24), wide)+"  "+plain(who), t.style.Width))
	}
	t.line("")
}

// connections writes what a connection of each lane costs.
func (t *table) connections() {
	r := t.r
	if len(r.Connections) == 0 {
		return
	}
	cells := [][]string{{"", "connect µs", "±", "idle KiB"}}
	for _, l := range r.Lanes {
		c := r.connection(l.Name)
		cells = append(cells, []string{cut(plain(l.Name), 24), timeText(c.SetUp, "-"), spread(c.SetUp), figureText(c.IdleKiB)})
	}
	keep := []bool{true, true, true, true}
	widths := make([]int, len(keep))
	for _, line := range cells {
		for i := range widths {
			widths[i] = max(widths[i], utf8.RuneCountInString(line[i]))
		}
	}
	t.line(t.style.Heading(cut("Connections: from nothing to the first answer, and the server's memory for an idle one", t.style.Width)))
	for _, line := range cells {
		t.line(join(line, keep, widths))
	}
	t.line("")
}

// abilities writes what each transport carries: in several tables, if there is
// not the room for all transports beside each other.
func (t *table) abilities() {
	r := t.r
	if len(r.Abilities) == 0 {
		return
	}
	names := map[string]bool{}
	first := 0
	for _, a := range r.Abilities {
		for name := range a.Lanes {
			names[name] = true
		}
		first = max(first, utf8.RuneCountInString(plain(a.Name)))
	}
	// In the order of the lanes, and then by name.
	var lanes []string
	for _, l := range r.Lanes {
		if names[l.Name] {
			lanes = append(lanes, l.Name)
			delete(names, l.Name)
		}
	}
	lanes = append(slices.Sorted(maps.Keys(names)), lanes...)
	first = min(first, t.style.Width/2)
	t.line(t.style.Heading("What each carries, found by trying it"))
	for len(lanes) > 0 {
		n, used := 0, 2+first
		for n < len(lanes) && (n == 0 || used+2+width(lanes[n]) <= t.style.Width) {
			used += 2 + width(lanes[n])
			n++
		}
		t.abilitiesOf(lanes[:n], first)
		lanes = lanes[n:]
		t.line("")
	}
}

// width of the column of a lane.
func width(lane string) int { return max(len("changed"), utf8.RuneCountInString(plain(lane))) }

func (t *table) abilitiesOf(lanes []string, first int) {
	row := func(name string, of func(lane string) string) {
		cells := []string{"", pad(cut(name, first), first)}
		for _, l := range lanes {
			cells = append(cells, pad(of(l), width(l)))
		}
		t.line(strings.Join(cells, "  "))
	}
	row("", plain)
	group := ""
	for _, a := range t.r.Abilities {
		if a.Group != group {
			group = a.Group
			t.line("  " + t.style.Heading(plain(group)))
		}
		row(plain(a.Name), func(lane string) string {
			switch o, ok := a.Lanes[lane]; {
			case !ok || o.Verdict == "untried":
				return "-"
			default:
				return cut(plain(o.Verdict), width(lane))
			}
		})
	}
}

func (t *table) missing() {
	for _, m := range t.r.Missing {
		t.paragraph("", plain(m.Lane)+" could not take part: "+plain(m.Why))
	}
	if len(t.r.Missing) > 0 {
		t.line("")
	}
}

// notes say what the columns and marks are.
func (t *table) notes() {
	by, late := "calls/s", ""
	if t.r.Rate > 0 {
		by = "p99, for the rate was given"
		late = "late: calls, of those of all turns, sent more than 1 ms after they were due. unsent: due, and not sent; they are in the latencies with the time that they had waited. "
	}
	for _, text := range []string{
		"place: by " + by + ". ≈2-4: which of these places a lane has is too close to call, and another run may order them otherwise. ?2-4: that was measured too seldom to tell.",
		late + "±: four of five turns are within it. p50 and so on: latency as a caller sees it, in µs where no other unit stands; - where there were too few calls to know it.",
		"CPU: for one call, client+server. allocs: of both. bytes: on the wire for one call, both ways, without the start of the connection. ? and -: not known.",
	} {
		t.paragraph("", text)
	}
	if len(t.r.Abilities) > 0 {
		t.paragraph("", strings.Join([]string{
			"yes: it arrives as it was sent, or works. changed: it arrives as something else, or works in another way. no: an error said that it cannot be done. -: not tried.",
			"--output json has the reasons.",
		}, " "))
	}
}
