package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/parley-rpc/parley/cmd/parley/internal/dial"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/rpc"
)

// describeCommand prints the signatures and the help of functions.
type describeCommand struct {
	dial.Target
	terminal.OutputFlag
	Methods []string `arg:"" optional:"" name:"method" help:"The functions to describe. Default: all."`
}

// Help is what kong shows below the short help.
func (*describeCommand) Help() string {
	return `Prints each way to call a function, and below it what the server says of it. As JSON it is a list of objects: name, help, and signatures, each of which has returns and params, a list of objects with type and, where it is known, name.`
}

func (c *describeCommand) run(std terminal.Streams) error {
	return c.Use(std, func(ctx context.Context, caller rpc.Caller) error {
		names := c.Methods
		if len(names) == 0 {
			var err error
			if names, err = rpc.Invoke[[]string](ctx, caller, "system.listMethods"); err != nil {
				return notForYou(err, "system.listMethods")
			}
		}
		list := []described{}
		for i, name := range names {
			d, err := describe(ctx, caller, name)
			if err != nil {
				return err
			}
			list = append(list, d)
			if c.AsJSON() {
				continue
			}
			if i > 0 {
				fmt.Fprintln(std.Out)
			}
			if err := d.print(std.Out); err != nil {
				return err
			}
		}
		if c.AsJSON() {
			return terminal.PrintJSON(std.Out, list)
		}
		return nil
	})
}

// described is what a server says of a function.
type described struct {
	Name       string      `json:"name"`
	Signatures []signature `json:"signatures"` // none if the server does not say
	Help       string      `json:"help"`
	Types      *types      `json:"types,omitempty"` // what system.methodTypes says, where there is one

	names []string // of the parameters
}

type signature struct {
	Returns string      `json:"returns"`
	Params  []parameter `json:"params"`
}

type parameter struct {
	Name string `json:"name,omitempty"`
	Type string `json:"type"`
}

func describe(ctx context.Context, caller rpc.Caller, name string) (described, error) {
	d := described{Name: name, Signatures: []signature{}}
	signatures, err := signaturesOf(ctx, caller, name)
	if err != nil {
		return d, notForYou(err, "system.methodSignature", name)
	}
	if d.Help, err = rpc.Invoke[string](ctx, caller, "system.methodHelp", name); err != nil {
		return d, notForYou(err, "system.methodHelp", name)
	}
	if d.Types, err = typesOf(ctx, caller, name); err != nil {
		return d, err
	}
	if d.Types != nil {
		d.names = d.Types.names()
	} else if d.names, err = namesOf(ctx, caller, name); err != nil {
		return d, err
	}
	for _, words := range signatures {
		s := signature{Returns: words[0], Params: []parameter{}}
		for i, word := range words[1:] {
			p := parameter{Type: word}
			if i < len(d.names) {
				p.Name = d.names[i]
			}
			s.Params = append(s.Params, p)
		}
		d.Signatures = append(d.Signatures, s)
	}
	return d, nil
}

func (d described) print(out io.Writer) error {
	name := terminal.NewPainter(out).Name(terminal.Printable(d.Name))
	if d.Types.tells(d.Signatures) {
		fmt.Fprintf(out, "%s%s\n", name, terminal.Printable(d.Types.String()))
		return d.printHelp(out)
	}
	for _, s := range d.Signatures {
		var params []string
		for _, p := range s.Params {
			params = append(params, strings.TrimPrefix(p.Name+" "+p.Type, " "))
		}
		fmt.Fprintf(out, "%s(%s)%s\n", name, terminal.Printable(strings.Join(params, ", ")), s.arrow())
	}
	if len(d.Signatures) == 0 {
		fmt.Fprintf(out, "%s(%s)\n", name, terminal.Printable(strings.Join(append(d.names, "…"), ", ")))
	}
	return d.printHelp(out)
}

func (d described) printHelp(out io.Writer) error {
	for line := range strings.Lines(d.Help) {
		if line = strings.TrimRight(line, " \r\n"); line != "" {
			if _, err := fmt.Fprintln(out, "   ", terminal.Printable(line)); err != nil {
				return err
			}
		}
	}
	return nil
}

// arrow says what comes back, where there is a result.
func (s signature) arrow() string {
	if s.Returns == "nil" {
		return ""
	}
	return " -> " + terminal.Printable(s.Returns)
}

// signaturesOf returns the ways to call a function: result first, then the
// parameters. None if the server does not say: the introspection convention has
// another value than a list for that, often the text "undef".
func signaturesOf(ctx context.Context, caller rpc.Caller, name string) ([][]string, error) {
	answer, err := rpc.Invoke[any](ctx, caller, "system.methodSignature", name)
	if err != nil {
		return nil, err
	}
	var signatures [][]string
	list, _ := answer.([]any)
	if len(list) > 0 {
		if _, one := list[0].(string); one {
			list = []any{list} // as supervisor answers: a signature, and no list of them
		}
	}
	for _, entry := range list {
		words, _ := entry.([]any)
		var signature []string
		for _, word := range words {
			signature = append(signature, fmt.Sprint(word))
		}
		if len(signature) > 0 {
			signatures = append(signatures, signature)
		}
	}
	return signatures, nil
}

// namesOf returns the names of the parameters of a function, as far as they are
// known. Servers other than Parley's have no method that tells them.
func namesOf(ctx context.Context, caller rpc.Caller, name string) ([]string, error) {
	names, err := rpc.Invoke[[]string](ctx, caller, "system.methodParams", name)
	if f := new(rpc.Fault); errors.As(err, &f) {
		return nil, nil
	}
	return names, err
}
