// Package chart draws plots as plain SVG: lines over two axes, bars, and dots, with
// direct labels in the place of legends. It knows nothing of what is plotted.
//
//	Lines, Bars, Dots   what is to be seen    (lines.go, bars.go, dots.go)
//	Scale               where a value is      (scale.go)
//	spread              labels apart          (label.go)
//	Drawing             the SVG               (svg.go, chart.css)
//
// A drawing is made for a phone: it is 440 units wide, and its text 15 units high,
// so that it is 11 pixels high on a screen of 360. Colours are CSS variables, for
// light and dark; no element has a style of its own, so that a page may forbid it.
package chart

import (
	_ "embed"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// Width is that of every drawing, in units.
const Width = 440

const (
	textSize = 15.0 // of all text
	lineGap  = 18.0 // from one line of text to the next
	least    = 130. // width of what is left for the data, whatever the labels need
)

// Colors is how many colours there are: 0 to Colors-1.
const Colors = 3

//go:embed chart.css
var style string

// Style is the CSS of all drawings, for a page that has them in its text.
func Style() string { return style }

// Head is what each plot has.
type Head struct {
	ID    string // unique in the page; letters, digits and hyphens
	Title string // above the plot, one line
	Unit  string // below the title: what is measured, and in which unit
	Desc  string // what is to be seen, for those who do not see it
}

// ErrValue is the error of a plot with a value that has no place in it: NaN, an
// infinity, or one that is not on the axis.
var ErrValue = errors.New("chart: a value has no place in the plot")

func refuse(where string, v float64) error {
	return fmt.Errorf("%w: %s: %v", ErrValue, where, v)
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// look is the classes of something in a colour.
func look(class string, color int) string {
	return class + " c" + strconv.Itoa(max(0, min(color, Colors-1)))
}
