package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/parley-rpc/parley/cmd/parley/internal/dial"
	"github.com/parley-rpc/parley/cmd/parley/internal/exit"
	"github.com/parley-rpc/parley/cmd/parley/internal/notation"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
)

// callCommand makes one call.
type callCommand struct {
	dial.Target
	Method string   `arg:"" help:"The function, such as catalog.list."`
	Args   []string `arg:"" optional:"" help:"The arguments: JSON if it is valid JSON, else text; @FILE is the bytes of a file, @- of standard input."`
	Raw    bool     `help:"Print a binary or text result as it is, not as JSON."`
	Output string   `enum:"table,json" default:"json" placeholder:"FORM" help:"table or json. As a table, a list of records has a row for each. Default: ${default}"`
}

// Help is what kong shows below the short help.
func (*callCommand) Help() string {
	return `An argument is read as JSON if it is valid JSON, and is text otherwise: 3, -0.5, true, null, [1,2], {"a":1}, hello. To send the text 3, write '"3"'. A number with a fraction or an exponent is a float, any other an integer.

Values that JSON has no form for are written as an object with one key, in arguments and in results:

    {"$binary": "3q2+7w=="}      {"$bytearray": "3q2+7w=="}
    {"$time": "2026-03-04T05:06:07Z"}
    {"$localtime": "2026-03-04T05:06:07"}
    {"$tuple": [1, 2]}    {"$set": [1, 2]}    {"$frozenset": [1, 2]}
    {"$map": [[1, "one"], [2, "two"]]}
    {"$float": "NaN"}     {"$decimal": "1.50"}    {"$fraction": "22/7"}
    {"$complex": [1.5, -2.0]}    {"$range": [1, 10, 3]}
    {"$uuid": "6ba7b810-9dad-11d1-80b4-00c04fd430c8"}

Flags may stand before and after the arguments; -- ends them.

` + exit.Help
}

func (c *callCommand) run(std terminal.Streams) error {
	connect, err := c.Prepare(std) // takes a password from standard input before @- takes the rest
	if err != nil {
		return err
	}
	args, err := notation.Arguments(c.Args, std.In)
	if err != nil {
		return err
	}
	return c.Within(std, connect, func(ctx context.Context, caller rpc.Caller) error {
		result, err := caller.Call(ctx, &rpc.Request{Method: c.Method, Args: args})
		if err != nil {
			return c.readOtherwise(notation.Unsendable(err))
		}
		return c.print(std.Out, result)
	})
}

// wantedText is how a server says that an argument should have been text.
var wantedText = regexp.MustCompile(`params\[(\d+)\]: expected string, got (int|float|bool|nil|list|struct)`)

// readOtherwise says which argument was read in another way than it may have been
// meant, where a server has refused the arguments: as text though it looks like
// JSON, or as JSON where text is wanted.
func (c *callCommand) readOtherwise(err error) error {
	var fault *rpc.Fault
	if !errors.As(err, &fault) || fault.Code != rpc.CodeInvalidParams {
		return err
	}
	for _, arg := range c.Args {
		if arg != "" && strings.Contains(`{["`, arg[:1]) && !json.Valid([]byte(arg)) {
			return usage.Hint(err, "'"+terminal.Printable(value.Clip(arg, 64))+"' is no valid JSON and was sent as text")
		}
	}
	if m := wantedText.FindStringSubmatch(fault.Message); m != nil {
		if i, err2 := strconv.Atoi(m[1]); err2 == nil && i < len(c.Args) && json.Valid([]byte(c.Args[i])) {
			text, _ := json.Marshal(c.Args[i])
			return usage.Hint(err, "to send text, write '"+terminal.Printable(value.Clip(string(text), 64))+"'")
		}
	}
	return err
}

// print writes a result: JSON and a newline, a table, or raw bytes. On a terminal
// the JSON is set out for people.
func (c *callCommand) print(out io.Writer, result any) error {
	text, err := c.format(result)
	switch raw := c.Raw && isRaw(result); {
	case err != nil:
	case c.Output == "table" && !raw:
		err = notation.TableOf(result).Print(out)
	default:
		if width := terminal.Width(out); width > 0 && !raw {
			text = append(notation.Layout(terminal.NewPainter(out), text[:len(text)-1], width), '\n')
		}
		_, err = out.Write(text)
	}
	if err != nil {
		return fmt.Errorf("the call was answered, but its result cannot be printed: %w", err)
	}
	return nil
}

// isRaw reports whether a result has bytes of its own to print.
func isRaw(result any) bool {
	switch result.(type) {
	case []byte, value.ByteArray, string:
		return true
	}
	return false
}

func (c *callCommand) format(result any) ([]byte, error) {
	if c.Raw {
		switch result := result.(type) {
		case []byte:
			return result, nil
		case value.ByteArray:
			return result, nil
		case string:
			return []byte(result), nil
		}
	}
	text, err := notation.AppendJSON(nil, result)
	return append(text, '\n'), err
}
