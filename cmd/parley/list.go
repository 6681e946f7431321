package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/parley-rpc/parley/cmd/parley/internal/dial"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
	"github.com/parley-rpc/parley/rpc"
)

// listCommand prints the names of the functions of a server, one a line.
type listCommand struct {
	dial.Target
	terminal.OutputFlag
}

// Help is what kong shows below the short help.
func (*listCommand) Help() string {
	return `Prints a name in each line; as JSON, a list of them. The server needs system.listMethods.`
}

func (c *listCommand) run(std terminal.Streams) error {
	return c.Use(std, func(ctx context.Context, caller rpc.Caller) error {
		names, err := rpc.Invoke[[]string](ctx, caller, "system.listMethods")
		if err != nil {
			return notForYou(err, "system.listMethods")
		}
		if c.AsJSON() {
			return terminal.PrintJSON(std.Out, append([]string{}, names...)) // [] for none
		}
		paint := terminal.NewPainter(std.Out)
		for _, name := range names {
			if _, err := fmt.Fprintln(std.Out, paint.Name(terminal.Printable(name))); err != nil {
				return err
			}
		}
		return nil
	})
}

// notForYou says of a server that lacks a function which servers usually have that
// it is there all the same. A fault about one of names is about that function.
func notForYou(err error, function string, names ...string) error {
	var fault *rpc.Fault
	if !errors.As(err, &fault) || fault.Code != rpc.CodeMethodNotFound {
		return err
	}
	for _, name := range names {
		if strings.Contains(fault.Message, name) {
			return err
		}
	}
	return usage.Hint(err, "the server answers, but has no "+function+" for you: its policy may not give you system.*")
}
