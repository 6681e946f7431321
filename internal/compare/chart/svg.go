package chart

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Drawing is a plot that has been drawn.
type Drawing struct {
	head   Head
	height float64
	b      strings.Builder
}

// Inline is the svg element, for a page that has Style in its own.
func (d *Drawing) Inline() string { return d.svg("", "") }

// File is a file of its own, with its style, for light and dark.
func (d *Drawing) File() string {
	size := fmt.Sprintf(` xmlns="http://www.w3.org/2000/svg" width="%d" height="%s"`, Width, number(d.height))
	return d.svg(size, "<style>"+style+"</style>") + "\n"
}

func (d *Drawing) svg(attributes, inside string) string {
	id := escape(d.head.ID)
	return fmt.Sprintf(`<svg class="chart" viewBox="0 0 %d %s" role="img" aria-labelledby="%s-t" aria-describedby="%s-d"%s><title id="%s-t">%s</title><desc id="%s-d">%s</desc>%s%s</svg>`,
		Width, number(d.height), id, id, attributes, id, escape(d.head.Title), id, escape(d.head.Desc), inside, d.b.String())
}

// begin draws the title and the unit, and returns where the rest may begin.
func begin(h Head) (*Drawing, float64) {
	d, y := &Drawing{head: h}, 0.0
	for _, line := range []struct{ class, text string }{{"title", h.Title}, {"unit", h.Unit}} {
		if line.text == "" {
			continue
		}
		width := Width - 4.0
		if line.class == "title" {
			width /= 1.09 // it is bold
		}
		y += lineGap
		d.text(line.class, 0, y-lineGap/2, "", fit(line.text, width))
	}
	return d, y + 6
}

// text draws a line of text whose middle is at y. anchor is "", middle or end.
func (d *Drawing) text(class string, x, y float64, anchor, s string) {
	if anchor != "" {
		class += " " + anchor
	}
	fmt.Fprintf(&d.b, `<text class="%s" x="%s" y="%s" dy=".35em">%s</text>`, class, number(x), number(y), escape(s))
}

func (d *Drawing) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(&d.b, `<path class="%s" d="M%s %sL%s %s"/>`, class, number(x1), number(y1), number(x2), number(y2))
}

func (d *Drawing) rect(class string, x, y, w, h float64) {
	fmt.Fprintf(&d.b, `<rect class="%s" x="%s" y="%s" width="%s" height="%s"/>`, class, number(x), number(y), number(w), number(h))
}

func (d *Drawing) dot(class string, x, y, r float64) {
	fmt.Fprintf(&d.b, `<circle class="%s" cx="%s" cy="%s" r="%s"/>`, class, number(x), number(y), number(r))
}

// path draws a line through points.
func (d *Drawing) path(class string, points [][2]float64) {
	if len(points) < 2 {
		return
	}
	var p strings.Builder
	for i, at := range points {
		p.WriteByte("ML"[min(i, 1)])
		p.WriteString(number(at[0]) + " " + number(at[1]))
	}
	fmt.Fprintf(&d.b, `<path class="%s" d="%s"/>`, class, p.String())
}

// open begins a group, which has a name that is shown when it is pointed at.
func (d *Drawing) open(name string) { d.b.WriteString("<g><title>" + escape(name) + "</title>") }
func (d *Drawing) close()           { d.b.WriteString("</g>") }

// number writes a coordinate.
func number(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

// escape makes a text of which nothing is a tag or the end of an attribute, and
// that XML can carry.
func escape(s string) string {
	return html.EscapeString(strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case r < ' ' || r == 0x7f || r == utf8.RuneError || r == 0xfffe || r == 0xffff:
			return '\ufffd'
		}
		return r
	}, s))
}
