package compare

import (
	"bytes"
	"encoding/json"
	"io"
)

// WriteJSON writes a result as JSON, a line for each row, so that a person can
// find his way and a comparison of two files shows which rows differ.
func WriteJSON(w io.Writer, r *Result) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = w.Write(lines(text))
	return err
}

// lines breaks compact JSON behind the members of its outermost object and the
// elements of those.
func lines(text []byte) []byte {
	var b bytes.Buffer
	depth, quoted := 0, false
	newline := func() { b.WriteByte('\n'); b.WriteString("  "[:min(depth, 2)]) }
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quoted:
			if c == '\\' {
				b.WriteByte(c)
				i++
				c = text[i]
			} else if c == '"' {
				quoted = false
			}
			b.WriteByte(c)
		case c == '"':
			quoted = true
			b.WriteByte(c)
		case c == '{' || c == '[':
			b.WriteByte(c)
			if depth++; depth <= 2 && text[i+1] != '}' && text[i+1] != ']' {
				newline()
			}
		case c == '}' || c == ']':
			if depth--; depth < 2 && text[i-1] != '{' && text[i-1] != '[' {
				newline()
			}
			b.WriteByte(c)
		case c == ',' && depth <= 2:
			b.WriteByte(c)
			newline()
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('\n')
	return b.Bytes()
}
