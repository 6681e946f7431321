// Command parley serves functions on both of Parley's transports, calls them,
// and shows the transports side by side:
//
//	parley demo                     every kind of client, then a comparison
//	parley serve                    serve the adder, a catalogue and more
//	parley call URL METHOD [ARG…]   call a function, the result as JSON
//	parley list URL                 the functions that there are
//	parley describe URL             what they take and do
//	parley ping URL                 whether a server answers, and how fast
//	parley bench URL METHOD [ARG…]  calls a second, latency, what a call costs
//	parley compare                  the transports side by side, measured
//	parley auth add ID …            the credentials that callers log in with
//	parley profiles                 the servers that have names
//	parley version                  what this program was built from
//
// Here is what each command does. What they have in common, and what is larger than
// a command, is in packages below internal: the exit codes in exit, what an argument
// of a call can be in notation.
package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/parley-rpc/parley/cmd/parley/internal/dial"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
	"github.com/parley-rpc/parley/internal/compare/lanes"
	"github.com/parley-rpc/parley/rpc/value"
)

func main() {
	// A client of net/http logs there what its caller is told as well, beside the
	// one line that says why a command failed.
	log.SetOutput(io.Discard)
	lanes.RunChild(os.Args[1:]) // a comparison starts this program again
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// commands is the command line.
type commands struct {
	Demo       demoCommand       `cmd:"" help:"Serve the adder on both transports, call it with every kind of client, and compare the transports."`
	Serve      serveCommand      `cmd:"" help:"Serve functions over XML-RPC and the native channel."`
	Call       callCommand       `cmd:"" help:"Call a function and print its result as JSON."`
	List       listCommand       `cmd:"" help:"List the functions of a server."`
	Describe   describeCommand   `cmd:"" help:"Tell what the functions of a server take, return and do."`
	Ping       pingCommand       `cmd:"" help:"Ask a server for a sign of life and print how long it took."`
	Bench      benchCommand      `cmd:"" help:"Call a function again and again: calls per second, latency, what a call costs."`
	Compare    compareCommand    `cmd:"" help:"Measure the transports side by side: which one to take, and what it costs."`
	Auth       authCommand       `cmd:"" help:"Make and keep the credentials that callers log in with."`
	Profiles   profilesCommand   `cmd:"" help:"List the servers that have names."`
	Version    versionCommand    `cmd:"" help:"Print the version, and what it was built from."`
	Completion completionCommand `cmd:"" help:"Print a script that completes parley's command line in a shell."`

	Complete completeCommand `cmd:"" name:"__complete" hidden:"" help:"Print what could come next on a command line."`

	ShowVersion versionFlag `name:"version" help:"Print the version, in one line."`
}

// A command does its work and returns why it failed; package exit says with which
// code the process then ends.
type command interface{ run(terminal.Streams) error }

// run is the whole program but for the end of the process.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	std := terminal.Streams{In: stdin, Out: stdout, Err: stderr}
	cmd, err := parse(args, std)
	if err == nil && cmd != nil {
		err = cmd.run(std)
		if t, ok := cmd.(interface{ Advise(error) error }); ok {
			err = t.Advise(err)
		}
	}
	return report(stderr, err)
}

// ended carries a code that kong ends the process with out of its parser.
type ended int

// parse returns the command that args ask for, nil if there is nothing to do
// any more because help or the version was asked for and printed.
func parse(args []string, std terminal.Streams) (cmd command, err error) {
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(ended); !ok {
				panic(p)
			}
			cmd, err = nil, nil
		}
	}()
	app, err := kong.New(&commands{},
		kong.Name("parley"),
		kong.Description("Parley serves plain Go functions over XML-RPC and over an authenticated native channel."),
		kong.Writers(std.Out, std.Err),
		kong.Exit(func(code int) { panic(ended(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true}),
		variables(),
	)
	if err != nil {
		return nil, fmt.Errorf("the command line is not set up correctly: %w", err)
	}
	addExamples(app.Model)
	if args, err = helpAsked(args, app.Model); err != nil {
		return nil, err
	}
	args = arrange(args, app.Model)
	parsed, err := app.Parse(args)
	if err != nil {
		return nil, notUnderstood(err, args, app.Model)
	}
	if err := checkGiven(parsed); err != nil {
		return nil, err
	}
	selected, ok := parsed.Selected().Target.Addr().Interface().(command)
	if !ok {
		return nil, errors.New("the command line is not set up correctly: a command cannot run")
	}
	if t, ok := selected.(interface {
		Resolve(given func(flag string) bool) error
	}); ok {
		return selected, t.Resolve(givenFlags(parsed))
	}
	return selected, nil
}

// notUnderstood says what is wrong with a command line that kong does not take.
func notUnderstood(err error, args []string, app *kong.Application) error {
	path := commandPath(args, app)
	words := commandWords(path)
	in := app.Node
	if len(path) > 0 {
		in = path[len(path)-1]
	}
	text, hint := err.Error(), ""
	if list := childNames(in); len(path) > 0 && len(list) > 0 { // kong names five
		text, _, _ = strings.Cut(text, "expected one of")
		hint = "expected one of " + strings.Join(list, ", ")
		if text != "" {
			hint = ": " + hint
		}
	}
	if strings.Contains(text, "missing unit in duration") { // an error without a type
		hint = "; a number of seconds has an s behind it, such as 5s"
	}
	return usage.Errorf("%s%s; see parley %s--help", text, hint, words)
}

// variables are what the help of commands has from elsewhere.
func variables() kong.Vars {
	return kong.Vars{"version": readBuild().line(), "timeout": dial.DefaultTimeout.String()}
}

// helpAsked makes "call --help" of "help call", and "--help" of nothing.
func helpAsked(args []string, app *kong.Application) ([]string, error) {
	if len(args) == 0 {
		return []string{"--help"}, nil
	}
	if args[0] != "help" {
		return args, nil
	}
	words := args[1:]
	path := commandPath(words, app)
	if len(path) < len(words) && !strings.HasPrefix(words[len(path)], "-") {
		in := app.Node
		if len(path) > 0 {
			in = path[len(path)-1]
		}
		hint := ""
		if near := usage.Nearest(words[len(path)], childNames(in)); near != "" {
			hint = fmt.Sprintf(", did you mean %q?", near)
		}
		return nil, usage.Errorf("there is no command %s%s%s; see parley --help", commandWords(path), value.Clip(words[len(path)], 64), hint)
	}
	return append(slices.Clone(words), "--help"), nil
}

// childNames are the commands below n that are not hidden.
func childNames(n *kong.Node) []string {
	var names []string
	for _, child := range n.Children {
		if !child.Hidden {
			names = append(names, child.Name)
		}
	}
	return names
}

// givenFlags reports which flags stand on the command line.
func givenFlags(parsed *kong.Context) func(name string) bool {
	return func(name string) bool {
		return slices.ContainsFunc(parsed.Path, func(p *kong.Path) bool { return p.Flag != nil && p.Flag.Name == name })
	}
}

// checkGiven refuses flags that are there and say nothing: --credentials "$FILE"
// without a FILE must not be the same as no --credentials.
// And of two --use one alone would count.
func checkGiven(parsed *kong.Context) error {
	uses := 0
	for _, p := range parsed.Path {
		if p.Flag == nil || p.Flag.Target.Kind() != reflect.String {
			continue
		}
		if p.Flag.Name == "use" {
			if uses++; uses > 1 {
				return usage.Errorf("--use is there more than once; a credential has one use: add another, with an id of its own and the same --identity")
			}
		}
		if parsed.FlagValue(p.Flag) == reflect.Zero(p.Flag.Target.Type()).Interface() {
			return usage.Errorf("--%s is empty; give it a value, or leave it out", p.Flag.Name)
		}
	}
	return nil
}

// commandWords are the words of a command, with a space behind each.
func commandWords(path []*kong.Node) string {
	var b strings.Builder
	for _, n := range path {
		b.WriteString(n.Name + " ")
	}
	return b.String()
}
