package terminal

import (
	"io"
	"os"

	"github.com/fatih/color"
	"golang.org/x/term"
)

// Painter colours text for a terminal. Everywhere else, and for who wants no
// colours, text stays as it is.
type Painter struct{ On bool }

// NewPainter returns the painter for what is written to w: it colours if w is a
// terminal, and neither NO_COLOR (https://no-color.org, any value but the empty
// one) nor TERM=dumb speaks against it.
func NewPainter(w io.Writer) Painter {
	return Painter{os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && Width(w) > 0}
}

// What is painted, and how.
func (p Painter) Failure(text string) string { return p.paint(text, color.FgRed, color.Bold) }
func (p Painter) Warning(text string) string { return p.paint(text, color.FgYellow) }
func (p Painter) Success(text string) string { return p.paint(text, color.FgGreen) }
func (p Painter) Name(text string) string    { return p.paint(text, color.FgCyan) }   // of a function
func (p Painter) Header(text string) string  { return p.paint(text, color.Bold) }     // of a table
func (p Painter) Text(text string) string    { return p.paint(text, color.FgGreen) }  // in JSON
func (p Painter) Key(text string) string     { return p.paint(text, color.FgHiBlue) } // in JSON

// paint asks the library for this text alone: its own idea of what standard
// output is, which it keeps for the whole program, counts for nothing here.
func (p Painter) paint(text string, how ...color.Attribute) string {
	if !p.On || text == "" {
		return text
	}
	c := color.New(how...)
	c.EnableColor()
	return c.Sprint(text)
}

// Width returns how many characters a line of w has room for; 0 if w is
// no terminal.
func Width(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
		return width
	}
	return 80 // as terminals are that do not say
}
