// Package notation is how values are written on a command line and on standard
// output: JSON, with tags for what JSON has no form for, and tables. What
// AppendJSON writes Argument reads as the same value.
package notation

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
)

// maxFile bounds what is read from a file or standard input as one argument, in
// bytes. No transport carries more in one message.
const maxFile = 64 << 20

// Argument reads one argument of a call as the user wrote it: "@file" for the
// bytes of a file, "@-" for those of stdin, JSON if it is valid JSON, and
// otherwise the text itself.
func Argument(arg string, stdin io.Reader) (any, error) {
	if name, ok := strings.CutPrefix(arg, "@"); ok {
		return readBinary(name, stdin)
	}
	if !utf8.ValidString(arg) {
		return nil, usage.Errorf("the argument %q is not UTF-8 text; to send binary, write @FILE", value.Clip(arg, 64))
	}
	if !json.Valid([]byte(arg)) {
		return arg, nil
	}
	v, err := readJSON(arg)
	if err != nil {
		return nil, usage.Errorf("the argument %s: %v", value.Clip(arg, 64), err)
	}
	return v, nil
}

func readBinary(name string, stdin io.Reader) ([]byte, error) {
	from := stdin
	switch name {
	case "":
		return nil, usage.Errorf(`@ needs the name of a file, or - for standard input; to send the text @, write '"@"'`)
	case "-":
	default:
		f, err := os.Open(name)
		if err != nil {
			return nil, usage.Errorf(`%v; to send text that begins with @, write it as JSON: '"@…"'`, err)
		}
		defer f.Close()
		from = f
	}
	blob, err := io.ReadAll(io.LimitReader(from, maxFile+1))
	if err != nil {
		return nil, usage.Errorf("@%s: %v", name, err)
	}
	if len(blob) > maxFile {
		return nil, usage.Errorf("@%s is larger than %d MiB, which is the most that is sent as one argument", name, maxFile>>20)
	}
	return blob, nil
}

// Arguments reads the arguments of a call, of which one may be standard input.
func Arguments(texts []string, stdin io.Reader) (rpc.Values, error) {
	args := make(rpc.Values, len(texts))
	for i, text := range texts {
		if text == "@-" && slices.Contains(texts[:i], text) {
			return nil, usage.Errorf("@- can stand for one argument only")
		}
		var err error
		if args[i], err = Argument(text, stdin); err != nil {
			return nil, err
		}
	}
	return args, nil
}

// Unsendable makes a usage error of an argument that the wire cannot carry.
func Unsendable(err error) error {
	var fault *rpc.Fault
	var link *rpc.LinkError
	var bad *value.Error
	if errors.As(err, &bad) && !errors.Is(err, rpc.ErrResult) && !errors.As(err, &fault) && !errors.As(err, &link) {
		return usage.Errorf("%v", err)
	}
	return err
}
