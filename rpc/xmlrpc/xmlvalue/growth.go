package xmlvalue

import (
	"bytes"
	"unicode/utf8"
)

// Growth estimates how much more memory than text usually does that of a document
// takes when it is read and sent back, in bytes: what its encoding makes of each
// character, and signs in CDATA that are references in an answer. It is never too
// little by much, and is known without decoding anything.
func Growth(doc []byte) int {
	n := 0
	s := scanner{data: doc}
	if !s.literal(utf8BOM) {
		charset, _ := s.declaration()
		more := 0 // bytes of UTF-8 beyond the one that came, for each character
		switch {
		case isOneOf(charset, latin1...):
			more = 1
		case isOneOf(charset, windows1252...):
			more = 2
		}
		if more > 0 {
			wide := 0
			for _, c := range doc {
				if c >= utf8.RuneSelf {
					wide++
				}
			}
			n = len(doc) + 3*more*wide // a document, a text and an answer of that
		}
	}
	if bytes.Contains(doc, []byte(cdataOpen)) {
		signs := bytes.Count(doc, []byte("&")) + bytes.Count(doc, []byte("<")) + bytes.Count(doc, []byte(">"))
		n += len("amp;") * signs
	}
	return n
}
