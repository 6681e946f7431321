package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// listCommand prints the names of the functions of a server, one a line.
type listCommand struct{ target }

func (c *listCommand) run(std stdio) error {
	return c.use(std, func(ctx context.Context, caller rpc.Caller) error {
		names, err := rpc.Invoke[[]string](ctx, caller, "system.listMethods")
		if err != nil {
			return err
		}
		for _, name := range names {
			if _, err := fmt.Fprintln(std.out, printable(name)); err != nil {
				return err
			}
		}
		return nil
	})
}

// describeCommand prints the signatures and the help of functions.
type describeCommand struct {
	target
	Methods []string `arg:"" optional:"" name:"method" help:"The functions to describe. Default: all."`
}

func (c *describeCommand) run(std stdio) error {
	return c.use(std, func(ctx context.Context, caller rpc.Caller) error {
		names := c.Methods
		if len(names) == 0 {
			var err error
			if names, err = rpc.Invoke[[]string](ctx, caller, "system.listMethods"); err != nil {
				return err
			}
		}
		for i, name := range names {
			if i > 0 {
				fmt.Fprintln(std.out)
			}
			if err := describe(ctx, caller, std.out, name); err != nil {
				return err
			}
		}
		return nil
	})
}

func describe(ctx context.Context, caller rpc.Caller, out io.Writer, name string) error {
	signatures, err := signaturesOf(ctx, caller, name)
	if err != nil {
		return err
	}
	help, err := rpc.Invoke[string](ctx, caller, "system.methodHelp", name)
	if err != nil {
		return err
	}
	names, err := namesOf(ctx, caller, name)
	if err != nil {
		return err
	}
	for _, s := range signatures {
		fmt.Fprintf(out, "%s(%s) -> %s\n", printable(name), printable(strings.Join(named(names, s[1:]), ", ")), printable(s[0]))
	}
	if len(signatures) == 0 {
		fmt.Fprintf(out, "%s(%s)\n", printable(name), printable(strings.Join(append(names, "…"), ", ")))
	}
	for line := range strings.Lines(help) {
		if line = strings.TrimRight(line, " \r\n"); line != "" {
			if _, err := fmt.Fprintln(out, "   ", printable(line)); err != nil {
				return err
			}
		}
	}
	return nil
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

// named puts names before types: "pid int".
func named(names, types []string) []string {
	var list []string
	for i, t := range types {
		if i < len(names) {
			t = names[i] + " " + t
		}
		list = append(list, t)
	}
	return list
}

// printable escapes what a server could use to play with a terminal.
func printable(text string) string {
	quoted := string(appendText(nil, text))
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// pingCommand asks for a sign of life, first with a new connection and then
// over the same one.
type pingCommand struct{ target }

func (c *pingCommand) run(std stdio) error {
	begin := time.Now()
	return c.use(std, func(ctx context.Context, caller rpc.Caller) error {
		answer, err := rpc.Invoke[any](ctx, caller, "system.ping")
		if err != nil {
			return err
		}
		if answer != "pong" {
			return errors.New("system.ping did not answer pong; is this a Parley server?")
		}
		first, again := time.Since(begin), time.Now()
		if _, err := rpc.Invoke[any](ctx, caller, "system.ping"); err != nil {
			return err
		}
		_, err = fmt.Fprintf(std.out, "pong: %s with connecting, %s over the same connection\n", inMilliseconds(first), inMilliseconds(time.Since(again)))
		return err
	})
}

func inMilliseconds(d time.Duration) string { return fmt.Sprintf("%.2f ms", d.Seconds()*1000) }
