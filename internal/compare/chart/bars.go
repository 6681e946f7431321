package chart

// Bars is a plot of bars that begin at zero, one above the other, each with its
// name before it and its value behind it.
type Bars struct {
	Head
	Bars []Bar
	// Parts names what the parts of a bar are; none if each has one.
	Parts []string
	// Ties are pairs of bars that are marked as too close to tell apart. Those of
	// neighbours are drawn.
	Ties [][2]int
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
	tieGap = 24.0 // what the mark of a pair needs
)

// rows are what bars and dots have in common: a column of names, one of values.
type rows struct {
	names, texts []string
	left, right  float64 // of what is between
	end          float64 // of the values
}

// layout shares the width out.
func layout(names, texts []string, ties bool) rows {
	const nameLimit = 190.0
	width := float64(Width)
	if ties {
		width -= tieGap
	}
	r := rows{texts: texts, left: min(nameLimit, 1.12*widest(nameLimit, names...)) + 10}
	values := widest(width-r.left-least-8, texts...)
	r.right, r.end = width-values-8, width
	for i := range names {
		r.names = append(r.names, fit(names[i], (r.left-10)/1.12))
		r.texts[i] = fit(texts[i], values)
	}
	return r
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
	r := layout(names, texts, len(b.Ties) > 0)
	at := func(v float64) float64 {
		part, _ := scale.At(v) // is on the axis, which was made from it
		return r.left + part*(r.right-r.left)
	}
	for i, bar := range b.Bars {
		y := top + rowGap*(float64(i)+.5)
		d.open(bar.Name)
		d.text(look("name", bar.Color), 0, y, "", r.names[i])
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
	bottom := top + rowGap*float64(len(b.Bars))
	d.line("axis", r.left, top, r.left, bottom)
	d.ties(b.Ties, len(b.Bars), top)
	d.height = bottom + 6
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
func (d *Drawing) ties(pairs [][2]int, n int, top float64) {
	marked := map[int]bool{}
	for _, p := range pairs {
		i, j := min(p[0], p[1]), max(p[0], p[1])
		if j != i+1 || i < 0 || j >= n || marked[i] {
			continue
		}
		marked[i] = true
		y := top + rowGap*(float64(i)+1)
		const x = Width - 14
		d.path("tie", [][2]float64{{x - 5, y - 8}, {x, y - 8}, {x, y + 8}, {x - 5, y + 8}})
		d.text("note", x+3, y, "", "≈")
	}
}
