package python

import (
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

// passedOn returns the fault that the text of an exception stands for, "fault
// -32601: ...", nil if it is none.
func passedOn(text string) *rpc.Fault {
	rest, ok := strings.CutPrefix(text, "fault ")
	if !ok {
		return nil
	}
	number, message, ok := strings.Cut(rest, ": ")
	code, err := strconv.ParseInt(number, 10, 32)
	if ok = ok && err == nil; !ok {
		return nil
	}
	return rpc.Errorf(int(code), "%s", value.Clip(message, maxExceptionText)).AnswerOf("")
}
