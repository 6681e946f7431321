package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley-rpc/parley/cmd/parley/internal/dial"
	"github.com/parley-rpc/parley/cmd/parley/internal/load"
	"github.com/parley-rpc/parley/cmd/parley/internal/login"
	"github.com/parley-rpc/parley/cmd/parley/internal/notation"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
	"github.com/parley-rpc/parley/internal/compare"
)

// compareAgainst are the flags and arguments with which servers that run already
// are compared.
type compareAgainst struct {
	Against bool     `help:"Compare servers that run already: the URL or URLs of one function, its name, and its arguments."`
	Words   []string `arg:"" optional:"" name:"url… method arg…" help:"With --against: one URL or more, or the name of a profile; the function; arguments as those of call. It is called many times."`

	Timeout      time.Duration `default:"${timeout}" help:"With --against, time for each call."`
	User         string        `placeholder:"NAME" help:"User name for HTTP. The password is read from --password-file, or else from standard input."`
	PasswordFile string        `placeholder:"FILE" help:"File with the password of --user."`
	login.Flags
	login.AuthkeyFlags

	given func(flag string) bool
}

// Resolve is called with what stands on the command line, before run.
func (c *compareAgainst) Resolve(given func(flag string) bool) error {
	c.given = given
	return nil
}

// checkAgainst refuses what goes with servers of the user's own alone, or not with them.
func (c *compareCommand) checkAgainst() error {
	if !c.Against {
		for _, flag := range []string{"timeout", "user", "password-file", "credential-file", "pin", "ca", "cert", "key", "authkey-file", "allow-md5", "dangerously-allow-short-key"} {
			if c.given != nil && c.given(flag) {
				return usage.Errorf("--%s is for --against", flag)
			}
		}
		if len(c.Words) > 0 {
			return usage.Errorf("unexpected argument %s; to compare servers of your own, add --against", terminal.Printable(c.Words[0]))
		}
		return nil
	}
	for flag, there := range map[string]bool{
		"--quick": c.Quick, "--full": c.Full, "--lanes": c.Lanes != nil, "--work": c.Work != nil, "--no-python": c.NoPython,
	} {
		if there {
			return usage.Errorf("%s and --against do not go together: the servers, and what is called, are those that you name", flag)
		}
	}
	if urls, rest := c.servers(); len(rest) == 0 || len(urls) == 0 {
		return usage.Errorf("--against wants a URL, or several, and a method: parley compare --against URL… METHOD ARG…")
	}
	return nil
}

// servers are the URLs among the words, the first of which may be the name of a
// profile, and what follows them.
func (c *compareAgainst) servers() (urls, rest []string) {
	if len(c.Words) == 0 {
		return nil, nil
	}
	n := 1
	for n < len(c.Words) && dial.IsURL(c.Words[n]) {
		n++
	}
	return c.Words[:n], c.Words[n:]
}

// prepareAgainst checks what connecting to the servers needs, and reads keys,
// passwords and arguments.
func (c *compareCommand) prepareAgainst(std terminal.Streams) (*load.Options, error) {
	urls, rest := c.servers()
	targets := make([]dial.Target, len(urls))
	for i, url := range urls {
		targets[i] = dial.Target{
			URL: url, Timeout: c.Timeout, User: c.User, PasswordFile: c.PasswordFile,
			Flags: c.Flags, AuthkeyFlags: c.AuthkeyFlags,
		}
		if err := targets[i].Resolve(c.given); err != nil {
			return nil, err
		}
	}
	// The arguments come last: @- takes what a password has left of standard input.
	method, texts := rest[0], rest[1:]
	o := &load.Options{Rate: c.Rate, Title: callTitle(method, texts)}
	for i := range targets {
		s, err := load.Prepare(std, &targets[i], method)
		if err != nil {
			return nil, err
		}
		o.Servers = append(o.Servers, s)
	}
	args, err := notation.Arguments(texts, std.In)
	if err != nil {
		return nil, err
	}
	for i := range o.Servers {
		o.Servers[i].Request.Args = args
	}
	return o, nil
}

// callTitle is a call as a person writes it, in not too many words.
func callTitle(method string, args []string) string {
	const most = 40
	return terminal.Cut(terminal.Printable(fmt.Sprintf("%s(%s)", method, strings.Join(args, ", "))), most)
}

// measureAgainst measures servers of the user's own.
func (c *compareCommand) measureAgainst(ctx context.Context, o *load.Options, p *terminal.Progress) (*compare.Result, error) {
	o.Progress = p.Set
	r, err := load.Against(ctx, *o)
	if err != nil {
		return nil, err
	}
	words := slices.Clone(c.Words)
	for i, w := range words {
		words[i] = shellWord(w)
	}
	r.Command = "parley compare"
	if c.Rate > 0 {
		r.Command += fmt.Sprintf(" --rate %v", c.Rate)
	}
	r.Command += " --against " + strings.Join(words, " ")
	r.Version = readBuild().line()
	r.Judge()
	return r, nil
}

// shellWord is a word as a shell takes it.
func shellWord(word string) string {
	plain := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_./:@%+=,", c)
	}
	if word != "" && !strings.ContainsFunc(word, func(c rune) bool { return !plain(c) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
