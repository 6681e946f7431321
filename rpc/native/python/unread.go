package python

import (
	"errors"
	"slices"
	"strings"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

// unread says why a message is not read, or what is within its bytes, and whether
// its connection goes on. An argument of a class that is not known here, or that
// does not fit the type it is registered with, is a mistake as any other. Whatever
// else cannot be read comes from somebody who does not speak this protocol, or
// wants to find out how much can be done with it, and has no second try on the same
// connection. Where it was only the server that had no memory left the next message
// is welcome.
func (m *message) unread(err error) {
	if f := overLimit(err); f != nil {
		m.err = f
		return
	}
	code := rpc.CodeNotWellFormed
	m.closes = true
	var class *pickle.ClassError
	var mismatch *value.Error
	var syntax *xmlvalue.SyntaxError
	switch {
	case errors.As(err, &syntax):
		code = syntax.Code
	case errors.Is(err, pickle.ErrLimit):
		code = rpc.CodeOverLimit
	case errors.As(err, &class):
		code = rpc.CodeInvalidParams
		m.closes = runsThings(class.Class)
	case errors.As(err, &mismatch):
		code = rpc.CodeInvalidParams
		m.closes = false
	}
	text := ""
	if m.closes {
		text = "; the connection is closed now"
	}
	m.err = rpc.Errorf(code, "the message cannot be read: %v%s", err, text)
}

// running are the modules of Python whose functions run, import or reach what the
// names given to them say. Nothing in them is data, and no program sends one by
// mistake. What holds against them is that nothing is run at all; this list only
// says whom to hang up on.
var running = []string{
	"__builtin__", "_functools", "_io", "_operator", "_pickle", "_posixsubprocess", "_thread", "asyncio", "bdb",
	"builtins", "cPickle", "code", "codeop", "commands", "copy_reg", "copyreg", "ctypes", "functools", "imp",
	"importlib", "io", "marshal", "nt", "operator", "os", "pdb", "pickle", "pip",
	"platform", "popen2", "posix", "posixpath", "pty", "pydoc", "runpy", "shelve", "shutil", "signal",
	"site", "subprocess", "sys", "timeit", "webbrowser",
}

// runsThings reports whether a class is in one of those modules, or is nothing but a
// way into a class, such as __init__ or __globals__.
func runsThings(class string) bool {
	module, name, _ := strings.Cut(class, ".")
	_, found := slices.BinarySearch(running, module)
	return found || strings.Contains(name, "__")
}
