package xmlvalue

import "fmt"

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
	// Offset is where it was found, in bytes from the start of the document;
	// of its UTF-8 form, if it came in another encoding.
	Offset int
	// Reason is a sentence that says what was expected and what came. Text from
	// the document is shortened and escaped in it.
	Reason string
}

// Error returns "byte 17: expected </int>, got </value>".
func (e *SyntaxError) Error() string { return fmt.Sprintf("byte %d: %s", e.Offset, e.Reason) }
