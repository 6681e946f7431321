package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/internal/compare/chart"
)

// plots are the drawings of one part of the report, beside each other.
type plots []*chart.Drawing

// missing is what stands in the place of a value that could not be measured.
func missing(r *compare.Result, lane, work string) string {
	if row := r.Row(lane, work); row != nil && row.Failed != "" {
		return "failed"
	}
	return "not measured"
}

// drawCalls is the plot that tells most at a glance: the speed of each lane, with few
// callers and with many.
func drawCalls(r *compare.Result) (plots, error) {
	works := sameCall(r)
	if len(works) == 0 {
		return nil, nil
	}
	last, speed := works[len(works)-1], speed(r)
	lanes := ranked(r, last.Name)
	p := chart.Dots{
		Head:  chart.Head{ID: "calls", Title: speed.title + ": " + callTitle(works), Unit: "log scale; whiskers: slowest, fastest turn"},
		XTick: tick(speed.unit),
	}
	if r.Rate > 0 {
		p.Unit = fmt.Sprintf("at %s calls/s; log scale, least to most of a turn", digits(r.Rate))
	}
	for _, w := range works {
		p.Cases = append(p.Cases, callers(w.Callers))
	}
	for i := range p.Cases[:max(len(p.Cases)-1, 0)] { // 1, 8, 64 callers
		p.Cases[i] = fmt.Sprint(works[i].Callers)
	}
	var values []float64
	var desc []string
	for _, l := range lanes {
		row := chart.Dot{Name: short(r, l), Color: color(l), Text: missing(r, l.Name, last.Name)}
		for _, w := range works {
			m := markOf(0, stat(r, l.Name, w.Name, speed.of))
			if m != nil {
				values = append(values, m.Y, m.Min, m.Max)
			}
			row.Marks = append(row.Marks, m)
		}
		if m := row.Marks[len(works)-1]; m != nil {
			row.Text = write(m.Y, speed.unit)
		}
		desc = append(desc, short(r, l)+" "+row.Text)
		p.Rows = append(p.Rows, row)
	}
	if len(values) == 0 {
		return nil, nil
	}
	p.Desc = "With " + callers(last.Callers) + ", the fastest first: " + strings.Join(desc, "; ") + "."
	p.Ties = ties(r, last.Name, lanes)
	switch k := r.Ranking(last.Name); {
	case k == nil || len(k.Close) == 0:
	case len(k.Lanes) > 2 && len(k.Close) == len(k.Lanes)*(len(k.Lanes)-1)/2:
		p.XName, p.Ties = "no order: nothing here can be told apart", nil
	case len(p.Ties) > 0:
		p.XName = legend(p.Ties) + " with " + callers(last.Callers)
	}
	var err error
	if p.X, err = chart.Log(values...); err != nil {
		return nil, err
	}
	d, err := p.Draw()
	return plots{d}, err
}

func callers(n int) string {
	if n == 1 {
		return "1 caller"
	}
	return fmt.Sprint(n, " callers")
}

// callTitle is the title of what works have in common: add(3, 5).
func callTitle(works []compare.Work) string {
	title, _ := strings.CutSuffix(works[0].Title, ", "+callers(works[0].Callers))
	return title
}

// ranked are the lanes in the order of a work, those without a place last.
func ranked(r *compare.Result, work string) []*compare.Lane {
	var lanes []*compare.Lane
	for i := range r.Lanes {
		lanes = append(lanes, &r.Lanes[i])
	}
	if k := r.Ranking(work); k != nil {
		place := func(l *compare.Lane) int {
			if i := slices.Index(k.Lanes, l.Name); i >= 0 {
				return i
			}
			return len(k.Lanes)
		}
		slices.SortStableFunc(lanes, func(a, b *compare.Lane) int { return cmp.Compare(place(a), place(b)) })
	}
	return lanes
}

// ties are the neighbours whose order cannot be told.
func ties(r *compare.Result, work string, lanes []*compare.Lane) []chart.Tie {
	k := r.Ranking(work)
	var pairs []chart.Tie
	for i := 1; i < len(lanes) && k != nil; i++ {
		if mark := k.Mark(lanes[i-1].Name, lanes[i].Name); mark != "" {
			pairs = append(pairs, chart.Tie{First: i - 1, Second: i, Sign: mark})
		}
	}
	return pairs
}

// legend says what the signs of ties mean.
func legend(ties []chart.Tie) string {
	var parts []string
	for _, sign := range []struct{ sign, text string }{{compare.CloseMark, "too close to call"}, {compare.SeldomMark, "measured too seldom"}} {
		if slices.ContainsFunc(ties, func(t chart.Tie) bool { return t.Sign == sign.sign }) {
			parts = append(parts, sign.sign+" "+sign.text)
		}
	}
	return strings.Join(parts, ", ")
}

// line is a lane as a series, whose dash tells it from those of its colour.
func line(l *compare.Lane, before []chart.Series) chart.Series {
	s := chart.Series{Name: without(l), Color: color(l)}
	for _, other := range before {
		if other.Color == s.Color {
			s.Dash++
		}
	}
	return s
}

// panel is a plot of lines that shares its vertical axis with others.
func draw(panels []chart.Lines, unit unit) (plots, error) {
	var values []float64
	for _, p := range panels {
		for _, s := range p.Series {
			for _, at := range s.Line {
				values = append(values, at[1])
			}
			for _, m := range s.Marks {
				values = append(values, m.Y, m.Min, m.Max)
			}
		}
	}
	if len(values) == 0 {
		return nil, nil
	}
	y, err := chart.Log(values...)
	if err != nil {
		return nil, err
	}
	var drawn plots
	for _, p := range panels {
		if !slices.ContainsFunc(p.Series, func(s chart.Series) bool { return len(s.Line)+len(s.Marks) > 0 }) {
			continue
		}
		p.Y, p.YTick = y, tick(unit)
		p.Desc = describe(p, unit)
		d, err := p.Draw()
		if err != nil {
			return nil, err
		}
		drawn = append(drawn, d)
	}
	return drawn, nil
}

// describe says what the lines of a plot show.
func describe(p chart.Lines, u unit) string {
	var text []string
	for _, s := range p.Series {
		ends := s.Line
		for _, m := range s.Marks {
			if len(s.Line) == 0 {
				ends = append(ends, [2]float64{m.X, m.Y})
			}
		}
		if len(ends) > 0 {
			text = append(text, fmt.Sprintf("%s from %s to %s", s.Name, write(ends[0][1], u), write(ends[len(ends)-1][1], u)))
		}
	}
	return "From left to right: " + strings.Join(text, "; ") + "."
}

// drawLatency are the distributions with few and with many callers, a plot for
// each kind of socket.
func drawLatency(r *compare.Result) (plots, error) {
	x, err := chart.Percentiles(.5, .9, .99, .999)
	if err != nil {
		return nil, err
	}
	var all plots
	for n, w := range fewAndMany(r) {
		var panels []chart.Lines
		for _, socket := range sockets(r) {
			p := chart.Lines{
				Head:  chart.Head{ID: fmt.Sprint("latency-", n, "-", len(panels)), Title: socketName(socket) + ": " + w.Title, Unit: "time for a call, log scale"},
				X:     x,
				XTick: func(q float64) string { return exact(math.Round(q*1e5)/1e3) + "%" },
				XName: "of the calls were answered within",
			}
			for _, l := range lanesOf(r, socket) {
				s := line(l, p.Series)
				if row := r.Row(l.Name, w.Name); row != nil {
					s.Line = distribution(row)
					for _, q := range quantiles(row) {
						if m := markOf(q.q, q.s); m != nil {
							s.Marks = append(s.Marks, *m)
							if len(row.Latency) == 0 {
								s.Line = append(s.Line, [2]float64{m.X, m.Y})
							}
						}
					}
				}
				p.Series = append(p.Series, s)
			}
			panels = append(panels, p)
		}
		drawn, err := draw(panels, micros)
		if err != nil {
			return nil, err
		}
		all = append(all, drawn...)
	}
	return all, nil
}

// drawThroughput is speed against callers: of the call with most works a plot for
// each kind of socket, and of one size of each other form one over the first kind.
// The rest is more.
func drawThroughput(r *compare.Result) (first, more plots, err error) {
	best, speed := sameCall(r), speed(r)
	chosen := middles(r, best)
	for i, works := range byCallers(r) {
		drawn, err := against{
			id: fmt.Sprint("throughput-", i), works: works, by: func(w compare.Work) int { return w.Callers },
			of: speed.of, unit: speed.unit, xName: "callers at the same time, log scale", xTick: tick(plain),
			title: func(socket string) string { return socket + ": " + callTitle(works) }, axis: speed.axis + ", log scale",
		}.draw(r)
		if err != nil {
			return nil, nil, err
		}
		n := len(drawn)
		if works[0] != best[0] {
			n = min(n, 1)
		}
		if works[0] != best[0] && !slices.Contains(chosen, works[0]) {
			n = 0
		}
		first, more = append(first, drawn[:n]...), append(more, drawn[n:]...)
	}
	return first, more, nil
}

// drawCost is processor time against the size of what is sent, a plot for each
// form and kind of socket, with as few callers as there are. With others it is
// more.
func drawCost(r *compare.Result) (first, more plots, err error) {
	for i, form := range forms(r) {
		what, xTick := form, tick(plain)
		switch form {
		case "blob":
			what, xTick = "bytes in a blob", tick(octets)
		case "list":
			what = "integers in a list"
		case "records":
			what = "records"
		}
		some := false
		for _, n := range crowds(r) {
			works := sizesBy(r, form, n)
			if len(works) < 2 {
				continue
			}
			drawn, err := against{
				id: fmt.Sprint("cost-", i, "-", n), works: works, by: func(w compare.Work) int { return w.Size },
				of: bothSides, unit: micros, xName: what + ", there and back, log scale", xTick: xTick,
				title: func(socket string) string {
					title := strings.ToUpper(form[:1]) + form[1:] + ", " + socket
					if n > 1 {
						title += ", " + callers(n)
					}
					return title
				},
				axis: "processor time for a call, both sides, log scale",
			}.draw(r)
			if err != nil {
				return nil, nil, err
			}
			if !some {
				first, some = append(first, drawn...), len(drawn) > 0
			} else {
				more = append(more, drawn...)
			}
		}
	}
	return first, more, nil
}

func bothSides(row *compare.Row) *compare.Stat {
	if row.ClientCPU == nil || row.ServerCPU == nil {
		return nil
	}
	return sum(row.ClientCPU, row.ServerCPU)
}

// against are plots of a figure against a number that works differ in, one for each
// kind of socket.
type against struct {
	id          string
	works       []compare.Work
	by          func(compare.Work) int
	of          func(*compare.Row) *compare.Stat
	unit        unit
	title       func(socket string) string
	axis, xName string
	xTick       func(float64) string
}

func (a against) draw(r *compare.Result) (plots, error) {
	var xs []float64
	for _, w := range a.works {
		xs = append(xs, float64(max(a.by(w), 1)))
	}
	x, err := chart.LogAt(xs...)
	if err != nil {
		return nil, err
	}
	var panels []chart.Lines
	for _, socket := range sockets(r) {
		p := chart.Lines{
			Head: chart.Head{ID: fmt.Sprint(a.id, "-", len(panels)), Title: a.title(socketName(socket)), Unit: a.axis},
			X:    x, XTick: a.xTick, XName: a.xName,
		}
		for _, l := range lanesOf(r, socket) {
			s := line(l, p.Series)
			for i, w := range a.works {
				if m := markOf(xs[i], stat(r, l.Name, w.Name, a.of)); m != nil {
					s.Marks = append(s.Marks, *m)
					s.Line = append(s.Line, [2]float64{m.X, m.Y})
				}
			}
			p.Series = append(p.Series, s)
		}
		panels = append(panels, p)
	}
	return draw(panels, a.unit)
}
