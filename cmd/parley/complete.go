package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/parley-rpc/parley/cmd/parley/internal/dial"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/internal/compare/lanes"
	pages "github.com/parley-rpc/parley/internal/compare/report"
	"github.com/parley-rpc/parley/rpc"
)

// completeCommand answers the scripts of completionCommand: it prints what could
// come next on a command line. It asks for nothing and never says why it knows
// nothing, for somebody is in the middle of typing.
type completeCommand struct {
	Words []string `arg:"" optional:"" help:"The words behind parley up to the cursor, the last of which may be empty."`

	app *kong.Application
}

// AfterApply is called by kong.
func (c *completeCommand) AfterApply(k *kong.Kong) error {
	c.app = k.Model
	return nil
}

// completeTime bounds how long somebody waits who has pressed the tab key.
const completeTime = time.Second

// run prints a line for each proposal, with what it is behind a tab, or ":files"
// and what the names of files have before them.
func (c *completeCommand) run(std terminal.Streams) error {
	found := make(chan proposals, 1)
	go func() { found <- complete(c.app, c.Words) }() // what hangs ends with the process, which is next
	select {
	case p := <-found:
		return p.print(std.Out)
	case <-time.After(completeTime):
		return nil
	}
}

// proposals are what could come next.
type proposals struct {
	list   []proposal
	files  bool   // the name of any file
	prefix string // of the word, which stands before what is proposed
}

type proposal struct{ word, what string }

func (p proposals) print(out io.Writer) error {
	var b strings.Builder
	for _, one := range p.list {
		fmt.Fprintf(&b, "%s\t%s\n", p.prefix+one.word, one.what)
	}
	if p.files {
		fmt.Fprintf(&b, ":files\t%s\n", p.prefix)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func (p *proposals) add(word, what string) {
	p.list = append(p.list, proposal{word, what})
}

// only leaves those that begin as the user has, and that no shell or terminal
// takes for something else.
func (p proposals) only(begin string) proposals {
	p.list = slices.DeleteFunc(p.list, func(one proposal) bool {
		return !strings.HasPrefix(one.word, begin) || terminal.Printable(one.word) != one.word || strings.ContainsAny(one.word, " \t\"'\\$`|&;<>(){}!*?")
	})
	return p
}

// complete returns what can stand in the place of the last of words.
func complete(app *kong.Application, words []string) proposals {
	if len(words) == 0 {
		words = []string{""}
	}
	before, word := words[:len(words)-1], words[len(words)-1]
	if len(before) > 0 && before[0] == "help" {
		before = before[1:]
	}
	l := readLineSoFar(app, before)
	name, value, inValue := strings.Cut(word, "=")
	switch {
	case l.flag != nil:
		return flagValues(l.flag, word)
	case !l.ended && inValue && strings.HasPrefix(name, "--"):
		f := findFlag(l.node, strings.TrimPrefix(name, "--"))
		if f == nil {
			return proposals{}
		}
		p := flagValues(f, value)
		p.prefix = name + "=" + p.prefix
		return p
	case !l.ended && strings.HasPrefix(word, "-"):
		return flagsOf(l.node).only(word)
	case len(l.node.Children) > 0 && len(l.words) == 0:
		return childrenOf(l.node).only(word)
	}
	return l.argument(word)
}

// lineSoFar is what stands before the word that is completed.
type lineSoFar struct {
	app   *kong.Application
	node  *kong.Node // the command
	words []string   // its arguments
	flags []string   // with their values
	flag  *kong.Flag // whose value comes next
	ended bool       // no flags come any more
}

func readLineSoFar(app *kong.Application, before []string) *lineSoFar {
	l := &lineSoFar{app: app, node: app.Node}
	for i := 0; i < len(before); i++ {
		word := before[i]
		switch {
		case l.ended || !strings.HasPrefix(word, "-") || word == "-" || isNumber(word):
			if child := findChild(l.node, word); child != nil && len(l.words) == 0 && !l.ended {
				l.node = child
			} else {
				l.words = append(l.words, word)
			}
		case word == "--":
			l.ended = true
		case !takesValue(app, word):
			l.flags = append(l.flags, word)
		case i+1 == len(before):
			l.flag = findFlag(app.Node, strings.TrimPrefix(word, "--"))
		default:
			i++
			l.flags = append(l.flags, word+"="+before[i])
		}
	}
	if l.flag != nil { // of this command, if it has one of that name
		if f := findFlag(l.node, l.flag.Name); f != nil {
			l.flag = f
		}
	}
	return l
}

func findChild(n *kong.Node, name string) *kong.Node {
	for _, child := range n.Children {
		if child.Name == name && !child.Hidden {
			return child
		}
	}
	return nil
}

// findFlag looks in a command, and then in those below it.
func findFlag(n *kong.Node, name string) *kong.Flag {
	for _, f := range n.Flags {
		if f.Name == name {
			return f
		}
	}
	for _, child := range n.Children {
		if f := findFlag(child, name); f != nil {
			return f
		}
	}
	return nil
}

func childrenOf(n *kong.Node) proposals {
	var p proposals
	for _, child := range n.Children {
		if !child.Hidden {
			p.add(child.Name, firstSentence(child.Help))
		}
	}
	if n.Parent == nil {
		p.add("help", "Show the help of a command.")
	}
	return p
}

func flagsOf(n *kong.Node) proposals {
	var p proposals
	p.add("--help", "Show context-sensitive help.")
	for at := n; at != nil; at = at.Parent {
		for _, f := range at.Flags {
			if !f.Hidden && f.Name != "help" {
				p.add("--"+f.Name, firstSentence(f.Help))
			}
		}
	}
	return p
}

// flagValues are the values that a flag may have. Of a list between commas it is the
// last name that is completed, to one that is not there yet.
func flagValues(f *kong.Flag, word string) proposals {
	names, list := namesFor(f.Name)
	if names == nil {
		return valuesOf(f.Value).only(word)
	}
	var p proposals
	var there []string
	if i := strings.LastIndexByte(word, ',') + 1; list {
		p.prefix, word = word[:i], word[i:]
		there = strings.Split(p.prefix, ",")
	}
	for _, name := range names {
		if !slices.Contains(there, name) {
			p.add(name, "")
		}
	}
	return p.only(word)
}

// namesFor are the names that a flag takes which kong knows nothing of, and whether
// it takes a list of them.
func namesFor(flag string) (names []string, list bool) {
	switch flag {
	case "lanes":
		return lanes.Names(), true
	case "work":
		return append(lanes.WorkForms(), lanes.WorkNames()...), true
	case "plot":
		return pages.Plots(), false
	case "log-level":
		return []string{slog.LevelDebug.String(), slog.LevelInfo.String(), slog.LevelWarn.String(), slog.LevelError.String()}, false
	}
	return nil, false
}

// valuesOf are the values that a flag or an argument may have.
func valuesOf(v *kong.Value) proposals {
	var p proposals
	if v.Enum == "" {
		p.files = v.Flag == nil || v.Flag.PlaceHolder == "FILE"
		return p
	}
	for _, one := range v.EnumSlice() {
		p.add(one, "")
	}
	return p
}

// firstSentence is enough to tell one from the other.
func firstSentence(help string) string {
	if i := strings.Index(help, ". "); i >= 0 {
		help = help[:i]
	}
	return strings.ReplaceAll(help, "\n", " ")
}

// argument completes an argument of the command.
func (l *lineSoFar) argument(word string) proposals {
	args := l.node.Positional
	if len(args) == 0 {
		return proposals{}
	}
	if l.node.Name == "compare" {
		return l.against(word)
	}
	switch arg := args[min(len(l.words), len(args)-1)]; arg.Name {
	case "url":
		return serverNames().only(word)
	case "method":
		return l.methods().only(word)
	case "args":
		return fileArgument(word)
	case "id":
		return proposals{}
	default:
		return valuesOf(arg).only(word)
	}
}

// fileArgument completes an argument of a function, of which only a file is known.
func fileArgument(word string) proposals {
	rest, ok := strings.CutPrefix(word, "@")
	if !ok || rest == "-" {
		return proposals{}
	}
	return proposals{files: true, prefix: "@"}
}

// against completes what stands behind compare --against: servers, and once there
// is one the functions of the first, then arguments.
func (l *lineSoFar) against(word string) proposals {
	if !slices.Contains(l.flags, "--against") {
		return proposals{}
	}
	n, err := dial.Servers(l.words)
	if err != nil || n < len(l.words) {
		return fileArgument(word)
	}
	p := serverNames().only(word)
	if n > 0 {
		p.list = append(p.list, l.methods().only(word).list...)
	}
	return p
}

// serverNames are the profiles.
func serverNames() proposals {
	var p proposals
	all, err := dial.LoadProfiles()
	if err != nil {
		return p
	}
	for _, name := range all.All() {
		p.add(name, terminal.Printable(all.Server[name].URL))
	}
	return p
}

// methods asks the server of the line for its functions, with the flags that
// stand there. A password is not asked for.
func (l *lineSoFar) methods() proposals {
	var p proposals
	quiet := terminal.Streams{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}
	target := l.target(quiet)
	if target == nil || target.User != "" && target.PasswordFile == "" {
		return p
	}
	target.Timeout = min(target.Timeout, completeTime)
	_ = target.Use(quiet, func(ctx context.Context, caller rpc.Caller) error {
		names, err := rpc.Invoke[[]string](ctx, caller, "system.listMethods")
		for _, name := range names {
			if !strings.HasPrefix(name, "-") { // a flag, which a server has no say in
				p.add(name, "")
			}
		}
		return err
	})
	return p
}

// target is the server of the line, the first of several; nil if the line is of no
// use.
func (l *lineSoFar) target(quiet terminal.Streams) *dial.Target {
	if l.node.Name == "compare" {
		cmd, err := parse(slices.Concat([]string{"compare"}, l.flags, []string{"--"}, l.words), quiet)
		c, ok := cmd.(*compareCommand)
		if err != nil || !ok {
			return nil
		}
		targets, err := c.targets(c.Words)
		if err != nil {
			return nil
		}
		return &targets[0]
	}
	line := []string{"list"}
	for _, f := range l.flags {
		name, _, _ := strings.Cut(strings.TrimPrefix(f, "--"), "=")
		if list := findChild(l.app.Node, "list"); slices.ContainsFunc(list.Flags, func(f *kong.Flag) bool { return f.Name == name }) {
			line = append(line, f)
		}
	}
	cmd, err := parse(append(line, "--", l.words[0]), quiet)
	list, ok := cmd.(*listCommand)
	if err != nil || !ok {
		return nil
	}
	return &list.Target
}
