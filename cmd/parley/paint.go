package main

import (
	"io"
	"os"

	"github.com/fatih/color"
	"golang.org/x/term"
)

// painter colours text for a terminal. Everywhere else, and for who wants no
// colours, text stays as it is.
type painter struct{ on bool }

// newPainter returns the painter for what is written to w: it colours if w is a
// terminal, and neither NO_COLOR (https://no-color.org, any value but the empty
// one) nor TERM=dumb speaks against it.
func newPainter(w io.Writer) painter {
	return painter{os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && terminalWidth(w) > 0}
}

// What is painted, and how.
func (p painter) failure(text string) string { return p.paint(text, color.FgRed, color.Bold) }
func (p painter) warning(text string) string { return p.paint(text, color.FgYellow) }
func (p painter) success(text string) string { return p.paint(text, color.FgGreen) }
func (p painter) name(text string) string    { return p.paint(text, color.FgCyan) }   // of a function
func (p painter) header(text string) string  { return p.paint(text, color.Bold) }     // of a table
func (p painter) text(text string) string    { return p.paint(text, color.FgGreen) }  // in JSON
func (p painter) key(text string) string     { return p.paint(text, color.FgHiBlue) } // in JSON

// paint asks the library for this text alone: its own idea of what standard
// output is, which it keeps for the whole program, counts for nothing here.
func (p painter) paint(text string, how ...color.Attribute) string {
	if !p.on || text == "" {
		return text
	}
	c := color.New(how...)
	c.EnableColor()
	return c.Sprint(text)
}

// terminalWidth returns how many characters a line of w has room for; 0 if w is
// no terminal.
func terminalWidth(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
		return width
	}
	return 80 // as terminals are that do not say
}
