package main

import (
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
	// The first word is the command, and flags of a command stand behind it.
	arranged := append([]string{words[0]}, flags...)
	if len(words) > 1 {
		arranged = append(append(arranged, "--"), words[1:]...)
	}
	return arranged
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
	nodes := append([]*kong.Node{app.Node}, app.Children...)
	for _, n := range nodes {
		for _, f := range n.Flags {
			if f.Name == name {
				return !f.IsBool() && !f.IsCounter()
			}
		}
	}
	return false
}
