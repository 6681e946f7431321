package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
	"github.com/parley-rpc/parley/rpc/value"
)

// authCommand makes and keeps the credentials that callers log in with.
type authCommand struct {
	Keygen keygenCommand    `cmd:"" help:"Make a key for a client, or an authkey."`
	Add    addCommand       `cmd:"" help:"Add a credential to a file of them."`
	Passwd passwdCommand    `cmd:"" help:"Give a credential a new secret."`
	List   authListCommand  `cmd:"" help:"List the credentials of a file, without their secrets."`
	Revoke revokeCommand    `cmd:"" help:"Take credentials away."`
	Check  authCheckCommand `cmd:"" help:"Look for mistakes in a file of credentials, or in a config file and all that it names."`
}

// keygenCommand makes a secret that no file of credentials knows yet.
type keygenCommand struct {
	ID      string `arg:"" optional:"" help:"The id of the credential that the key is for, such as deploy-bot.k1."`
	Authkey bool   `help:"Make an authkey instead, which both sides of a challenge keep: serve --authkey-file."`
	Out     string `required:"" placeholder:"FILE" help:"New file for it, readable by you alone; - prints it."`
}

// Help is what kong shows below the short help.
func (*keygenCommand) Help() string {
	return `A client names the file with --credential-file. A server gets to know the key by: parley auth add ID --secret-file FILE …`
}

func (c *keygenCommand) run(std terminal.Streams) error {
	if (c.ID == "") != c.Authkey {
		return usage.Errorf("want the id of a credential, or --authkey, and not both")
	}
	if c.Authkey {
		key := auth.GenerateKey()
		return putSecret(std.Out, c.Out, string(key.Reveal()), key.WriteFile)
	}
	secret, err := auth.GenerateSecret(c.ID)
	if err != nil {
		return usage.Errorf("%v", err)
	}
	return putSecret(std.Out, c.Out, secret.Reveal(), secret.WriteFile)
}

// toStdout is the name of a file that stands for standard output.
const toStdout = "-"

// putSecret writes a secret to where the user wants it.
func putSecret(out io.Writer, path, text string, writeFile func(string) error) error {
	if path == toStdout {
		_, err := fmt.Fprintln(out, text)
		return err
	}
	err := writeFile(path)
	if errors.Is(err, fs.ErrExist) {
		return usage.Errorf("%s is there already, and a secret is never overwritten; name a new file", path)
	}
	if err != nil {
		return usage.Errorf("%v", err)
	}
	return nil
}

// credentialsFlag names the file that a command works on.
type credentialsFlag struct {
	File string `required:"" placeholder:"FILE" help:"The file of credentials."`
}

// lifetime bounds the life of a credential.
type lifetime struct {
	NotBefore moment `placeholder:"WHEN" help:"When it begins to be valid: 2027-01-31, 2027-01-31T12:00:00Z, or a time from now such as 90d or 12h."`
	NotAfter  moment `placeholder:"WHEN" help:"When it ends, likewise. A day counts to its end."`
}

// set puts the bounds that were given into an entry.
func (l lifetime) set(e *auth.Entry, now time.Time) error {
	if !l.NotBefore.IsZero() {
		e.NotBefore = l.NotBefore.Time
	}
	if !l.NotAfter.IsZero() {
		e.NotAfter = l.NotAfter.Time
		if l.NotAfter.day {
			e.NotAfter = e.NotAfter.AddDate(0, 0, 1)
		}
		if !e.NotAfter.After(now) {
			return usage.Errorf("--not-after %s is over; name a time to come", e.NotAfter.Format(time.RFC3339))
		}
	}
	if !e.NotAfter.IsZero() && !e.NotBefore.Before(e.NotAfter) {
		return usage.Errorf("the credential would begin at %s and end at %s", e.NotBefore.Format(time.RFC3339), e.NotAfter.Format(time.RFC3339))
	}
	return nil
}

// moment is a time on the command line, in UTC and whole seconds.
type moment struct {
	time.Time
	day bool // a day, without a time
}

func (m *moment) UnmarshalText(text []byte) error {
	s := string(text)
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		*m = moment{t, true}
		return nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		*m = moment{Time: t.UTC().Truncate(time.Second)}
		return nil
	}
	hours, isDays := strings.CutSuffix(s, "d")
	if isDays {
		hours += "h"
	}
	d, err := time.ParseDuration(hours)
	const most = 100 * 365 * 24 * time.Hour
	if isDays {
		if d > most/24 {
			err = errors.New("too long")
		}
		d *= 24
	}
	if err != nil || d <= 0 || d > most {
		return fmt.Errorf("got %q; want 2027-01-31, 2027-01-31T12:00:00Z, or a time from now such as 90d or 12h", value.Clip(s, 64))
	}
	*m = moment{Time: time.Now().Add(d).UTC().Truncate(time.Second)}
	return nil
}
