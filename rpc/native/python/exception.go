package python

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

// exceptionOf returns the exception that stands for a fault at a Python peer.
func exceptionOf(f *rpc.Fault) *pickle.Exception {
	class := "RuntimeError"
	switch f.Code {
	case rpc.CodeInvalidParams:
		class = "TypeError"
	case rpc.CodeMethodNotFound:
		class = "AttributeError"
	}
	return pickle.NewException(class, f.Error())
}

// maxExceptionText bounds what is kept of an exception's text, in bytes.
const maxExceptionText = 4096

// faultOf returns the fault for an exception of a Python peer: the one that it
// stands for if it was a fault before, "fault -32601: ...", else one that names
// its class, "ValueError: ...".
func faultOf(e *pickle.Exception) *rpc.Fault {
	text := e.Text()
	if rest, ok := strings.CutPrefix(text, "fault "); ok {
		number, message, ok := strings.Cut(rest, ": ")
		if code, err := strconv.ParseInt(number, 10, 32); ok && err == nil {
			return &rpc.Fault{Code: int(code), Message: value.Clip(message, maxExceptionText)}
		}
	}
	if text == "" {
		return &rpc.Fault{Code: rpc.CodeApplication, Message: e.Class}
	}
	return &rpc.Fault{Code: rpc.CodeApplication, Message: fmt.Sprintf("%s: %s", e.Class, value.Clip(text, maxExceptionText))}
}
