package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/cmd/parley/internal/login"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
	"github.com/parley-rpc/parley/rpc/value"
)

// addCommand adds a credential.
type addCommand struct {
	ID       string   `arg:"" help:"A new id, such as deploy-bot.k1; the user name of HTTP Basic."`
	Identity string   `placeholder:"NAME" help:"Whom it proves, and what a policy knows: several credentials may have the same. Default: the id."`
	Use      auth.Use `required:"" enum:"channel,http,authkey" placeholder:"USE" help:"What it logs in to: channel (tls:// and unix sockets), http (XML-RPC), or authkey (the challenge on one machine, which Python knows)."`
	credentialsFlag
	secretFlags
	lifetime
}

// Help is what kong shows below the short help.
func (*addCommand) Help() string {
	return `Without --generate and --secret-file a passphrase is asked for. A generated key is better wherever nobody has to remember it.

The file is made if it is not there, with mode 0600. What it keeps of a passphrase or key logs nobody in, but for authkeys, which a challenge needs as they are.`
}

func (c *addCommand) run(std terminal.Streams) error {
	if err := c.check(); err != nil {
		return err
	}
	if c.Identity == "" {
		c.Identity = c.ID
	}
	secret, err := c.get(std, c.Use, c.ID)
	if err != nil {
		return err
	}
	entry, err := secret.entry(c.Identity)
	if err == nil {
		err = c.set(&entry, time.Now())
	}
	if err != nil {
		return usage.Errorf("%v", err)
	}
	err = c.keep(std, secret, func() error {
		return edit(c.File, func(entries []auth.Entry) ([]auth.Entry, error) {
			if i := indexOf(entries, c.ID); i >= 0 {
				return nil, fmt.Errorf("there is a credential %s already, of %s; parley auth passwd gives it a new secret", c.ID, terminal.Printable(entries[i].Identity))
			}
			return append(entries, entry), nil
		})
	})
	if err == nil {
		fmt.Fprintf(std.Err, "parley: %s proves %s (%s); servers that use %s notice within a second\n", c.ID, terminal.Printable(c.Identity), c.Use, c.File)
	}
	return err
}

// passwdCommand replaces a secret.
type passwdCommand struct {
	ID string `arg:"" help:"The credential."`
	credentialsFlag
	secretFlags
	lifetime
}

// Help is what kong shows below the short help.
func (*passwdCommand) Help() string {
	return `The id, the identity and the use stay, and so does the life unless --not-before or --not-after says otherwise. A running server notices within a second: the old secret logs in no more, and connections that logged in with it are closed. To change a secret without a pause, add a second credential of the same identity, let the client use that, and revoke the first.`
}

func (c *passwdCommand) run(std terminal.Streams) error {
	if err := c.check(); err != nil {
		return err
	}
	old, err := c.find()
	if err != nil {
		return err
	}
	secret, err := c.get(std, old.Use, c.ID)
	if err != nil {
		return err
	}
	entry, err := secret.entry(old.Identity)
	if err != nil {
		return usage.Errorf("%v", err)
	}
	err = c.keep(std, secret, func() error {
		return edit(c.File, func(entries []auth.Entry) ([]auth.Entry, error) {
			i := indexOf(entries, c.ID)
			if i < 0 || entries[i].Use != old.Use || entries[i].Identity != old.Identity {
				return nil, errors.New("somebody else has changed the credential meanwhile; try again")
			}
			entry.NotBefore, entry.NotAfter = entries[i].NotBefore, entries[i].NotAfter
			if err := c.set(&entry, time.Now()); err != nil {
				return nil, err
			}
			entries[i] = entry
			return entries, nil
		})
	})
	if err == nil {
		fmt.Fprintf(std.Err, "parley: %s has a new secret; what logged in with the old one is cut off as soon as a server notices, within seconds\n", c.ID)
		if login.State(entry, time.Now()) == login.Expired {
			fmt.Fprintf(std.Err, "parley: %s has expired and logs nobody in; --not-after gives it a new end\n", c.ID)
		}
	}
	return err
}

// find returns the credential as it is now.
func (c *passwdCommand) find() (auth.Entry, error) {
	creds, err := login.Entries(c.File)
	if err != nil {
		return auth.Entry{}, err
	}
	i := indexOf(creds, c.ID)
	if i < 0 {
		return auth.Entry{}, noCredential(c.ID, c.File)
	}
	return creds[i], nil
}

// revokeCommand removes credentials.
type revokeCommand struct {
	ID       string `arg:"" optional:"" help:"The credential."`
	Identity string `placeholder:"NAME" help:"All credentials that prove this identity."`
	credentialsFlag
}

// Help is what kong shows below the short help.
func (*revokeCommand) Help() string {
	return `A running server notices within a second: the secret logs in no more, and connections that logged in with it are closed within two.`
}

func (c *revokeCommand) run(std terminal.Streams) error {
	if (c.ID == "") == (c.Identity == "") {
		return usage.Errorf("want the id of a credential, or --identity NAME, and not both")
	}
	var gone []string
	err := edit(c.File, func(entries []auth.Entry) ([]auth.Entry, error) {
		gone = nil
		left := slices.DeleteFunc(slices.Clone(entries), func(e auth.Entry) bool {
			hit := e.ID == c.ID || c.Identity != "" && e.Identity == c.Identity
			if hit {
				gone = append(gone, e.ID)
			}
			return hit
		})
		if len(gone) == 0 && c.ID != "" {
			return nil, noCredential(c.ID, c.File)
		}
		if len(gone) == 0 {
			return nil, fmt.Errorf("no credential in %s proves %s; parley auth list shows those that there are", c.File, value.Clip(c.Identity, 64))
		}
		return left, nil
	})
	if err != nil {
		return err
	}
	for _, id := range gone {
		fmt.Fprintf(std.Err, "parley: %s is revoked\n", id)
	}
	fmt.Fprintf(std.Err, "parley: servers that use %s notice within a second, and cut off who is connected\n", c.File)
	return nil
}

// edit changes a file of credentials.
func edit(path string, change func([]auth.Entry) ([]auth.Entry, error)) error {
	if err := auth.EditCredentials(path, change); err != nil {
		return usage.Errorf("%v", err)
	}
	return nil
}

func indexOf(entries []auth.Entry, id string) int {
	return slices.IndexFunc(entries, func(e auth.Entry) bool { return e.ID == id })
}

func noCredential(id, path string) error {
	return usage.Errorf("there is no credential %s in %s; parley auth list shows those that there are", value.Clip(id, 64), path)
}
