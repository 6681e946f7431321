package xmlvalue

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

const utf8BOM = "\xEF\xBB\xBF"

// Names of encodings that have one byte for each character.
var (
	latin1      = []string{"iso-8859-1", "iso8859-1", "iso_8859-1", "latin1"}
	windows1252 = []string{"windows-1252", "cp1252"}
)

// prolog reads a byte order mark and the XML declaration, brings data to UTF-8
// and checks its characters. What follows stands at pos.
func (s *scanner) prolog() bool {
	for _, mark := range []string{"\xFE\xFF", "\xFF\xFE", "\x00\x00", "\x00<", "<\x00"} {
		if bytes.HasPrefix(s.data, []byte(mark)) {
			s.fail(CodeEncoding, "UTF-16 or UTF-32; send UTF-8")
			return false
		}
	}
	marked := s.literal(utf8BOM)
	charset, ok := s.declaration()
	if !ok {
		return false
	}
	switch {
	case len(charset) == 0 || isOneOf(charset, "utf-8", "utf8"):
	case isOneOf(charset, "us-ascii", "ascii"):
		i := bytes.IndexFunc(s.data[s.pos:], func(r rune) bool { return r >= utf8.RuneSelf })
		if i >= 0 && !marked {
			s.failAt(s.pos+i, CodeInvalidCharacter, "a byte that US-ASCII does not have")
			return false
		}
	case isOneOf(charset, latin1...):
		ok = marked || s.recode(charmap.ISO8859_1)
	case isOneOf(charset, windows1252...):
		ok = marked || s.recode(charmap.Windows1252)
	default:
		s.fail(CodeEncoding, "encoding "+clip(charset)+"; UTF-8, US-ASCII, ISO-8859-1 and windows-1252 are read")
		return false
	}
	return ok && s.checkCharacters()
}

// isOneOf compares the name of an encoding, in which case does not count.
func isOneOf(charset []byte, names ...string) bool {
	for _, name := range names {
		if strings.EqualFold(string(charset), name) {
			return true
		}
	}
	return false
}

// declaration reads the XML declaration, if there is one, and returns the
// encoding that it names.
func (s *scanner) declaration() (charset []byte, ok bool) {
	const opening = "<?xml"
	at := s.pos
	if n := at + len(opening); n >= len(s.data) || !isSpace(s.data[n]) || !s.literal(opening) {
		return nil, true
	}
	for last := []byte(nil); ; {
		before := s.pos
		s.space()
		if last != nil && s.literal("?>") {
			return charset, true
		}
		if s.pos == before {
			break
		}
		name, val, ok := s.attribute()
		switch {
		case !ok:
			return nil, false
		case last == nil && string(name) == "version":
			if string(val) != "1.0" {
				s.failAt(at, CodeNotWellFormed, "XML version "+clip(val)+"; only 1.0 is read")
				return nil, false
			}
		case string(last) == "version" && string(name) == "encoding" && len(val) > 0:
			charset = val
		case last != nil && string(last) != "standalone" && string(name) == "standalone" && (string(val) == "yes" || string(val) == "no"):
		default:
			s.failAt(at, CodeNotWellFormed, "the XML declaration must have version, then encoding, then standalone")
			return nil, false
		}
		last = name
	}
	s.failAt(at, CodeNotWellFormed, "an XML declaration without version or without ?>")
	return nil, false
}

// recode brings data from a charmap to UTF-8. Positions up to pos, which is
// ASCII, stay what they are.
func (s *scanner) recode(from *charmap.Charmap) bool {
	size := len(s.data)
	for i, c := range s.data {
		if c < utf8.RuneSelf {
			continue
		}
		r := from.DecodeByte(c)
		if r == utf8.RuneError {
			s.failAt(i, CodeInvalidCharacter, fmt.Sprintf("the byte %#x, which %v does not have", c, from))
			return false
		}
		size += utf8.RuneLen(r) - 1
	}
	out := make([]byte, 0, size)
	for _, c := range s.data {
		out = utf8.AppendRune(out, from.DecodeByte(c))
	}
	s.data, s.recoded = out, true
	return true
}

// Eight bytes at once: masks with one bit or one value in each byte.
const (
	high  = 0x8080808080808080
	low7  = 0x7F7F7F7F7F7F7F7F
	upper = 0x6060606060606060
	each  = 0x0101010101010101
)

// checkCharacters fails unless all of data is UTF-8 and made of characters that
// XML 1.0 section 2.2 allows, and finds out whether text stands in it as it is.
// Large base64 is decoded where it is found: what is base64 needs no other look.
func (s *scanner) checkCharacters() bool {
	s.plain = true
	done := 0
	for len(s.data)-done >= largeBlob {
		from, to, ok := s.findBlob(done)
		if !ok {
			break
		}
		if !s.checkRange(done, from) {
			return false
		}
		done = to
	}
	return s.checkRange(done, len(s.data))
}

// checkRange is checkCharacters for a part of data that splits no character and
// no tag.
func (s *scanner) checkRange(from, to int) bool {
	data, returns := s.data[:to], false
	for i := from; i < len(data); {
		if i+32 <= len(data) {
			a, b := binary.LittleEndian.Uint64(data[i:]), binary.LittleEndian.Uint64(data[i+8:])
			c, d := binary.LittleEndian.Uint64(data[i+16:]), binary.LittleEndian.Uint64(data[i+24:])
			// As below: every byte is ASCII, and has a bit of 0x60.
			printable := (a&upper + low7) & (b&upper + low7) & (c&upper + low7) & (d&upper + low7)
			if (a|b|c|d)&high == 0 && printable&high == high {
				i += 32
				continue
			}
		}
		if i+8 <= len(data) {
			w := binary.LittleEndian.Uint64(data[i:])
			if w&high == 0 {
				// A byte below 0x20 has no bit of 0x60. All sums stay within
				// their byte.
				control := ^(w&upper + low7) & high
				if control != 0 {
					cr := ^((w ^ '\r'*each) + low7)
					control &^= cr | ^((w ^ '\n'*each) + low7) | ^((w ^ '\t'*each) + low7)
					returns = returns || cr&high != 0
				}
				if control == 0 {
					i += 8
					continue
				}
			}
		}
		r, size := rune(data[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(data[i:])
			if r == utf8.RuneError && size == 1 {
				s.failAt(i, CodeInvalidCharacter, "a byte that is not UTF-8 (another encoding must be declared)")
				return false
			}
		}
		if !isChar(r) {
			s.failAt(i, CodeNotWellFormed, "a character that XML cannot carry: "+clip(data[i:i+size]))
			return false
		}
		returns = returns || r == '\r'
		i += size
	}
	data = data[from:]
	s.plain = s.plain && !returns && bytes.IndexByte(data, '&') < 0 && !bytes.Contains(data, []byte(cdataClose))
	return true
}
