package xmlvalue

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/parley-rpc/parley/rpc/value"
)

// Codes of a SyntaxError: those of the "Specification for Fault Code
// Interoperability" (2001-05-16), and one of its implementation-defined range.
const (
	CodeNotWellFormed    = -32700 // it is not XML, or uses what is refused in it
	CodeEncoding         = -32701 // its character encoding is not read
	CodeInvalidCharacter = -32702 // a byte that its character encoding does not have
	CodeInvalidRequest   = -32600 // it is XML, but not XML-RPC
	CodeOverLimit        = -32003 // it exceeds a limit of Options
)

// SyntaxError says why a document could not be read. It is what a server
// answers with as a fault; a value that was read well but does not fit its Go
// type is no SyntaxError.
type SyntaxError struct {
	// Code is one of the Code constants.
	Code int
	// Path leads to the value that was being read: "params[1].items[3].qty" in a
	// call, "items[3].qty" in a result. It is empty outside of all values and at
	// a result itself. A path of more than 16 steps has its middle left out.
	Path string
	// Offset is where it was found, in bytes from the start of the document as
	// it was received, whatever its encoding.
	Offset int
	// Reason is a sentence that says what was expected and what came. Text from
	// the document is shortened and escaped in it.
	Reason string
}

// Error returns "params[0].name: byte 117: expected </int>, got </value>".
func (e *SyntaxError) Error() string {
	if e.Path == "" {
		return e.withoutPath()
	}
	return e.Path + ": " + e.withoutPath()
}

func (e *SyntaxError) withoutPath() string { return fmt.Sprintf("byte %d: %s", e.Offset, e.Reason) }

// WriteError says why a value cannot be written: XML-RPC has no form for it, or
// Options do not let it have the one that it has. It stands in a [value.Error], which
// has the path to the value.
type WriteError struct {
	// Reason is made of the words of the wire and of the value, which is shortened
	// and escaped: nothing that whoever may have the value may not know.
	Reason string
	// Advice is for whoever writes the value; empty if there is none.
	Advice string
}

// Error returns "1099511627776 does not fit the 32 bits of <int>, and <i8> is not
// sent: send it as text (Options.Int32Only)".
func (e *WriteError) Error() string {
	if e.Advice == "" {
		return e.Reason
	}
	return e.Reason + ": " + e.Advice
}

// located is a SyntaxError within a value.Error, which has a path of its own.
type located struct{ *SyntaxError }

func (l located) Error() string { return l.withoutPath() }
func (l located) Unwrap() error { return l.SyntaxError }

// fail sets an error found at pos.
func (s *scanner) fail(code int, reason string) { s.failAt(s.pos, code, reason) }

func (s *scanner) failAt(pos, code int, reason string) {
	if s.Err() != nil {
		return
	}
	e := &SyntaxError{Code: code, Offset: s.received(pos), Reason: reason}
	if s.decoder != nil {
		e.Path = s.decoder.path()
	}
	s.FailAt(located{e}, e.Offset)
}

// received returns where in the document as it came stands what is now at pos.
func (s *scanner) received(pos int) int {
	if !s.recoded {
		return pos
	}
	return utf8.RuneCount(s.data[:pos]) // each byte has become one character
}

// failure returns the error of d: a *SyntaxError, or the *value.Error of a value
// that does not fit.
func (d *Decoder) failure() error {
	err := d.Err()
	if err == nil {
		return nil
	}
	if syntax, ok := err.Err.(located); ok { //nolint:errorlint // it is never wrapped otherwise
		return syntax.SyntaxError
	}
	return err
}

// path returns the way to where d stands. It costs nothing before something
// fails: each container knows how far it has been read.
func (d *Decoder) path() string {
	const ends = 8 // steps at either end of a long path
	var b strings.Builder
	for i := range d.stack {
		if len(d.stack) > 2*ends && i >= ends && i < len(d.stack)-ends {
			if i == ends {
				b.WriteString("…")
			}
			continue
		}
		d.step(&b, &d.stack[i])
	}
	return strings.TrimPrefix(b.String(), ".")
}

// step writes the step into what is being read of a container: nothing between
// its members and at its end.
func (d *Decoder) step(b *strings.Builder, f *frame) {
	switch {
	case f.at < 0:
	case f.in == inArray || f.in == inData:
		b.WriteString("[" + strconv.Itoa(f.at) + "]")
	case f.in == inParams:
		b.WriteString("params")
		if f.entry != entryNone {
			b.WriteString("[" + strconv.Itoa(f.at-1) + "]")
		}
	case f.entry == entryValue || f.entry == entryEnd:
		name := Decoder{scanner: scanner{data: d.data, plain: d.plain, maxString: d.maxString, pos: f.at}}
		b.WriteString("." + value.Clip(string(name.memberName()), 64))
	}
}
