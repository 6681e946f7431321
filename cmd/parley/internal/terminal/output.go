package terminal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"
)

// OutputFlag says in which form a command prints what it has found.
type OutputFlag struct {
	Output string `enum:"table,json" default:"table" placeholder:"FORM" help:"table, for people, or json, for programs. Default: ${default}"`
}

// AsJSON reports whether it is JSON.
func (f OutputFlag) AsJSON() bool { return f.Output == "json" }

// PrintJSON writes v as indented JSON. What could play with a terminal is
// escaped, as it is in the result of a call.
func PrintJSON(out io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	text := make([]byte, 0, b.Len())
	for _, r := range b.String() {
		if r >= 0x7f && playsWithTerminal(r) { // those below are escaped already, or made here
			text = fmt.Appendf(text, `\u%04x`, r)
		} else {
			text = utf8.AppendRune(text, r)
		}
	}
	_, err := out.Write(text)
	return err
}
