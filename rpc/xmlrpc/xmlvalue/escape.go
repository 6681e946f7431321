package xmlvalue

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// What a byte of text needs when it is written.
const (
	asItIs = iota
	escaped
	refused // a control character
	multibyte
)

var escapeClass = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c == '&' || c == '<' || c == '>' || c == '\r':
			t[c] = escaped
		case c >= utf8.RuneSelf:
			t[c] = multibyte
		case !isChar(rune(c)):
			t[c] = refused
		}
	}
	return t
}()

// longText is from which length on the room for a text is made at once, in bytes:
// by and by it would leave several times as much memory behind.
const longText = 4 << 10

// escapedLen returns the length of s as character data.
func escapedLen(s string) int {
	return len(s) + len("lt;")*(strings.Count(s, "<")+strings.Count(s, ">")) + len("amp;")*(strings.Count(s, "&")+strings.Count(s, "\r"))
}

// appendEscaped appends s as character data. It stops at the first character
// that XML cannot carry, which begins at bad; -1 if there is none.
func appendEscaped(dst []byte, s string) (out []byte, bad int) {
	if len(s) >= longText {
		dst = slices.Grow(dst, escapedLen(s))
	}
	done := 0
	for i := 0; i < len(s); {
		switch escapeClass[s[i]] {
		case asItIs:
			i++
			continue
		case multibyte:
			r, size := utf8.DecodeRuneInString(s[i:])
			if isChar(r) && (r != utf8.RuneError || size > 1) {
				i += size
				continue
			}
			return append(dst, s[done:i]...), i
		case refused:
			return append(dst, s[done:i]...), i
		}
		dst = append(dst, s[done:i]...)
		switch s[i] {
		case '&':
			dst = append(dst, "&amp;"...)
		case '<':
			dst = append(dst, "&lt;"...)
		case '>':
			dst = append(dst, "&gt;"...)
		case '\r':
			dst = append(dst, "&#13;"...) // a reader makes an LF of a plain one
		}
		i++
		done = i
	}
	return append(dst, s[done:]...), -1
}

// appendReplaced appends s as character data, with U+FFFD for each character
// that XML cannot carry.
func appendReplaced(dst []byte, s string) []byte {
	for {
		var bad int
		if dst, bad = appendEscaped(dst, s); bad < 0 {
			return dst
		}
		_, size := utf8.DecodeRuneInString(s[bad:])
		dst, s = append(dst, "\uFFFD"...), s[bad+size:]
	}
}

// uncarried is the error of text that XML cannot carry because of what begins
// at bad.
func uncarried(what, s string, bad int) error {
	const advice = "send it as []byte"
	r, size := utf8.DecodeRuneInString(s[bad:])
	if r == utf8.RuneError && size == 1 {
		return &WriteError{fmt.Sprintf("%s is not valid UTF-8 at byte %d: XML cannot carry it", what, bad), advice}
	}
	return &WriteError{fmt.Sprintf("%s holds %U at byte %d: XML cannot carry it", what, r, bad), advice}
}
