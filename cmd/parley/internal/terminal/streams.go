// Package terminal is what a person sees and types: tables, colours, progress,
// prompts and signals. What is no terminal gets text alone. Nothing that came from
// others plays with a terminal: it goes through Printable, or PrintJSON.
package terminal

import "io"

// Streams is what a command reads from and writes to.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}
