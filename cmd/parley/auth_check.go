package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/parley-rpc/parley/cmd/parley/internal/login"
	"github.com/parley-rpc/parley/cmd/parley/internal/service"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
)

// authCheckCommand looks for mistakes before a server does.
type authCheckCommand struct {
	Path                     string `arg:"" optional:"" name:"file" help:"The file of credentials."`
	File                     string `placeholder:"FILE" help:"The same, as the other commands have it."`
	Config                   string `placeholder:"FILE" help:"A config file of serve instead, with all that it names."`
	DangerouslyAllowShortKey bool   `help:"Let authkeys of fewer than 32 bytes pass."`
}

// Help is what kong shows below the short help.
func (*authCheckCommand) Help() string {
	return `What would keep a server from starting is an error, and ends with exit code 2. What only looks wrong is a warning on standard output: credentials that expire within 14 days, hashes that are cheaper than those made today, identities that no policy names, and names in a policy that no credential proves.`
}

func (c *authCheckCommand) run(std terminal.Streams) error {
	if c.Path != "" && c.File != "" {
		return usage.Errorf("the file of credentials is there twice: %s, and --file %s", terminal.Printable(c.Path), terminal.Printable(c.File))
	}
	c.File = cmp.Or(c.File, c.Path)
	if (c.File == "") == (c.Config == "") {
		return usage.Errorf("want a file of credentials, or --config FILE, and not both")
	}
	s := service.New(service.Config{Credentials: c.File, DangerouslyAllowShortKey: c.DangerouslyAllowShortKey}, login.AuthkeyFlags{})
	if c.Config != "" {
		var err error
		if s, err = service.FromFile(c.Config); err != nil {
			return err
		}
	}
	found, err := s.Check()
	if err != nil {
		return err
	}
	return printFindings(std.Out, found, cmp.Or(c.Config, c.File))
}

// printFindings tells the warnings, and then how it went; a terminal sees that at once.
func printFindings(out io.Writer, found service.Findings, path string) error {
	paint, mark := terminal.NewPainter(out), ""
	if terminal.Width(out) > 0 {
		mark = paint.Success("✓ ")
		if len(found.Warnings) > 0 {
			mark = paint.Warning("! ")
		}
	}
	for _, w := range found.Warnings {
		if _, err := fmt.Fprintln(out, strings.Replace(w, ": warning: ", ": "+paint.Warning("warning:")+" ", 1)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(out, "%s%s: no errors, %s, %s\n", mark, path, terminal.Several(len(found.Warnings), "warning"), terminal.Several(found.Entries, "credential"))
	return err
}
