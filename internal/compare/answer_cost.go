package compare

import (
	"fmt"
	"slices"
	"strings"
)

// costs is the second sentence: what a call of lane a costs, at the first work,
// and beside it what one of b does, if there is a b.
func (r *Result) costs(a, b *Lane) string {
	works, nameA, nameB := r.worksOf(a.Name), r.nameOf(a), ""
	if b != nil {
		nameA, nameB = r.names(a, b)
		if both := r.shared(a.Name, b.Name); len(both) > 0 {
			works = both
		}
	}
	work := works[0]
	side := func(l *Lane) (row *Row, conn *Connection) {
		if l == nil {
			return &Row{}, &Connection{}
		}
		if row = r.Row(l.Name, work); row == nil {
			row = &Row{}
		}
		conn = &Connection{}
		if i := slices.IndexFunc(r.Connections, func(c Connection) bool { return c.Lane == l.Name }); i >= 0 {
			conn = &r.Connections[i]
		}
		return row, conn
	}
	rowA, connA := side(a)
	rowB, connB := side(b)
	var parts []string
	named := false
	part := func(a, b *Stat, counted bool, unit func(float64) string, format string) {
		if a == nil {
			return
		}
		text := fmt.Sprintf(format, unit(a.Median))
		if beside := r.beside(a, b, counted, unit); beside != "" {
			if !named {
				beside, named = nameB+": "+beside, true
			}
			text += " (" + beside + ")"
		}
		parts = append(parts, text)
	}
	part(bothSides(rowA.ClientCPU, rowA.ServerCPU), bothSides(rowB.ClientCPU, rowB.ServerCPU), false, micro, "%s of processor time on both sides together")
	part(single(rowA.WireBytes), single(rowB.WireBytes), true, size, "%s on the wire")
	part(rowA.P99, rowB.P99, false, micro, "an answer within %s in 99 of 100 calls")
	part(connA.SetUp, connB.SetUp, false, micro, "%s to connect")
	part(connA.IdleKiB, connB.IdleKiB, false, kib, "%s of the server's memory while a connection is idle")
	if len(parts) == 0 {
		return fmt.Sprintf("What %s costs cannot be said, for neither processor time nor bytes nor latencies were measured.", nameA)
	}
	return fmt.Sprintf("What %s costs at %s: %s.", nameA, r.titleOf(work), list(parts))
}

// beside is the figure of the other lane, and how many times as much it is. What
// was counted, and not timed, has no noise.
func (r *Result) beside(a, b *Stat, counted bool, unit func(float64) string) string {
	if b == nil {
		return ""
	}
	text := unit(b.Median)
	if !counted {
		f, ok := r.ratio(b, a)
		if !ok || f.order() == 0 || f.order() > 0 != (b.Median > a.Median) {
			return text + ", too close to call"
		}
	}
	switch {
	case a.Median == b.Median:
		return "as much"
	case a.Median <= 0:
		return text
	}
	return text + ", " + twoDigits(b.Median/a.Median) + " times as much"
}

// bothSides is the figure of client and server together, nil if one of them is
// not known.
func bothSides(client, server *Stat) *Stat {
	if client == nil || server == nil || len(client.Turns) != len(server.Turns) {
		return nil
	}
	sum := make([]float64, len(client.Turns))
	for i := range sum {
		sum[i] = client.Turns[i] + server.Turns[i]
	}
	return NewStat(sum)
}

// single is a figure that was counted once.
func single(x *float64) *Stat {
	if x == nil {
		return nil
	}
	return NewStat([]float64{*x})
}

func kib(n float64) string { return grouped(n) + " KiB" }

// others is the third sentence: what else there is beside the lane to take.
func (r *Result) others(a, b *Lane) string {
	var parts []string
	if text := r.sockets(a); text != "" {
		parts = append(parts, text)
	}
	parts = append(parts, r.strangers(a, b)...)
	if text := r.carried(a, b); text != "" {
		parts = append(parts, text)
	}
	if len(r.Missing) > 0 {
		var names []string
		for _, m := range r.Missing {
			names = append(names, m.Lane)
		}
		were := " was"
		if len(names) > 1 {
			were = " were"
		}
		parts = append(parts, list(names)+were+" not there")
	}
	if len(parts) == 0 {
		return "Nothing else was compared."
	}
	return "Beside it: " + strings.Join(parts, "; ") + "."
}

// sockets says what the other kinds of sockets make of lane a.
func (r *Result) sockets(a *Lane) string {
	var parts []string
	for _, l := range r.Lanes {
		if l.Family != a.Family || l.Socket == a.Socket || l.Server != a.Server || r.Depth == "against" {
			continue
		}
		works := r.shared(a.Name, l.Name)
		if len(works) == 0 {
			continue
		}
		w := works[0]
		name := noun(a) + " " + socketWords(&l)
		if r.faster(l.Name, a.Name, w) == 0 {
			parts = append(parts, name+" is too close to call")
			continue
		}
		by := r.Row(l.Name, w).CallsPerS.Median / r.Row(a.Name, w).CallsPerS.Median
		if len(parts) == 0 {
			parts = append(parts, fmt.Sprintf("%s makes %s times the calls (%s)", name, twoDigits(by), r.titleOf(w)))
			continue
		}
		parts = append(parts, fmt.Sprintf("%s %s times", socketWords(&l), twoDigits(by)))
	}
	return list(parts)
}

// strangers says how the lanes of other families stand to the one to take, each
// beside the lane of its kind of socket.
func (r *Result) strangers(a, b *Lane) []string {
	var slower, ties, parts []string
	alike := true // each was beside a lane with the same kind of socket
	for i := range r.Lanes {
		l := &r.Lanes[i]
		if r.Depth != "against" && (l.Family == a.Family && l.Server == a.Server || b != nil && l.Family == b.Family && l.Server == b.Server) ||
			l.Name == a.Name || b != nil && l.Name == b.Name {
			continue
		}
		like := a
		for j, other := range r.Lanes {
			if other.Family == a.Family && other.Server == a.Server && other.Socket == l.Socket && r.Depth != "against" {
				like = &r.Lanes[j]
			}
		}
		d := r.duel(l.Name, like.Name)
		switch {
		case d.works == 0:
		case d.losses == d.works:
			slower = append(slower, l.Name)
			alike = alike && like.Socket == l.Socket
		case d.ties == d.works:
			ties = append(ties, l.Name)
		case d.wins == 0:
			parts = append(parts, fmt.Sprintf("%s is slower than %s at %d of %s%s", l.Name, like.Name, d.losses, count(d.works, "work"), d.rest()))
		default:
			text := fmt.Sprintf("%s is faster than %s at %d of %s, by up to %s", l.Name, like.Name, d.wins, count(d.works, "work"), d.most)
			if d.losses > 0 {
				text += fmt.Sprintf(" and slower at %d", d.losses)
			}
			parts = append(parts, text+d.rest())
		}
	}
	if len(ties) > 0 {
		parts = append(parts, list(ties)+be(len(ties))+" too close to call at every work")
	}
	if len(slower) > 0 {
		text := list(slower) + be(len(slower)) + " slower at every work"
		if alike {
			text += ", on the same kind of socket"
		}
		parts = append(parts, text)
	}
	return parts
}

func be(n int) string {
	if n == 1 {
		return " is"
	}
	return " are"
}

// carried counts what was tried on both, and arrived as it was sent or worked.
func (r *Result) carried(a, b *Lane) string {
	var tried, byA, byB int
	for _, ability := range r.Abilities {
		x, y := ability.of(a), ability.of(b)
		if x == "" || x == "untried" || b != nil && (y == "" || y == "untried") {
			continue
		}
		tried++
		if x == "yes" {
			byA++
		}
		if y == "yes" {
			byB++
		}
	}
	switch {
	case tried == 0:
		return ""
	case b == nil:
		return fmt.Sprintf("of %s that were tried it carries %d unchanged", count(tried, "thing"), byA)
	}
	nameA, nameB := noun(a), noun(b)
	if nameA == nameB {
		return ""
	}
	return fmt.Sprintf("of %s that were tried %s carries %d unchanged and %s %d", count(tried, "thing"), nameA, byA, nameB, byB)
}

// of is the verdict for a lane; a trial may have been made for its family.
func (a *Ability) of(l *Lane) string {
	if l == nil {
		return ""
	}
	if o, ok := a.Lanes[l.Name]; ok {
		return o.Verdict
	}
	return a.Lanes[l.Family].Verdict
}
