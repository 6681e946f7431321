package chart

import (
	"fmt"
	"slices"
	"strings"
)

// Dots is a plot of rows with a dot for each of some cases, joined by a line, over
// one axis below them all. The dots of the last case are filled.
type Dots struct {
	Head
	X     Scale
	XTick func(float64) string
	XName string
	Cases []string // what the dots are, named above the first row
	Rows  []Dot
	Ties  []Tie // as in Bars
}

// Dot is one row.
type Dot struct {
	Name  string
	Color int
	Marks []*Mark // one for each case; nil where there is none. Only Y, Min and Max are used
	Text  string  // behind them
}

// Draw draws it, or returns an error that wraps ErrValue.
func (p Dots) Draw() (*Drawing, error) {
	d, top := begin(p.Head)
	var names, texts []string
	for _, row := range p.Rows {
		if len(row.Marks) != len(p.Cases) {
			return nil, fmt.Errorf("chart: %s has %d dots, expected one for each of %d cases", row.Name, len(row.Marks), len(p.Cases))
		}
		names, texts = append(names, row.Name), append(texts, row.Text)
	}
	first := top + lineGap + 8
	r := layout(names, texts, len(p.Ties) > 0, first)
	at := func(v float64) (float64, error) {
		part, err := p.X.At(v)
		return r.left + 8 + part*(r.right-r.left-16), err
	}
	if err := p.axis(d, at, first, r.bottom); err != nil {
		return nil, err
	}
	for i, row := range p.Rows {
		y := r.y[i]
		d.open(row.Name)
		d.name(r, i, row.Color)
		var xs []float64
		var class []string
		lo, hi := 1e9, -1e9
		for c, m := range row.Marks {
			if m == nil {
				continue
			}
			var x [3]float64
			for j, v := range []float64{m.Y, m.Min, m.Max} {
				var err error
				if x[j], err = at(v); err != nil {
					return nil, err
				}
			}
			if m.Min != m.Max {
				for _, end := range x[1:] {
					d.line(look("whisker", row.Color), end, y-5, end, y+5)
				}
				d.line(look("whisker", row.Color), x[1], y, x[2], y)
			}
			lo, hi, xs = min(lo, x[0]), max(hi, x[0]), append(xs, x[0])
			class = append(class, map[bool]string{true: "dot", false: "hollow"}[c == len(p.Cases)-1])
		}
		if len(xs) > 1 {
			d.line(look("span", row.Color), lo, y, hi, y)
		}
		for j, x := range xs {
			d.dot(look(class[j], row.Color), x, y, 4+1.2*float64(j))
		}
		d.text("value", r.end, y, "end", r.texts[i])
		d.close()
	}
	p.cases(d, at, top)
	d.ties(p.Ties, r)
	return d, nil
}

// axis draws what is below and behind the rows.
func (p Dots) axis(d *Drawing, at func(float64) (float64, error), top, bottom float64) error {
	end := -1e9
	for _, v := range p.X.decades(6) {
		x, err := at(v)
		if err != nil {
			return err
		}
		d.line("grid", x, top, x, bottom+4)
		text := p.XTick(v)
		if half := textWidth(text) / 2; x-half > max(end+6, 0) && x+half <= Width {
			d.text("tick", x, bottom+lineGap*.85, "middle", text)
			end = x + half
		}
	}
	d.height = bottom + lineGap*1.5
	if p.XName != "" {
		d.height += lineGap
		d.text("note", 0, d.height-lineGap/2, "", fit(p.XName, Width-4))
	}
	return nil
}

// cases writes what the dots are above those of the first row, apart from each
// other.
func (p Dots) cases(d *Drawing, at func(float64) (float64, error), top float64) {
	if len(p.Rows) == 0 {
		return
	}
	var want, size []float64
	var texts []string
	for i, m := range p.Rows[0].Marks {
		if m == nil {
			continue
		}
		x, err := at(m.Y)
		if err != nil {
			continue // its row was refused
		}
		text := fit(p.Cases[i], (Width-8)/float64(len(p.Cases))-10)
		want, size, texts = append(want, x), append(size, textWidth(text)+10), append(texts, text)
	}
	if !slices.IsSorted(want) { // above the dots they would be in another order
		d.text("note", Width, top+lineGap/2, "end", fit("dots, the small one first: "+strings.Join(texts, ", "), Width-8))
		return
	}
	for i, x := range spread(want, size, 0, Width) {
		d.text("note", x, top+lineGap/2, "middle", texts[i])
	}
}
