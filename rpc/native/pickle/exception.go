package pickle

import (
	"fmt"
	"slices"
	"strings"

	"github.com/parley-rpc/parley/rpc/value"
)

// Exception is one of Python's builtin exceptions, in either direction: sent to
// a Python peer it is an exception object that the peer can raise, and an
// exception object of a peer is read as one. Attributes other than args do not
// cross. Exceptions of the peer's own are registered as types of Go ([Raised]), or
// read as an [*Object]. A function that returns an Exception as its error is
// answered by a fault, as with any error; as its result it arrives as it is.
type Exception struct {
	Class string `rpc:"class"` // "TypeError"
	Args  []any  `rpc:"args"`  // what it was made of, most often one text
}

// NewException returns an exception of that class with one text. The class must
// be a builtin one; that is checked when it is encoded.
func NewException(class, text string) *Exception {
	return &Exception{Class: class, Args: []any{text}}
}

// Error returns what Python prints below a traceback: "TypeError: no such thing".
// The text is shortened and escaped.
func (e *Exception) Error() string {
	if text := e.Text(); text != "" {
		return value.Clip(e.Class, 64) + ": " + value.Clip(text, 2048)
	}
	return value.Clip(e.Class, 64)
}

// Text returns what str() makes of the exception in Python, near enough for a
// person to read; nothing in it is shortened or escaped.
func (e *Exception) Text() string {
	if len(e.Args) == 1 {
		return fmt.Sprint(e.Args[0])
	}
	if errno, ok := e.errno(); ok {
		return fmt.Sprintf("[Errno %d] %v", errno, e.Args[1])
	}
	parts := make([]string, len(e.Args))
	for i, arg := range e.Args {
		parts[i] = fmt.Sprint(arg)
	}
	return strings.Join(parts, ", ")
}

// errno recognizes the arguments of an OSError.
func (e *Exception) errno() (int64, bool) {
	if len(e.Args) < 2 || !slices.Contains(osErrors, e.Class) {
		return 0, false
	}
	n, ok := e.Args[0].(int64)
	return n, ok
}

// oldExceptions are the builtin exceptions that Python 2 has as well.
var oldExceptions = []string{
	"ArithmeticError", "AssertionError", "AttributeError", "BaseException",
	"BufferError", "BytesWarning", "DeprecationWarning", "EOFError",
	"EnvironmentError", "Exception", "FloatingPointError", "FutureWarning",
	"GeneratorExit", "IOError", "ImportError", "ImportWarning", "IndentationError",
	"IndexError", "KeyError", "KeyboardInterrupt", "LookupError", "MemoryError",
	"NameError", "NotImplementedError", "OSError", "OverflowError",
	"PendingDeprecationWarning", "ReferenceError", "RuntimeError", "RuntimeWarning",
	"StopIteration", "SyntaxError", "SyntaxWarning", "SystemError", "SystemExit",
	"TabError", "TypeError", "UnboundLocalError", "UnicodeDecodeError",
	"UnicodeEncodeError", "UnicodeError", "UnicodeTranslateError", "UnicodeWarning",
	"UserWarning", "ValueError", "Warning", "ZeroDivisionError",
}

// newExceptions are those that Python 2 does not have, each with the one that it
// is sent as at protocol 2, as CPython does (Lib/_compat_pickle.py).
var newExceptions = map[string]string{
	"BaseExceptionGroup":      "BaseException",
	"BlockingIOError":         "OSError",
	"BrokenPipeError":         "OSError",
	"ChildProcessError":       "OSError",
	"ConnectionAbortedError":  "OSError",
	"ConnectionError":         "OSError",
	"ConnectionRefusedError":  "OSError",
	"ConnectionResetError":    "OSError",
	"EncodingWarning":         "Warning",
	"ExceptionGroup":          "Exception",
	"FileExistsError":         "OSError",
	"FileNotFoundError":       "OSError",
	"InterruptedError":        "OSError",
	"IsADirectoryError":       "OSError",
	"ModuleNotFoundError":     "ImportError",
	"NotADirectoryError":      "OSError",
	"PermissionError":         "OSError",
	"ProcessLookupError":      "OSError",
	"PythonFinalizationError": "RuntimeError",
	"RecursionError":          "RuntimeError",
	"ResourceWarning":         "Warning",
	"StandardError":           "Exception", // Python 2 alone
	"StopAsyncIteration":      "Exception",
	"TimeoutError":            "OSError",
}

// osErrors take a number and its meaning as arguments.
var osErrors = []string{
	"OSError", "IOError", "EnvironmentError", "BlockingIOError", "BrokenPipeError",
	"ChildProcessError", "ConnectionAbortedError", "ConnectionError",
	"ConnectionRefusedError", "ConnectionResetError", "FileExistsError",
	"FileNotFoundError", "InterruptedError", "IsADirectoryError",
	"NotADirectoryError", "PermissionError", "ProcessLookupError", "TimeoutError",
}

// argsFit reports whether Python can make the exception of its args. Most take
// any, and dynamic values are what args are held against here.
func (e *Exception) argsFit() bool {
	a := e.Args
	is := func(kinds string) bool { // t text, b bytes, i integer, for each arg
		if len(a) != len(kinds) {
			return false
		}
		for i, v := range a {
			var ok bool
			switch kinds[i] {
			case 't':
				_, ok = v.(string)
			case 'b':
				_, ok = v.([]byte)
			case 'i':
				ok = value.Word(v) == value.KindInt.String()
			}
			if !ok {
				return false
			}
		}
		return true
	}
	switch e.Class {
	case "UnicodeDecodeError":
		return is("tbiit")
	case "UnicodeEncodeError":
		return is("ttiit")
	case "UnicodeTranslateError":
		return is("tiit")
	case "SyntaxError", "IndentationError", "TabError": // message, where
		if len(a) != 2 {
			return true
		}
		where, ok := sequence(a[1])
		return ok && len(where) >= 4 && len(where) <= 6
	case "ExceptionGroup", "BaseExceptionGroup":
		if len(a) != 2 {
			return false
		}
		_, isText := a[0].(string)
		members, ok := sequence(a[1])
		return isText && ok && len(members) > 0 && !slices.ContainsFunc(members, isNoException)
	}
	return true
}

func isNoException(v any) bool {
	_, ok := v.(*Exception)
	return !ok
}

func sequence(v any) ([]any, bool) {
	switch v := v.(type) {
	case []any:
		return v, true
	case value.Tuple:
		return v, true
	}
	return nil, false
}

// isException reports whether c is a builtin exception.
func (c class) isException() bool {
	module, name := c.split()
	if module != "builtins" {
		return false
	}
	_, isNew := newExceptions[name]
	return isNew || slices.Contains(oldExceptions, name)
}
