package value

import (
	"fmt"
	"strconv"
	"strings"
)

// Error says what could not be converted and where it stands.
type Error struct {
	// Path leads from the outermost value to the one at fault: "[3].qty". It
	// begins with what the caller says the outermost value is: "params[1]". One
	// of more than 1024 bytes has its middle left out.
	Path string
	// Offset is the position in the message, in bytes from its start; -1 where
	// there is no message.
	Offset int
	// Err is the cause.
	Err error
}

// Error returns "params[1].items[3].qty: 300 does not fit int8".
func (e *Error) Error() string {
	if e.Path == "" {
		return e.Err.Error()
	}
	return strings.TrimPrefix(e.Path, ".") + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// maxPath bounds a path, in bytes: its text is copied at each step of the way
// out, and there may be thousands.
const maxPath = 1024

// within puts a step in front of the path. Containers call it on their way out,
// so that a path costs nothing until something fails.
func (e *Error) within(step string) {
	e.Path = step + e.Path
	if n := len(e.Path); n > maxPath {
		e.Path = strings.ToValidUTF8(e.Path[:maxPath/4], "") + "…" + strings.ToValidUTF8(e.Path[n-maxPath/4:], "")
	}
}

func (e *Error) withinIndex(i int)      { e.within("[" + strconv.Itoa(i) + "]") }
func (e *Error) withinName(name string) { e.within("." + Clip(name, 64)) }

// Mismatch is the error of a value that is of another kind than the one asked
// for; want is a wire word or a Go type.
func Mismatch(want string, got Kind) error {
	return fmt.Errorf("expected %s, got %s", want, got)
}

// mismatch fails because a value of kind k stands next where want was expected.
// With Sticky.FalseIsZero it takes a false, for which the zero value stands that
// the caller leaves or returns then.
func mismatch(s Source, want string, k Kind) {
	if k == KindBool && takesFalse(s) && !s.Bool() {
		return
	}
	s.Fail(Mismatch(want, k))
}

// takesFalse reports whether a Source has Sticky.FalseIsZero.
func takesFalse(s Source) bool {
	e, ok := s.(embedsSticky)
	return ok && e.sticky().FalseIsZero
}

// Sticky keeps the first error of a conversion. Codecs embed it and set Offset
// through their own Fail.
type Sticky struct {
	// RejectUnknown makes an entry that a struct has no field for an error. It
	// is the strict option of a Source; Sinks leave it alone.
	RejectUnknown bool
	// FalseIsZero makes a false the zero value of a destination that is neither
	// bool nor any: "", 0, nil, an empty struct. It is for peers that know no
	// other word for "nothing". A true there stays an error. It is an option of a
	// Source; Sinks leave it alone.
	FalseIsZero bool
	// Types are those that have a form of their own on this wire; nil means none.
	Types *Types

	err *Error
}

func (s *Sticky) rejectsUnknown() bool { return s.RejectUnknown }

func (s *Sticky) sticky() *Sticky { return s }

// Err returns the first error, nil while there is none.
func (s *Sticky) Err() *Error { return s.err }

// FailAt makes err the error unless there is one; offset as in Error.
func (s *Sticky) FailAt(err error, offset int) {
	if s.err != nil || err == nil {
		return
	}
	if e, ok := err.(*Error); ok { //nolint:errorlint // a wrapped one has more to say
		s.err = e
		return
	}
	s.err = &Error{Offset: offset, Err: err}
}

// Reset forgets the error.
func (s *Sticky) Reset() { s.err = nil }

// Clip shortens text from a peer to at most n bytes, on a rune boundary, and
// escapes what does not print, so that it can stand in an error or a log.
func Clip(s string, n int) string {
	cut := len(s) > n
	if cut {
		s = s[:n]
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	q := strconv.Quote(s)
	s = strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
	if cut {
		s += "…"
	}
	return s
}
