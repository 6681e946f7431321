package terminal

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Printable escapes what others could use to play with a terminal, as JSON does,
// quotes left alone.
func Printable(text string) string {
	return strings.ReplaceAll(string(AppendEscaped(nil, text)), `\"`, `"`)
}

// AppendEscaped appends text as it stands between the quotes of JSON, without
// what could play with a terminal.
func AppendEscaped(b []byte, text string) []byte {
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r == '\r':
			b = append(b, `\r`...)
		case playsWithTerminal(r):
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return b
}

// playsWithTerminal reports whether r does something to a terminal, rather than
// stand on it.
func playsWithTerminal(r rune) bool {
	return r < ' ' || r >= 0x7f && r < 0xa0 || isBidi(r)
}

// isBidi reports whether r turns the direction of the text around it, which can
// make a line on a terminal read as something that it is not.
func isBidi(r rune) bool {
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200e || r == 0x200f || r == 0x061c
}
