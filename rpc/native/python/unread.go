package python

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

// unread says why a message is not read, or what is within its bytes, and whether
// its connection goes on. It does so where the message came whole and is in order,
// and only holds what is not taken here: more than the limits, a class that is not
// known, a value that does not fit. Nobody has to be paid for that: to refuse a
// message costs no more than to take it. It ends with who does not speak this
// protocol, names what runs something, or sends little that stands for very much.
// Where it was only the server that had no memory left the next message is welcome.
func (m *message) unread(err error) {
	if f := overLimit(err); f != nil {
		m.err = f
		return
	}
	code, hint := rpc.CodeNotWellFormed, ""
	m.closes = true
	var class *pickle.ClassError
	var mismatch *value.Error
	var syntax *xmlvalue.SyntaxError
	switch {
	case errors.As(err, &syntax):
		code = syntax.Code
		m.closes = code != xmlvalue.CodeOverLimit
	case errors.Is(err, pickle.ErrLimit):
		code = rpc.CodeOverLimit
		m.closes = errors.Is(err, pickle.ErrInflated)
	case errors.As(err, &class):
		code = rpc.CodeInvalidParams
		if m.closes = runsThings(class.Class); !m.closes {
			hint = "; send plain data, such as a dict of its attributes, or name the class in the Go program: docs/python.md#classes"
		}
	case errors.As(err, &mismatch), errors.Is(err, pickle.ErrRefused):
		code = rpc.CodeInvalidParams
		m.closes = false
	}
	if m.closes && m.form == formRecipe && class == nil {
		err = fmt.Errorf("bytes that hold no pickled call: %w", err)
	}
	if m.closes {
		hint = "; the connection is closed now"
	}
	m.err = rpc.Errorf(code, "the message cannot be read: %v%s", err, hint)
}

// running are the modules of Python whose functions run, import or reach what the
// names given to them say. Next to nothing in them is data, and hardly a program
// sends one by mistake. What holds against them is that nothing is run at all; this
// list only says whom to hang up on.
var running = []string{
	"_functools", "_operator", "_pickle", "_posixsubprocess", "_thread", "asyncio", "bdb",
	"cPickle", "code", "codeop", "commands", "copy_reg", "copyreg", "ctypes", "functools", "imp",
	"importlib", "marshal", "nt", "operator", "os", "pdb", "pickle", "pip",
	"platform", "popen2", "posix", "posixpath", "pty", "pydoc", "runpy", "shelve", "shutil", "signal",
	"site", "subprocess", "sys", "timeit", "webbrowser",
}

// runningNames are what does so in modules that are mostly of types, whose values
// programs do send: a slice, a map object, an io.BytesIO.
var runningNames = []string{
	"__import__", "apply", "breakpoint", "compile", "delattr", "eval", "exec", "execfile", "file", "FileIO", "getattr",
	"globals", "hasattr", "help", "input", "locals", "open", "open_code", "raw_input", "reduce", "reload", "setattr", "vars",
}

// typed are these modules.
var typed = []string{"__builtin__", "_io", "builtins", "io"}

// harmless are types of running modules whose values programs have at hand.
var harmless = []string{
	"commands.CompletedProcess", // subprocess, in protocol 2 of Python 3
	"os.stat_result", "os.terminal_size", "posix.times_result", "posix.uname_result",
	"signal.Handlers", "signal.Signals", "subprocess.CompletedProcess", "subprocess.TimeoutExpired",
}

// runsThings reports whether a class is a name of those modules that runs something,
// or is nothing but a way into a class, such as __init__ or __globals__.
func runsThings(class string) bool {
	module, name, _ := strings.Cut(class, ".")
	if slices.Contains(typed, module) {
		first, _, _ := strings.Cut(name, ".")
		return slices.Contains(runningNames, first) || strings.Contains(name, "__")
	}
	if slices.Contains(harmless, class) || strings.HasSuffix(class, "Error") && !strings.Contains(name, ".") {
		return false
	}
	_, found := slices.BinarySearch(running, module)
	return found || strings.Contains(name, "__")
}
