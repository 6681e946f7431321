package chart

// Lines is a plot of one line for each series, each with its name at its end.
type Lines struct {
	Head
	X, Y         Scale
	XName        string               // below the axis
	XTick, YTick func(float64) string // how ticks are written
	Series       []Series
}

// Series is a line, and points on it. Either may be missing.
type Series struct {
	Name  string
	Color int // 0 to Colors-1
	Dash  int // 0 to 3, 0 for a solid line
	Line  [][2]float64
	Marks []Mark
}

// Mark is a point, with a whisker from Min to Max unless they are the same.
type Mark struct{ X, Y, Min, Max float64 }

// Draw draws it, or returns an error that wraps ErrValue.
func (l Lines) Draw() (*Drawing, error) {
	const nameLimit, height = 168.0, 230.0
	d, top := begin(l.Head)
	names, room, tall := make([][]string, len(l.Series)), 0.0, 0.0
	for i, s := range l.Series {
		names[i] = wrap(s.Name, nameLimit, nameLimit)
		tall += nameHeight(names[i])
		for _, line := range names[i] {
			room = max(room, nameWidth(line))
		}
	}
	yTicks := l.Y.Ticks(6)
	var written []string
	for _, v := range yTicks {
		written = append(written, l.YTick(v))
	}
	top += lineGap / 2
	left := widest(120, written...) + 8
	right := Width - room - 18
	bottom := top + max(height, tall)
	xAt := func(v float64) (float64, error) {
		at, err := l.X.At(v)
		return left + at*(right-left), err
	}
	yAt := func(v float64) (float64, error) {
		at, err := l.Y.At(v)
		return bottom - at*(bottom-top), err
	}
	for i, v := range yTicks {
		y, err := yAt(v)
		if err != nil {
			return nil, err
		}
		d.line("grid", left, y, right, y)
		d.text("tick", left-8, y, "end", fit(written[i], 120))
	}
	d.line("axis", left, bottom, right, bottom)
	end := -1e9 // of the last label below the axis
	xTicks := l.X.Ticks(6)
	for i, v := range xTicks {
		x, err := xAt(v)
		if err != nil {
			return nil, err
		}
		d.line("axis", x, bottom, x, bottom+4)
		text := fit(l.XTick(v), Width/4)
		half := textWidth(text) / 2
		if i < len(xTicks)-1 { // the last one has a place in any case
			last, err := xAt(xTicks[len(xTicks)-1])
			if err != nil {
				return nil, err
			}
			if x+half+6 > last-textWidth(l.XTick(xTicks[len(xTicks)-1]))/2 {
				continue
			}
		}
		if x-half < end+6 {
			continue
		}
		x = min(max(x, half), Width-half)
		end = x + half
		d.text("tick", x, bottom+lineGap*1.1, "middle", text)
	}
	d.height = bottom + lineGap*1.75
	if l.XName != "" {
		d.height += lineGap
		d.text("note", left, d.height-lineGap/2, "", fit(l.XName, Width-left))
	}
	if err := l.series(d, names, xAt, yAt, right, top, bottom); err != nil {
		return nil, err
	}
	return d, nil
}

// nameHeight is the room of a name at the end of its line. One in two lines stands
// off from the next, so that it is seen which of them belong together.
func nameHeight(lines []string) float64 {
	if len(lines) > 1 {
		return lineGap * (float64(len(lines)) + .5)
	}
	return lineGap
}

// series draws the lines, those of the last colours first, so that the first lie
// on top.
func (l Lines) series(d *Drawing, names [][]string, xAt, yAt func(float64) (float64, error), right, top, bottom float64) error {
	var ends [][2]float64
	var want, size []float64
	var named []int
	dashes := []string{"", " dash1", " dash2", " dash3"}
	for color := Colors - 1; color >= 0; color-- {
		for i, s := range l.Series {
			if max(0, min(s.Color, Colors-1)) != color {
				continue
			}
			var line, marks [][2]float64
			d.open(s.Name)
			for _, p := range s.Line {
				x, err := xAt(p[0])
				if err != nil {
					return err
				}
				y, err := yAt(p[1])
				if err != nil {
					return err
				}
				line = append(line, [2]float64{x, y})
			}
			d.path(look("line", s.Color)+dashes[max(0, min(s.Dash, 3))], line)
			for _, m := range s.Marks {
				var ys [3]float64
				x, err := xAt(m.X)
				for i, v := range []float64{m.Y, m.Min, m.Max} {
					if err == nil {
						ys[i], err = yAt(v)
					}
				}
				if err != nil {
					return err
				}
				if m.Min != m.Max {
					d.line(look("whisker", s.Color), x, ys[1], x, ys[2])
					d.line(look("whisker", s.Color), x-3, ys[1], x+3, ys[1])
					d.line(look("whisker", s.Color), x-3, ys[2], x+3, ys[2])
				}
				d.dot(look("dot", s.Color), x, ys[0], 4)
				marks = append(marks, [2]float64{x, ys[0]})
			}
			d.close()
			if len(line) == 0 {
				line = marks
			}
			if len(line) > 0 {
				ends = append(ends, line[len(line)-1])
				want, size, named = append(want, line[len(line)-1][1]), append(size, nameHeight(names[i])), append(named, i)
			}
		}
	}
	for i, y := range spread(want, size, top-lineGap/2, bottom+lineGap/2-4) {
		s := l.Series[named[i]]
		lines := names[named[i]]
		d.path(look("lead", s.Color), [][2]float64{{ends[i][0] + 6, ends[i][1]}, {right + 14, y}})
		for n, line := range lines {
			d.text(look("name", s.Color), right+17, y+lineGap*(float64(n)-float64(len(lines)-1)/2), "", line)
		}
	}
	return nil
}
