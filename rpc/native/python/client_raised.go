package python

import (
	"fmt"
	"strings"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

// Raised is the error of a call that raised an exception in the Python program.
// An [*rpc.Fault] is in its chain, with rpc.CodeApplication and the same text.
//
//	var e *python.Raised
//	if errors.As(err, &e) && e.Class == "queue.Empty" { … }
type Raised struct {
	// Class is "ValueError", or "shop.OutOfStock" for one of the program's own.
	// Classes that have moved have one name: queue.Empty is that of every
	// version. It is empty where the program did not tell, and
	// for a class that is registered: that is known by the type of Value.
	Class string
	// Text is what Python prints behind the class, shortened and escaped.
	Text string
	// Args are what the exception was made of, nil where that did not cross.
	Args []any
	// Value is the whole exception where more is known of it than that: the Go
	// value of a class that is registered, else a *pickle.Object. If it is an
	// error, errors.As finds it.
	Value any
	// Traceback is the text that some answers have in place of an exception, as
	// it came, at most 64 KiB: nothing in it is escaped.
	Traceback string

	fault *rpc.Fault
}

const (
	maxClassName = 256      // bytes of Raised.Class
	maxTraceback = 64 << 10 // bytes of Raised.Traceback
)

// Error returns "ValueError: no such product".
func (r *Raised) Error() string { return r.fault.Message }

// Unwrap returns the fault, and Value if that is an error.
func (r *Raised) Unwrap() []error {
	if err, ok := r.Value.(error); ok {
		return []error{r.fault, err}
	}
	return []error{r.fault}
}

// withFault completes r.
func (r *Raised) withFault(code int) *Raised {
	r.Class = value.Clip(r.Class, maxClassName)
	r.Text = value.Clip(r.Text, maxExceptionText)
	if known, ok := movedClasses[r.Class]; ok {
		r.Class = known
	}
	message := r.Class
	switch {
	case message == "":
		message = r.Text
	case r.Text != "":
		message += ": " + r.Text
	}
	r.fault = rpc.Errorf(code, "%s", message).AnswerOf("")
	return r
}

// movedClasses are exceptions that have another name in some versions of CPython.
var movedClasses = map[string]string{
	"_queue.Empty": "queue.Empty", // 3.7 and later
	"Queue.Empty":  "queue.Empty", // 2.7
	"Queue.Full":   "queue.Full",
}

// faultOf returns the error for an exception of a Python peer: the fault that it
// stands for if it was one before, "fault -32601: ...", else a *Raised.
func faultOf(e *pickle.Exception) error {
	text := e.Text()
	if f := passedOn(text); f != nil {
		return f
	}
	r := &Raised{Class: e.Class, Text: text, Args: e.Args}
	return r.withFault(rpc.CodeApplication)
}

// isName reports whether s can be the name of a class, dots included.
func isName(s string) bool {
	letter := func(r rune) bool {
		return r == '_' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 0x7f
	}
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !letter(r) })
}

// raisedIn reads the text of a traceback, whose exception stands behind the last
// of its frames.
func raisedIn(text string) *Raised {
	r := &Raised{Text: text, Traceback: text[:min(len(text), maxTraceback)]}
	at := max(strings.LastIndex(text, "\n  File \""), 0)
	for line := range strings.Lines(text[at:]) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" || line[0] == ' ' || line[0] == '\t' {
			continue
		}
		if class, rest, _ := strings.Cut(line, ": "); isName(class) && class != "Traceback" {
			r.Class, r.Text = class, rest
			break
		}
	}
	return r
}

// errUnreadable is the error of an answer that came and cannot be read.
type errUnreadable struct {
	method string
	err    error
}

func (e *errUnreadable) Error() string {
	return fmt.Sprintf("python: result of %s: %v", value.Clip(e.method, 128), e.err)
}
func (e *errUnreadable) Unwrap() []error { return []error{rpc.ErrResult, e.err} }
