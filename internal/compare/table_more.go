package compare

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// connections writes what a connection of each lane costs, and what the lane is.
func (t *table) connections() {
	r := t.r
	if len(r.Connections) == 0 && len(r.Lanes) == 0 {
		return
	}
	head := []string{"", "connect µs", "±", "idle KiB", "client and server"}
	cells := [][]string{head}
	for _, l := range r.Lanes {
		var c Connection
		if i := slices.IndexFunc(r.Connections, func(c Connection) bool { return c.Lane == l.Name }); i >= 0 {
			c = r.Connections[i]
		}
		who := l.Client
		if l.Server != l.Client {
			who += ", " + l.Server
		}
		if l.Title != "" && l.Title != l.Client {
			who = l.Title + ": " + who
		}
		cells = append(cells, []string{cut(plain(l.Name), 24), figureText(c.SetUp), spread(c.SetUp), figureText(c.IdleKiB), plain(who)})
	}
	widths := make([]int, 4)
	for _, line := range cells {
		for i := range widths {
			widths[i] = max(widths[i], utf8.RuneCountInString(line[i]))
		}
	}
	t.line(t.style.Heading(cut("Connections: from nothing to the first answer, and the server's memory for an idle one", t.style.Width)))
	for _, line := range cells {
		text := join(line[:4], []bool{true, true, true, true}, widths)
		t.line(cut(pad(text, 2+widths[0]+2+widths[1]+2+widths[2]+2+widths[3])+"  "+line[4], t.style.Width))
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
	for _, text := range []string{
		"place: by calls/s. ≈2-4: which of these places a lane has is too close to call, and another run may order them otherwise.",
		"±: four of five turns are within it. p50 and so on: latency as a caller sees it, in µs.",
		"CPU: for one call, client+server. allocs: of both. bytes: on the wire for one call, both ways, without the start of the connection. -: not known.",
	} {
		t.paragraph("", text)
	}
	if len(t.r.Abilities) > 0 {
		t.paragraph("", strings.Join([]string{
			"yes: it arrives as it was sent, or works. changed: it arrives as something else, or works in another way. no: an error said that it cannot be done. -: not tried.",
			"The reasons are in the JSON and in the report.",
		}, " "))
	}
}
