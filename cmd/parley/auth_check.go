package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
)

// authCheckCommand looks for mistakes before a server does.
type authCheckCommand struct {
	File                     string `arg:"" optional:"" help:"The file of credentials."`
	Config                   string `placeholder:"FILE" help:"A config file of serve instead, with all that it names."`
	DangerouslyAllowShortKey bool   `help:"Let authkeys of fewer than 32 bytes pass."`
}

// Help is what kong shows below the short help.
func (*authCheckCommand) Help() string {
	return `What would keep a server from starting is an error, and ends with exit code 2. What only looks wrong is a warning on standard output: credentials that expire within 14 days, hashes that are cheaper than those made today, identities that no policy names, and names in a policy that no credential proves.`
}

func (c *authCheckCommand) run(std terminal.Streams) error {
	if (c.File == "") == (c.Config == "") {
		return usage.Errorf("want a file of credentials, or --config FILE, and not both")
	}
	check := checker{now: time.Now()}
	cfg := config{Credentials: c.File, DangerouslyAllowShortKey: c.DangerouslyAllowShortKey}
	if c.Config != "" {
		f, err := loadConfig(c.Config)
		if err != nil {
			return err
		}
		cfg = f.config
	}
	a := service{cfg: cfg, path: c.Config}
	if err := a.check(); err != nil {
		return err
	}
	if a.creds != nil {
		entries := a.creds.Entries()
		if err := check.credentials(cfg.Credentials, entries); err != nil {
			return err
		}
		if c.Config != "" {
			check.listeners(c.Config, cfg, entries)
		}
	}
	if cfg.Policy != nil {
		check.policy(c.Config, cfg, a.creds)
	}
	if err := check.certificates(a.certs); err != nil {
		return err
	}
	return check.print(std.Out, cmp.Or(c.Config, c.File))
}

// print tells the warnings, and then how it went; a terminal sees that at once.
func (c *checker) print(out io.Writer, path string) error {
	paint, mark := terminal.NewPainter(out), ""
	if terminal.Width(out) > 0 {
		mark = paint.Success("✓ ")
		if len(c.warnings) > 0 {
			mark = paint.Warning("! ")
		}
	}
	for _, w := range c.warnings {
		if _, err := fmt.Fprintln(out, strings.Replace(w, ": warning: ", ": "+paint.Warning("warning:")+" ", 1)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(out, "%s%s: %s\n", mark, path, c.summary())
	return err
}

func (c *checker) summary() string {
	return "no errors, " + terminal.Several(len(c.warnings), "warning") + ", " + terminal.Several(c.entries, "credential")
}
