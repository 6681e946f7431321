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

func commandWords(app *kong.Application) string {
	var words []string
	for _, n := range app.Children {
		words = append(words, n.Name)
	}
	return strings.Join(words, " ")
}

func bashScript(w io.Writer, app *kong.Application) {
	fmt.Fprintf(w, `_parley() {
	local word=${COMP_WORDS[COMP_CWORD]} words
	case ${COMP_WORDS[1]} in
`)
	for _, n := range app.Children {
		fmt.Fprintf(w, "	%s) words='%s' ;;\n", n.Name, flagWords(n))
	}
	fmt.Fprintf(w, `	*) words='%s %s' ;;
	esac
	if ((COMP_CWORD == 1)) || [[ $word == -* ]]; then
		COMPREPLY=($(compgen -W "$words" -- "$word"))
	elif [[ $word == @* ]]; then
		COMPREPLY=($(compgen -P @ -f -- "${word#@}"))
	else
		COMPREPLY=($(compgen -f -- "$word"))
	fi
}
complete -F _parley parley
`, commandWords(app), flagWords(app.Node))
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
	for _, n := range app.Children {
		for _, f := range n.Flags {
			if f.Hidden || f.Name == "help" {
				continue
			}
			needs := ""
			if !f.IsBool() {
				needs = " -r"
			}
			fmt.Fprintf(w, "complete -c parley -n '__fish_seen_subcommand_from %s' -l %s%s -d %s\n", n.Name, f.Name, needs, quote(f.Help))
		}
	}
}
