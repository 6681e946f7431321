package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/internal/compare/chart"
)

// bar is what one lane has in a plot of bars; without parts it says why.
type bar struct {
	parts    []float64
	min, max float64
	text     string
}

// drawBars is one plot of bars, one for each lane, the shortest first.
func drawBars(r *compare.Result, head chart.Head, parts []string, of func(l *compare.Lane) bar) (plots, error) {
	p := chart.Bars{Head: head, Parts: parts}
	some := false
	for i := range r.Lanes {
		l := &r.Lanes[i]
		b := of(l)
		some = some || len(b.parts) > 0
		p.Bars = append(p.Bars, chart.Bar{Name: short(r, l), Color: color(l), Parts: b.parts, Min: b.min, Max: b.max, Text: b.text})
	}
	if !some {
		return nil, nil
	}
	length := func(b chart.Bar) (total float64) {
		for _, v := range b.Parts {
			total += v
		}
		return total
	}
	slices.SortStableFunc(p.Bars, func(a, b chart.Bar) int {
		if none := cmp.Compare(min(len(b.Parts), 1), min(len(a.Parts), 1)); none != 0 {
			return none
		}
		return cmp.Compare(length(a), length(b))
	})
	var desc []string
	for _, b := range p.Bars {
		desc = append(desc, b.Name+" "+b.Text)
	}
	p.Desc = "The least first: " + strings.Join(desc, "; ") + "."
	d, err := p.Draw()
	return plots{d}, err
}

// whole is a bar of one figure.
func whole(s *compare.Stat, u unit, otherwise string) bar {
	if m := markOf(0, s); m != nil || s != nil && s.Median == 0 && s.Min == 0 && s.Max >= 0 {
		return bar{[]float64{s.Median}, s.Min, s.Max, write(s.Median, u)}
	}
	return bar{text: otherwise}
}

// drawWire is what a call moves over the connection, a plot for each form.
func drawWire(r *compare.Result) (plots, error) {
	works := fewAndMany(r)
	works = works[:min(len(works), 1)]
	works = append(works, middles(r, works)...)
	var all plots
	for i, w := range works {
		drawn, err := drawBars(r, chart.Head{ID: fmt.Sprint("wire-", i), Title: w.Title, Unit: "on the wire for a call, both ways"}, nil, func(l *compare.Lane) bar {
			row := r.Row(l.Name, w.Name)
			if row == nil || row.WireBytes == nil {
				return bar{text: missing(r, l.Name, w.Name)}
			}
			v := *row.WireBytes
			return whole(&compare.Stat{Median: v, Min: v, Max: v}, octets, "not measured")
		})
		if err != nil {
			return nil, err
		}
		all = append(all, drawn...)
	}
	return all, nil
}

// drawProcessor is processor time of both sides for a call.
func drawProcessor(r *compare.Result) (plots, error) {
	works := fewAndMany(r)
	works = append(slices.Clone(works), middles(r, works)...)
	var all plots
	for i, w := range works {
		drawn, err := drawBars(r, chart.Head{ID: fmt.Sprint("processor-", i), Title: w.Title, Unit: "processor time for a call"}, []string{"client", "server"}, func(l *compare.Lane) bar {
			row := r.Row(l.Name, w.Name)
			if row == nil || row.ClientCPU == nil || row.ServerCPU == nil {
				return bar{text: missing(r, l.Name, w.Name)}
			}
			both := whole(bothSides(row), micros, "not measured")
			if len(both.parts) > 0 {
				both.parts = []float64{row.ClientCPU.Median, row.ServerCPU.Median}
			}
			return both
		})
		if err != nil {
			return nil, err
		}
		all = append(all, drawn...)
	}
	return all, nil
}

// drawConnections is what a connection costs.
func drawConnections(r *compare.Result) (plots, error) {
	of := func(u unit, figure func(*compare.Connection) *compare.Stat) func(l *compare.Lane) bar {
		return func(l *compare.Lane) bar {
			i := slices.IndexFunc(r.Connections, func(c compare.Connection) bool { return c.Lane == l.Name })
			if i < 0 {
				return bar{text: "not measured"}
			}
			return whole(figure(&r.Connections[i]), u, "not measured")
		}
	}
	setUp, err := drawBars(r, chart.Head{ID: "connect", Title: "A new connection", Unit: "until the answer to its first call"}, nil,
		of(micros, func(c *compare.Connection) *compare.Stat { return c.SetUp }))
	if err != nil {
		return nil, err
	}
	idle, err := drawBars(r, chart.Head{ID: "idle", Title: "An idle connection", Unit: "memory that the server keeps for it"}, nil,
		of(kibibyte, func(c *compare.Connection) *compare.Stat { return c.IdleKiB }))
	return append(setUp, idle...), err
}
