package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// completionCommand prints a script for a shell.
type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish. To try it: source <(parley completion bash)"`

	app *kong.Application
}

// AfterApply is called by kong; the scripts are made from the command line as
// it is described to it.
func (c *completionCommand) AfterApply(k *kong.Kong) error {
	c.app = k.Model
	return nil
}

func (c *completionCommand) run(std stdio) error {
	write := map[string]func(io.Writer, *kong.Application){"bash": bashScript, "zsh": zshScript, "fish": fishScript}[c.Shell]
	var b strings.Builder
	write(&b, c.app)
	_, err := io.WriteString(std.out, b.String())
	return err
}

// flagWords are what can follow a command: the names of its flags.
func flagWords(n *kong.Node) string {
	words := []string{"--help"}
	for _, f := range n.Flags {
		if !f.Hidden && f.Name != "help" {
			words = append(words, "--"+f.Name)
		}
	}
	return strings.Join(words, " ")
}

// childWords are the commands below n.
func childWords(n *kong.Node) string {
	var words []string
	for _, child := range n.Children {
		words = append(words, child.Name)
	}
	return strings.Join(words, " ")
}

func bashScript(w io.Writer, app *kong.Application) {
	var groups []string
	for _, n := range app.Children {
		if len(n.Children) > 0 {
			groups = append(groups, n.Name)
		}
	}
	fmt.Fprintf(w, `_parley() {
	local word=${COMP_WORDS[COMP_CWORD]} words command= choose=
	((COMP_CWORD > 1)) && command=${COMP_WORDS[1]}
	case $command in %s) ((COMP_CWORD > 2)) && command+=" ${COMP_WORDS[2]}" ;; esac
	case $command in
`, strings.Join(groups, "|"))
	for _, n := range app.Children {
		for _, child := range n.Children {
			fmt.Fprintf(w, "	'%s %s') words='%s' ;;\n", n.Name, child.Name, flagWords(child))
		}
		if len(n.Children) > 0 {
			fmt.Fprintf(w, "	%s) words='%s %s' choose=1 ;;\n", n.Name, childWords(n), flagWords(n))
		} else {
			fmt.Fprintf(w, "	%s) words='%s' ;;\n", n.Name, flagWords(n))
		}
	}
	fmt.Fprintf(w, `	'') words='%s %s' choose=1 ;;
	*) words='%[2]s' ;;
	esac
	if [[ $choose || $word == -* ]]; then
		COMPREPLY=($(compgen -W "$words" -- "$word"))
	elif [[ $word == @* ]]; then
		COMPREPLY=($(compgen -P @ -f -- "${word#@}"))
	else
		COMPREPLY=($(compgen -f -- "$word"))
	fi
}
complete -F _parley parley
`, childWords(app.Node), flagWords(app.Node))
}

func zshScript(w io.Writer, app *kong.Application) {
	fmt.Fprint(w, "autoload -U +X bashcompinit && bashcompinit\n")
	bashScript(w, app)
}

func fishScript(w io.Writer, app *kong.Application) {
	quote := func(s string) string {
		return "'" + strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), "'", `\'`) + "'"
	}
	for _, n := range app.Children {
		fmt.Fprintf(w, "complete -c parley -n __fish_use_subcommand -f -a %s -d %s\n", n.Name, quote(n.Help))
	}
	flags := func(when string, n *kong.Node) {
		for _, f := range n.Flags {
			if f.Hidden || f.Name == "help" {
				continue
			}
			needs := ""
			if !f.IsBool() {
				needs = " -r"
			}
			fmt.Fprintf(w, "complete -c parley -n '%s' -l %s%s -d %s\n", when, f.Name, needs, quote(f.Help))
		}
	}
	// A command and one inside of a group may have the same name.
	const seen = "__fish_seen_subcommand_from "
	var elsewhere strings.Builder
	for _, n := range app.Children {
		if len(n.Children) > 0 {
			elsewhere.WriteString("; and not " + seen + n.Name)
		}
	}
	for _, n := range app.Children {
		if len(n.Children) == 0 {
			flags(seen+n.Name+elsewhere.String(), n)
			continue
		}
		flags(seen+n.Name, n)
		for _, child := range n.Children {
			fmt.Fprintf(w, "complete -c parley -n '%s; and not %s' -f -a %s -d %s\n", seen+n.Name, seen+childWords(n), child.Name, quote(child.Help))
			flags(seen+n.Name+"; and "+seen+child.Name, child)
		}
	}
}
