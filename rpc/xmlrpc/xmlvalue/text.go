package xmlvalue

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

const (
	cdataOpen  = "<![CDATA["
	cdataClose = "]]>"
)

// text reads the content of the element name, which must be character data, and
// its end tag. Comments are left out, CDATA sections joined, references
// resolved, line ends made LF as XML 1.0 section 2.11 wants it. The bytes are
// part of data or of buf and valid until the next text.
func (s *scanner) text(name string) ([]byte, bool) {
	at := s.pos
	n := bytes.IndexByte(s.data[at:], '<')
	if n < 0 {
		s.pos = len(s.data)
		s.unexpected("</" + name + ">")
		return nil, false
	}
	if !s.plain || at+n+1 < len(s.data) && s.data[at+n+1] == '!' {
		return s.mixedText(name)
	}
	s.pos += n
	if !s.close(name) || !s.fits(at, n) {
		return nil, false
	}
	return s.data[at : at+n], true
}

// mixedText is text where the bytes may have to be put together in buf.
func (s *scanner) mixedText(name string) ([]byte, bool) {
	at := s.pos
	out, joined := []byte(nil), false // out is part of data until joined
	for {
		rest := s.data[s.pos:]
		var piece []byte
		switch {
		case len(rest) == 0:
			s.unexpected("</" + name + ">")
			return nil, false
		case rest[0] != '<':
			n := bytes.IndexByte(rest, '<')
			if n < 0 {
				n = len(rest)
			}
			piece = rest[:n]
			if i := bytes.Index(piece, []byte(cdataClose)); i >= 0 {
				s.failAt(s.pos+i, CodeNotWellFormed, "]]> in text must be written ]]&gt;")
				return nil, false
			}
			if bytes.IndexByte(piece, '&') >= 0 || bytes.IndexByte(piece, '\r') >= 0 {
				s.join(out, joined)
				joined = true
				if !s.unescape(piece) {
					return nil, false
				}
				out, piece = s.buf, nil
			}
			s.pos += n
		case bytes.HasPrefix(rest, []byte(cdataOpen)):
			n := bytes.Index(rest, []byte(cdataClose))
			if n < 0 {
				s.fail(CodeNotWellFormed, "a CDATA section without ]]>")
				return nil, false
			}
			piece = rest[len(cdataOpen):n]
			if bytes.IndexByte(piece, '\r') >= 0 {
				s.join(out, joined)
				joined = true
				s.appendLines(piece)
				out, piece = s.buf, nil
			}
			s.pos += n + len(cdataClose)
		case len(rest) > 1 && rest[1] == '!':
			if !s.comment() {
				return nil, false
			}
		default:
			if !s.close(name) || !s.fits(at, len(out)) {
				return nil, false
			}
			return out, true
		}
		switch {
		case len(piece) == 0:
		case joined:
			s.buf = append(s.buf, piece...)
			out = s.buf
		case len(out) == 0:
			out = piece
		default:
			s.join(out, false)
			joined = true
			s.buf = append(s.buf, piece...)
			out = s.buf
		}
	}
}

// join makes buf hold what has been read of a text so far.
func (s *scanner) join(out []byte, joined bool) {
	if !joined {
		s.buf = append(s.buf[:0], out...)
	}
}

// unescape appends piece, which stands at pos, to buf. No reference is shorter
// than what it stands for.
func (s *scanner) unescape(piece []byte) bool {
	s.buf = slices.Grow(s.buf, len(piece))
	for done := 0; ; {
		n := bytes.IndexByte(piece[done:], '&')
		if n < 0 {
			s.appendLines(piece[done:])
			return true
		}
		s.appendLines(piece[done : done+n])
		done += n
		r, size, reason := reference(piece[done:])
		if reason != "" {
			s.failAt(s.pos+done, CodeNotWellFormed, reason)
			return false
		}
		s.buf = utf8.AppendRune(s.buf, r)
		done += size
	}
}

// appendLines appends piece to buf with its line ends made LF.
func (s *scanner) appendLines(piece []byte) {
	s.buf = slices.Grow(s.buf, len(piece))
	for {
		n := bytes.IndexByte(piece, '\r')
		if n < 0 {
			s.buf = append(s.buf, piece...)
			return
		}
		s.buf = append(append(s.buf, piece[:n]...), '\n')
		piece = piece[n+1:]
		if len(piece) > 0 && piece[0] == '\n' {
			piece = piece[1:]
		}
	}
}

// fits holds the length n of the text at pos against its limit.
func (s *scanner) fits(pos, n int) bool {
	if n > s.maxString {
		s.failAt(pos, CodeOverLimit, "text longer than Options.MaxString")
		return false
	}
	return true
}

// reference reads the reference that b begins with: one of the five entities
// that need no declaration, or a character by number. size is its length in b.
func reference(b []byte) (r rune, size int, reason string) {
	end := bytes.IndexByte(b[:min(len(b), 32)], ';')
	if end < 0 {
		return 0, 0, "& that begins no reference must be written &amp;"
	}
	name := b[1:end]
	size = end + 1
	switch string(name) {
	case "lt":
		return '<', size, ""
	case "gt":
		return '>', size, ""
	case "amp":
		return '&', size, ""
	case "quot":
		return '"', size, ""
	case "apos":
		return '\'', size, ""
	}
	if len(name) < 2 || name[0] != '#' {
		return 0, 0, "&" + clip(name) + "; is not an entity that XML knows without a declaration"
	}
	base, digits := rune(10), name[1:]
	if digits[0] == 'x' {
		base, digits = 16, digits[1:]
	}
	if len(digits) == 0 {
		return 0, 0, "&" + clip(name) + "; has no digits"
	}
	for _, c := range digits {
		d := rune(99)
		switch {
		case c >= '0' && c <= '9':
			d = rune(c - '0')
		case c >= 'a' && c <= 'f':
			d = rune(c-'a') + 10
		case c >= 'A' && c <= 'F':
			d = rune(c-'A') + 10
		}
		if d >= base {
			return 0, 0, "&" + clip(name) + "; is not a number"
		}
		if r = r*base + d; r > utf8.MaxRune {
			return 0, 0, "&" + clip(name) + "; is beyond Unicode"
		}
	}
	if !isChar(r) {
		return 0, 0, "&" + clip(name) + "; is a character that XML cannot carry"
	}
	return r, size, ""
}

// isChar is the production Char of XML 1.0.
func isChar(r rune) bool {
	switch {
	case r < ' ':
		return r == '\t' || r == '\n' || r == '\r'
	case r < 0xD800:
		return true
	}
	return r > 0xDFFF && r != 0xFFFE && r != 0xFFFF && r <= utf8.MaxRune
}
