package compare

import "slices"

// summary sets the lanes of the answer beside each other: at the least and the
// greatest work of each family, and what a call and a connection cost. It is nil
// if there are no two.
func (r *Result) summary() *Summary {
	a, b := r.contenders()
	if b == nil {
		return nil
	}
	works := r.shared(a.Name, b.Name)
	if len(works) == 0 {
		return nil
	}
	if d := r.duel(a.Name, b.Name); d.losses > d.wins {
		a, b = b, a
	}
	s := &Summary{Lanes: [2]string{a.Name, b.Name}}
	s.Names[0], s.Names[1] = r.names(a, b)
	line := func(what, unit string, x, y *Stat, mark string) {
		if x == nil || y == nil {
			return
		}
		l := SummaryLine{What: what, Unit: unit, Figures: [2]float64{x.Median, y.Median}, Close: mark != "", Seldom: mark == SeldomMark}
		over, under := y.Median, x.Median
		if unit == "calls/s" {
			over, under = under, over
		}
		if over > 0 && under > 0 {
			l.Times = over / under
		}
		s.Lines = append(s.Lines, l)
	}
	for i, w := range works {
		first := i == 0 || kindOf(r.work(works[i-1])) != kindOf(r.work(w))
		last := i == len(works)-1 || kindOf(r.work(works[i+1])) != kindOf(r.work(w))
		if first || last {
			x, y := r.Row(a.Name, w), r.Row(b.Name, w)
			unit, what := "calls/s", r.titleOf(w)
			if r.Rate > 0 {
				unit, what = "us", what+": p99"
			}
			line(what, unit, r.speed(x), r.speed(y), r.Ranking(w).Mark(a.Name, b.Name))
		}
	}
	x, y := r.Row(a.Name, works[0]), r.Row(b.Name, works[0])
	timed := func(what, unit string, x, y *Stat) { line(what, unit, x, y, r.mark(x, y)) }
	of := r.titleOf(works[0])
	line("on the wire, "+of, "bytes", single(x.WireBytes), single(y.WireBytes), "")
	timed("processor time, "+of, "us", bothSides(x.ClientCPU, x.ServerCPU), bothSides(y.ClientCPU, y.ServerCPU))
	if r.Rate <= 0 {
		timed("p99, "+of, "us", x.P99, y.P99)
	}
	connA, connB := r.connection(a.Name), r.connection(b.Name)
	timed("to connect", "us", connA.SetUp, connB.SetUp)
	timed("memory of an idle connection", "KiB", connA.IdleKiB, connB.IdleKiB)
	return s
}

// Mark is that of a line, empty if the figures can be told apart.
func (l *SummaryLine) Mark() string {
	switch {
	case l.Seldom:
		return SeldomMark
	case l.Close:
		return CloseMark
	}
	return ""
}

// connection is what one of a lane costs; empty if that was not measured.
func (r *Result) connection(lane string) Connection {
	i := slices.IndexFunc(r.Connections, func(c Connection) bool { return c.Lane == lane })
	if i < 0 {
		return Connection{}
	}
	return r.Connections[i]
}
