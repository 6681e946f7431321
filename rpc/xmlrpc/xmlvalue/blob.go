package xmlvalue

import "bytes"

// largeBlob is from which size on base64 is decoded before the rest of the
// document is looked at, in characters.
const largeBlob = 16 << 10

// blob is base64 that was decoded while characters were checked.
type blob struct {
	text []byte // where it stands in data
	out  []byte // what it is; nil once somebody has it
}

// findBlob looks behind position at for large base64 and decodes it. That stands
// between from and to.
//
// It is found by its tag alone, which may as well stand in a comment or in
// a CDATA section; then nobody asks for it. Its characters are those of base64 and
// white space wherever it stands, so there is nothing in it that XML forbids, and
// no reference or end of a section. A CR in it counts for nothing in base64, and
// sections look for those themselves.
func (s *scanner) findBlob(at int) (from, to int, ok bool) {
	const tag = "<base64>"
	// A stretch of that size without a tag cannot lie between two looks. Looking
	// for the tag from the front would stop at every other one.
	for look := at + largeBlob - 1; look < len(s.data); look = max(look, to) + largeBlob {
		n := bytes.IndexByte(s.data[look:], '<')
		if n < 0 {
			return 0, 0, false
		}
		to = look + n
		open := at + bytes.LastIndexByte(s.data[at:look], '<')
		if open < at || !hasPrefix(s.data[open:], tag) {
			continue
		}
		from = open + len(tag)
		if n = to - from; n >= largeBlob && n <= s.maxString {
			text := s.data[from:to]
			if out, bad := decodeBase64(text); bad < 0 {
				s.blobs = append(s.blobs, blob{text, out})
				return from, to, true
			}
		}
	}
	return 0, 0, false
}

// decodeText decodes the text of a base64 value, unless that was done before.
func (s *scanner) decodeText(text []byte) (out []byte, bad int) {
	for i := range s.blobs {
		b := &s.blobs[i]
		if b.out != nil && len(text) == len(b.text) && &text[0] == &b.text[0] {
			out, b.out = b.out, nil // the caller's from now on
			return out, -1
		}
	}
	return decodeBase64(text)
}
