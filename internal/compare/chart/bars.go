package chart

import "strings"

// Bars is a plot of bars that begin at zero, one above the other, each with its
// name before it and its value behind it.
type Bars struct {
	Head
	Bars []Bar
	// Parts names what the parts of a bar are; none if each has one.
	Parts []string
	// Ties are pairs of bars that are marked. Those of neighbours are drawn.
	Ties []Tie
}

// Tie marks a pair of rows that cannot be told apart, with a sign of one letter.
type Tie struct {
	First, Second int
	Sign          string
}

// Bar is one of them.
type Bar struct {
	Name  string
	Color int       // 0 to Colors-1
	Parts []float64 // two at most; none where there is nothing to measure
	// Min and Max are the ends of a whisker, unless they are the same.
	Min, Max float64
	Text     string // the value, or why there is none
}

const (
	rowGap = 25.0 // from one row to the next
	tieGap = 27.0 // what the mark of a pair needs
)

// rows are what bars and dots have in common: a column of names, one of values.
type rows struct {
	names       [][]string // in lines
	texts       []string
	y           []float64 // the middle of each row
	bottom      float64   // of the last one
	left, right float64   // of what is between the columns
	end         float64   // of the values
}

// layout shares the room out, from top on.
func layout(names, texts []string, ties bool, top float64) rows {
	r := rows{texts: texts, left: 10, bottom: top, end: Width}
	if ties {
		r.end -= tieGap
	}
	for _, name := range names {
		limit := 150.0
		if strings.Contains(name, "://") { // of which both ends tell
			limit = 190
		}
		lines := wrap(name, limit)
		height := max(rowGap, lineGap*float64(len(lines))+5)
		for _, line := range lines {
			r.left = max(r.left, nameWidth(line)+10)
		}
		r.names, r.y = append(r.names, lines), append(r.y, r.bottom+height/2)
		r.bottom += height
	}
	values := widest(r.end-r.left-least-8, texts...)
	r.right = r.end - values - 8
	for i := range texts {
		r.texts[i] = fit(texts[i], values)
	}
	return r
}

// name writes the name of a row.
func (d *Drawing) name(r rows, i, color int) {
	lines := r.names[i]
	for n, line := range lines {
		d.text(look("name", color), 0, r.y[i]+lineGap*(float64(n)-float64(len(lines)-1)/2), "", line)
	}
}

// Draw draws it, or returns an error that wraps ErrValue.
func (b Bars) Draw() (*Drawing, error) {
	var names, texts []string
	var values []float64
	for _, bar := range b.Bars {
		names, texts = append(names, bar.Name), append(texts, bar.Text)
		total := 0.0
		for _, v := range bar.Parts {
			if !finite(v) || v < 0 {
				return nil, refuse("a bar", v)
			}
			total += v
		}
		values = append(values, total, bar.Min, bar.Max)
	}
	scale, err := Zero(values...)
	if err != nil {
		return nil, err
	}
	d, top := begin(b.Head)
	if len(b.Parts) > 1 {
		top = d.key(b.Parts, top)
	}
	r := layout(names, texts, len(b.Ties) > 0, top)
	at := func(v float64) float64 {
		part, _ := scale.At(v) // is on the axis, which was made from it
		return r.left + part*(r.right-r.left)
	}
	for i, bar := range b.Bars {
		y := r.y[i]
		d.open(bar.Name)
		d.name(r, i, bar.Color)
		x, total := r.left, 0.0
		for p, v := range bar.Parts {
			total += v
			end := at(total)
			d.rect(look([]string{"part0", "part1"}[min(p, 1)], bar.Color), x, y-8, max(end-x, .5), 16)
			x = end
		}
		if bar.Min != bar.Max {
			from, to := at(bar.Min), at(bar.Max)
			d.line("spread", from, y, to, y)
			d.line("spread", from, y-4, from, y+4)
			d.line("spread", to, y-4, to, y+4)
			x = max(x, to)
		}
		class := "value"
		if len(bar.Parts) == 0 {
			class = "note"
		}
		d.text(class, x+7, y, "", r.texts[i])
		d.close()
	}
	d.line("axis", r.left, top, r.left, r.bottom)
	d.ties(b.Ties, r)
	d.height = r.bottom + 6
	return d, nil
}

// key says what the parts of the bars are.
func (d *Drawing) key(parts []string, top float64) float64 {
	x := 0.0
	for i, name := range parts[:min(len(parts), 2)] {
		name = fit(name, Width/2-30)
		d.rect([]string{"key0", "key1"}[i], x, top+3, 12, 12)
		d.text("note", x+18, top+9, "", name)
		x += 18 + textWidth(name) + 14
	}
	return top + lineGap + 6
}

// ties marks neighbours that are too close to tell apart.
func (d *Drawing) ties(pairs []Tie, r rows) {
	marked := map[int]bool{}
	for _, p := range pairs {
		i, j := min(p.First, p.Second), max(p.First, p.Second)
		if j != i+1 || i < 0 || j >= len(r.y) || marked[i] {
			continue
		}
		marked[i] = true
		y := (r.y[i] + r.y[j]) / 2
		const x = Width - 17 // so that the sign ends within the drawing
		d.path("tie", [][2]float64{{x - 5, y - 8}, {x, y - 8}, {x, y + 8}, {x - 5, y + 8}})
		d.text("note", x+3, y, "", p.Sign)
	}
}
