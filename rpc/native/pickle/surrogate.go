package pickle

import (
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// Surrogates says what is done with a lone surrogate: half of a pair by which
// UTF-16 writes one character. Python's str can hold one, as one that came of a
// file name with os.fsdecode does, but no text in Unicode can.
type Surrogates uint8

const (
	// RefuseSurrogates makes one an error. Writing, so are all bytes that are not
	// UTF-8.
	RefuseSurrogates Surrogates = iota
	// ReplaceSurrogates puts U+FFFD in its place. So does writing.
	ReplaceSurrogates
	// SurrogatesAsBytes makes the str a []byte, in what Python calls UTF-8 with
	// surrogatepass: a surrogate has three bytes. As a key of a dict it is one as
	// well. Writing, a string in that form becomes the str that it was.
	SurrogatesAsBytes
)

var errSurrogate = errors.New("got a str with a lone surrogate, which is no Unicode text; send it as bytes, or see Options.Surrogates")

// isSurrogate reports whether b begins with a surrogate in UTF-8 with surrogatepass.
func isSurrogate[T string | []byte](b T) bool {
	return len(b) >= 3 && b[0] == 0xed && b[1]&0xe0 == 0xa0 && b[2]&0xc0 == 0x80
}

// badText is what stands for text that is not UTF-8, nil with an error.
func (d *decoder) badText(b []byte) any {
	surrogates := 0
	for i := 0; i < len(b); {
		if isSurrogate(b[i:]) {
			surrogates++
			i += 3
			continue
		}
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			d.fail(errors.New("expected a str in UTF-8, got other bytes"))
			return nil
		}
		i += size
	}
	switch {
	case d.o.Surrogates == RefuseSurrogates:
		d.refuse(errSurrogate)
		return nil
	case d.o.Surrogates == SurrogatesAsBytes:
		return slices.Clone(b)
	}
	return replaceSurrogates(b)
}

// replaceSurrogates puts U+FFFD, which has three bytes too, in their place.
func replaceSurrogates(b []byte) string {
	b = slices.Clone(b)
	for i := range b {
		if isSurrogate(b[i:]) {
			copy(b[i:], "\uFFFD")
		}
	}
	return string(b)
}

// appendSurrogate appends r as three bytes.
func appendSurrogate(b []byte, r rune) []byte {
	return append(b, 0xed, 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f)
}

// badText writes text that is not UTF-8.
func (e *Encoder) badText(s string) {
	rest := s
	for rest != "" {
		r, size := utf8.DecodeRuneInString(rest)
		if r == utf8.RuneError && size == 1 {
			if e.surrogates != RefuseSurrogates && isSurrogate(rest) {
				size = 3
			} else if e.surrogates != ReplaceSurrogates {
				e.Fail(errors.New("expected text in UTF-8, got other bytes; send them as []byte"))
				return
			}
		}
		rest = rest[size:]
	}
	if e.surrogates == ReplaceSurrogates {
		s = string([]rune(replaceSurrogates([]byte(s))))
	}
	e.length(len(s), opShortBinUnicode, opBinUnicode, opBinUnicode8, 4)
	e.buf = append(e.buf, s...)
}

func (s Surrogates) check() error {
	if s > SurrogatesAsBytes {
		return fmt.Errorf("Surrogates: expected RefuseSurrogates, ReplaceSurrogates or SurrogatesAsBytes, got %d", s)
	}
	return nil
}
