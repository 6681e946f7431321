package main

import (
	"encoding/json"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/parley-rpc/parley/rpc/value"
)

// maxFile bounds what is read from a file or standard input as one argument, in
// bytes. No transport carries more in one message.
const maxFile = 64 << 20

// argument reads one argument of a call as the user wrote it: "@file" for the
// bytes of a file, "@-" for those of stdin, JSON if it is valid JSON, and
// otherwise the text itself.
func argument(arg string, stdin io.Reader) (any, error) {
	if name, ok := strings.CutPrefix(arg, "@"); ok {
		return readBinary(name, stdin)
	}
	if !utf8.ValidString(arg) {
		return nil, usagef("the argument %q is not UTF-8 text; to send binary, write @FILE", value.Clip(arg, 64))
	}
	if !json.Valid([]byte(arg)) {
		return arg, nil
	}
	v, err := readJSON(arg)
	if err != nil {
		return nil, usagef("the argument %s: %v", value.Clip(arg, 64), err)
	}
	return v, nil
}

func readBinary(name string, stdin io.Reader) ([]byte, error) {
	from := stdin
	switch name {
	case "":
		return nil, usagef(`@ needs the name of a file, or - for standard input; to send the text @, write '"@"'`)
	case "-":
	default:
		f, err := os.Open(name)
		if err != nil {
			return nil, usagef(`%v; to send text that begins with @, write it as JSON: '"@…"'`, err)
		}
		defer f.Close()
		from = f
	}
	blob, err := io.ReadAll(io.LimitReader(from, maxFile+1))
	if err != nil {
		return nil, usagef("@%s: %v", name, err)
	}
	if len(blob) > maxFile {
		return nil, usagef("@%s is larger than %d MiB, which is the most that is sent as one argument", name, maxFile>>20)
	}
	return blob, nil
}
