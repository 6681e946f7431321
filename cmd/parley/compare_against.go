package main

import (
	"context"
	"errors"
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
	"github.com/parley-rpc/parley/rpc"
)

// compareAgainst are the flags and arguments with which servers that run already
// are compared.
type compareAgainst struct {
	Against bool     `help:"Compare servers that run already: the URLs of one function, its name, and its arguments."`
	Words   []string `arg:"" optional:"" name:"url… method arg…" help:"With --against: the servers, each by its URL or the name of a profile; the function; arguments as those of call. It is called many times."`

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
		for _, flag := range append([]string{"timeout"}, dial.LoginFlags()...) {
			if c.given != nil && c.given(flag) {
				return usage.Errorf("--%s is for --against", flag)
			}
		}
		if len(c.Words) > 0 {
			return usage.Errorf("unexpected argument %s; to compare servers of your own, add --against", terminal.Printable(c.Words[0]))
		}
		return nil
	}
	for flag, there := range map[string]bool{"--lanes": c.Lanes != nil, "--work": c.Work != nil, "--no-python": c.NoPython} {
		if there {
			return usage.Errorf("%s and --against do not go together: the servers, and what is called, are those that you name", flag)
		}
	}
	servers, rest, err := c.servers()
	switch {
	case err != nil:
		return err
	case len(servers) == 0 || len(rest) == 0:
		return usage.Errorf("--against wants a URL or the name of a profile, or several, and a function: parley compare --against URL… METHOD ARG…")
	case strings.Contains(rest[0], "://"):
		return usage.Errorf("%s stands where a server or the function would, and is neither; %s", terminal.Printable(rest[0]), dial.URLsBegin())
	}
	return nil
}

// servers are the URLs and the names of profiles that the words begin with, and
// what follows them. The first word is one in any case: it may be misspelt.
func (c *compareAgainst) servers() (servers, rest []string, err error) {
	n, err := dial.Servers(c.Words)
	n = min(max(n, 1), len(c.Words))
	return c.Words[:n], c.Words[n:], err
}

// prepareAgainst checks what connecting to the servers needs, and reads keys,
// passwords and arguments.
func (c *compareCommand) prepareAgainst(std terminal.Streams) (*load.Options, error) {
	servers, rest, err := c.servers()
	if err != nil {
		return nil, err
	}
	targets, err := dial.Several(servers, dial.Target{
		Timeout: c.Timeout, User: c.User, PasswordFile: c.PasswordFile,
		Flags: c.Flags, AuthkeyFlags: c.AuthkeyFlags,
	}, c.given)
	if err != nil {
		return nil, err
	}
	// The arguments come last: @- takes what a password has left of standard input.
	method, texts := rest[0], rest[1:]
	o := &load.Options{Rate: c.Rate, Title: callTitle(method, texts)}
	switch {
	case c.Quick:
		o.Turn, o.WarmUp = quickTurn(len(targets)), 100*time.Millisecond
	case c.Full:
		o.Rounds = fullRounds
	}
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

// fullRounds are as many turns of a server at a work as --full makes.
const fullRounds = 15

// quickTurn is how long a turn is with --quick, so that the turns of all servers
// take ten seconds at most: five at each of three works.
func quickTurn(servers int) time.Duration {
	return min(300*time.Millisecond, 10*time.Second/time.Duration(5*3*servers))
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
		return nil, meantProfile(err, o.Servers[0].Request.Method)
	}
	r.Command = c.againstLine()
	r.Version = readBuild().line()
	r.Judge()
	return r, nil
}

// meantProfile says of a function that no server has which profile it may be.
func meantProfile(err error, method string) error {
	var fault *rpc.Fault
	if !errors.As(err, &fault) || fault.Code != rpc.CodeMethodNotFound {
		return err
	}
	if near := dial.NearProfile(method); near != "" {
		return usage.Hint(err, "no profile has the name "+terminal.Printable(method)+", so it was taken for the function; did you mean "+near+"?")
	}
	return err
}

// againstLine is the command that measures the same again. Secrets are in files,
// of which it has the names.
func (c *compareCommand) againstLine() string {
	words := []string{"parley compare"}
	add := func(given bool, more ...string) {
		if given {
			words = append(words, more...)
		}
	}
	file := func(flag, path string) { add(path != "", "--"+flag, shellWord(path)) }
	add(c.Quick, "--quick")
	add(c.Full, "--full")
	add(c.Rate > 0, "--rate", fmt.Sprint(c.Rate))
	add(c.given("timeout"), "--timeout", c.Timeout.String())
	file("user", c.User)
	file("password-file", c.PasswordFile)
	file("credential-file", c.CredentialFile)
	file("pin", c.Pin)
	file("ca", c.CA)
	file("cert", c.Cert)
	file("key", c.Key)
	file("authkey-file", c.AuthkeyFile)
	add(c.AllowMD5, "--allow-md5")
	add(c.DangerouslyAllowShortKey, "--dangerously-allow-short-key")
	add(true, "--against")
	add(slices.ContainsFunc(c.Words, func(w string) bool { return strings.HasPrefix(w, "-") }), "--")
	for _, w := range c.Words {
		add(true, shellWord(w))
	}
	return strings.Join(words, " ")
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
