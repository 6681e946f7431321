package main

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// arrange puts the flags of a command line before its arguments, so that they
// may stand anywhere: "call URL add 3 --timeout 5s -3" becomes
// "call --timeout=5s -- URL add 3 -3". What looks like a number is an argument
// and no flag, and so is everything after a "--".
func arrange(args []string, app *kong.Application) []string {
	var flags, words []string
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			words = append(words, args[i+1:]...)
			i = len(args)
		case !strings.HasPrefix(arg, "-") || arg == "-" || isNumber(arg):
			words = append(words, arg)
		case i+1 < len(args) && takesValue(app, arg):
			i++
			flags = append(flags, arg+"="+args[i])
		default:
			flags = append(flags, arg)
		}
	}
	if len(words) == 0 {
		return flags
	}
	// The first word, or two of them, are the command, and its flags stand behind it.
	n := max(1, len(commandPath(words, app)))
	arranged := append(slices.Clone(words[:n]), flags...)
	if len(words) > n {
		arranged = append(append(arranged, "--"), words[n:]...)
	}
	return arranged
}

// commandPath returns the commands that words begin with: "call", or "auth" and
// then "add".
func commandPath(words []string, app *kong.Application) []*kong.Node {
	var path []*kong.Node
	in := app.Node
	for _, word := range words {
		i := slices.IndexFunc(in.Children, func(n *kong.Node) bool { return n.Name == word })
		if i < 0 {
			break
		}
		in = in.Children[i]
		path = append(path, in)
	}
	return path
}

// isNumber tells -3 and -.5 from flags.
func isNumber(arg string) bool {
	digits := strings.TrimPrefix(arg[1:], ".")
	return digits != "" && digits[0] >= '0' && digits[0] <= '9'
}

// takesValue reports whether arg is a long flag, of any command, whose value is
// the next word.
func takesValue(app *kong.Application, arg string) bool {
	name, ok := strings.CutPrefix(arg, "--")
	if !ok || strings.Contains(name, "=") {
		return false
	}
	return flagTakesValue(app.Node, name)
}

func flagTakesValue(n *kong.Node, name string) bool {
	for _, f := range n.Flags {
		if f.Name == name {
			return !f.IsBool() && !f.IsCounter()
		}
	}
	return slices.ContainsFunc(n.Children, func(child *kong.Node) bool { return flagTakesValue(child, name) })
}
