package xmlvalue

import (
	"bytes"

	"github.com/parley-rpc/parley/rpc/value"
)

// scanner reads the XML beneath XML-RPC: tags, comments and character data, no
// more. Its data has passed checkCharacters. Once an error is set its methods
// may be called on, but say nothing that counts.
type scanner struct {
	value.Sticky
	data      []byte
	pos       int
	blobs     []blob   // large base64, decoded already
	plain     bool     // data holds no '&', no CR and no "]]>"
	recoded   bool     // data is not what was received, which had one byte for each character
	maxString int      // in bytes
	buf       []byte   // text that does not stand in data as it is; reused
	decoder   *Decoder // whose scanner it is, if any; it knows the path to pos
}

// token is what stands at pos.
type token uint8

const (
	tokenEnd   token = iota // the end of the document, or an error
	tokenText               // character data or a CDATA section
	tokenOpen               // a start tag or an empty-element tag
	tokenClose              // an end tag
)

// next skips white space and comments, and tells what stands behind them.
func (s *scanner) next() token {
	for {
		for s.pos < len(s.data) && isSpace(s.data[s.pos]) {
			s.pos++
		}
		rest := s.data[s.pos:]
		switch {
		case len(rest) == 0:
			return tokenEnd
		case rest[0] != '<':
			return tokenText
		case len(rest) == 1:
			s.fail(CodeNotWellFormed, "the document ends within a tag")
			return tokenEnd
		case rest[1] == '/':
			return tokenClose
		case rest[1] == '?':
			s.fail(CodeNotWellFormed, "a processing instruction; none are accepted, and the XML declaration only at the very start")
			return tokenEnd
		case rest[1] != '!':
			return tokenOpen
		case bytes.HasPrefix(rest, []byte(cdataOpen)):
			return tokenText
		case !s.comment():
			return tokenEnd
		}
	}
}

// comment skips the comment at pos, and fails on any other declaration.
func (s *scanner) comment() bool {
	rest := s.data[s.pos:]
	if !bytes.HasPrefix(rest, []byte("<!--")) {
		s.fail(CodeNotWellFormed, "a document type or other declaration; none are accepted")
		return false
	}
	n := bytes.Index(rest[4:], []byte("--"))
	if n < 0 || len(rest) <= 4+n+2 || rest[4+n+2] != '>' {
		s.fail(CodeNotWellFormed, "a comment that holds -- or does not end with -->")
		return false
	}
	s.pos += 4 + n + 3
	return true
}

// literal skips tag, exactly as it is written, if it stands at pos.
func (s *scanner) literal(tag string) bool {
	if n := s.pos + len(tag); n <= len(s.data) && string(s.data[s.pos:n]) == tag {
		s.pos = n
		return true
	}
	return false
}

// openTag reads the start tag at pos and returns its name; empty means that the
// element ends with it.
func (s *scanner) openTag() (name []byte, empty, ok bool) {
	i := s.pos + 1
	for i < len(s.data) && nameByte[s.data[i]] {
		i++
	}
	name = s.data[s.pos+1 : i]
	if !isName(name) {
		s.fail(CodeNotWellFormed, nameless)
		return nil, false, false
	}
	if i < len(s.data) && s.data[i] == '>' {
		s.pos = i + 1
		return name, false, true
	}
	s.pos = i
	if !s.attributes() {
		return nil, false, false
	}
	switch {
	case s.literal(">"):
		return name, false, true
	case s.literal("/>"):
		return name, true, true
	}
	s.fail(CodeNotWellFormed, "expected the end of the tag <"+clip(name)+">")
	return nil, false, false
}

const nameless = "< without the name of an element (in text it must be written &lt;)"

// maxAttributes bounds the attributes of a tag. XML-RPC has none, but namespace
// declarations and the like are tolerated.
const maxAttributes = 16

// attributes skips the attributes of a start tag, and what white space follows.
func (s *scanner) attributes() bool {
	var seen [maxAttributes][]byte
	for n := 0; ; n++ {
		start := s.pos
		s.space()
		if s.pos == len(s.data) || !nameByte[s.data[s.pos]] {
			return true
		}
		if s.pos == start {
			s.fail(CodeNotWellFormed, "expected white space before an attribute")
			return false
		}
		if n == maxAttributes {
			s.fail(CodeOverLimit, "a tag with more than 16 attributes")
			return false
		}
		name, _, ok := s.attribute()
		if !ok {
			return false
		}
		for _, other := range seen[:n] {
			if bytes.Equal(name, other) {
				s.fail(CodeNotWellFormed, "two attributes of the name "+clip(name))
				return false
			}
		}
		seen[n] = name
	}
}

// attribute reads name="value" at pos. The value is checked but not decoded.
func (s *scanner) attribute() (name, val []byte, ok bool) {
	i := s.pos
	for i < len(s.data) && nameByte[s.data[i]] {
		i++
	}
	name = s.data[s.pos:i]
	if !isName(name) {
		s.fail(CodeNotWellFormed, "expected the name of an attribute, got "+clip(name))
		return nil, nil, false
	}
	s.pos = i
	s.space()
	eq := s.literal("=")
	s.space()
	if !eq || s.pos == len(s.data) || s.data[s.pos] != '"' && s.data[s.pos] != '\'' {
		s.fail(CodeNotWellFormed, "expected = and a value in quotes after attribute "+clip(name))
		return nil, nil, false
	}
	n := bytes.IndexByte(s.data[s.pos+1:], s.data[s.pos])
	if n < 0 {
		s.fail(CodeNotWellFormed, "the value of attribute "+clip(name)+" has no end")
		return nil, nil, false
	}
	val = s.data[s.pos+1 : s.pos+1+n]
	if bytes.IndexByte(val, '<') >= 0 {
		s.fail(CodeNotWellFormed, "< in the value of attribute "+clip(name))
		return nil, nil, false
	}
	for j := 0; ; {
		amp := bytes.IndexByte(val[j:], '&')
		if amp < 0 {
			break
		}
		_, size, reason := reference(val[j+amp:])
		if reason != "" {
			s.fail(CodeNotWellFormed, reason)
			return nil, nil, false
		}
		j += amp + size
	}
	s.pos += n + 2
	return name, val, true
}

// space skips white space.
func (s *scanner) space() {
	for s.pos < len(s.data) && isSpace(s.data[s.pos]) {
		s.pos++
	}
}

// open reads the start tag of the one element that may stand here.
func (s *scanner) open(name string) (empty, ok bool) {
	s.space()
	n := s.pos + len(name) + 2
	if n <= len(s.data) && s.data[s.pos] == '<' && s.data[n-1] == '>' && string(s.data[s.pos+1:n-1]) == name {
		s.pos = n
		return false, true
	}
	if s.next() != tokenOpen {
		s.unexpected("<" + name + ">")
		return false, false
	}
	at := s.pos
	got, empty, ok := s.openTag()
	if ok && string(got) != name {
		s.failAt(at, CodeInvalidRequest, "expected <"+name+">, got <"+clip(got)+">")
		return false, false
	}
	return empty, ok
}

// close reads the end tag of the element name.
func (s *scanner) close(name string) bool {
	s.space()
	n := s.pos + len(name) + 3
	if n <= len(s.data) && s.data[s.pos] == '<' && s.data[s.pos+1] == '/' && s.data[n-1] == '>' && string(s.data[s.pos+2:n-1]) == name {
		s.pos = n
		return true
	}
	if s.next() != tokenClose {
		s.unexpected("</" + name + ">")
		return false
	}
	i := s.pos + 2
	for i < len(s.data) && nameByte[s.data[i]] {
		i++
	}
	if got := s.data[s.pos+2 : i]; string(got) != name {
		s.fail(CodeNotWellFormed, "expected </"+name+">, got </"+clip(got)+">")
		return false
	}
	s.pos = i
	s.space()
	if !s.literal(">") {
		s.fail(CodeNotWellFormed, "expected the end of the tag </"+name+">")
		return false
	}
	return true
}

// unexpected fails because want does not stand at pos.
func (s *scanner) unexpected(want string) {
	rest := s.data[s.pos:]
	switch {
	case len(rest) == 0:
		s.fail(CodeNotWellFormed, "expected "+want+", got the end of the document")
	case rest[0] != '<' || bytes.HasPrefix(rest, []byte(cdataOpen)):
		s.fail(CodeInvalidRequest, "expected "+want+", got text: "+clip(rest))
	case len(rest) > 1 && rest[1] != '/' && !startsName(rest[1:]):
		s.fail(CodeNotWellFormed, nameless)
	default:
		if n := bytes.IndexByte(rest, '>'); n >= 0 {
			rest = rest[:n+1]
		}
		s.fail(CodeInvalidRequest, "expected "+want+", got "+clip(rest))
	}
}

// nameByte holds the bytes of names. XML allows letters beyond ASCII as well;
// XML-RPC has no names with them.
var nameByte = func() (t [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_:-." {
		t[c] = true
	}
	return t
}()

// isName reports whether b, made of name bytes, is a name with at most a prefix.
func isName(b []byte) bool {
	prefix, local, prefixed := bytes.Cut(b, []byte(":"))
	if !prefixed {
		return startsName(b)
	}
	return startsName(prefix) && startsName(local) && bytes.IndexByte(local, ':') < 0
}

// startsName reports whether b begins with a letter or an underscore.
func startsName(b []byte) bool {
	return len(b) > 0 && (b[0] == '_' || b[0] >= 'A' && b[0] <= 'Z' || b[0] >= 'a' && b[0] <= 'z')
}

// isSpace is XML's white space.
func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// trim returns b without the white space around it.
func trim(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// clip makes text from a document fit for an error.
func clip(b []byte) string { return value.Clip(string(b[:min(len(b), 64)]), 32) }
