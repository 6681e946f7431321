package main

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/cmd/parley/internal/login"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
)

// secretFlags say where the secret of a credential comes from, and where it
// goes. It is never taken from the command line, which every user of the machine
// can see.
type secretFlags struct {
	Generate   bool   `help:"Make a new key."`
	SecretFile string `placeholder:"FILE" help:"Take the secret from this file: what a client names with --credential-file or --authkey-file. Without it and --generate, a passphrase or key is asked for, or is the first line of standard input."`
	SecretOut  string `placeholder:"FILE" help:"Write what the client logs in with to this new file, readable by you alone; - prints it."`

	DangerouslyAllowShortKey bool `help:"Accept an authkey of fewer than 32 bytes, which has to be allowed to the server as well."`
}

// credential is a secret of one of both kinds.
type credential struct {
	text      string // what ParseSecret reads, or an authkey
	writeFile func(path string) error
	entry     func(identity string) (auth.Entry, error) // what a server keeps
}

func (f secretFlags) check() error {
	switch {
	case f.Generate && f.SecretFile != "":
		return usage.Errorf("--generate and --secret-file do not go together")
	case f.Generate && f.SecretOut == "":
		return usage.Errorf("nobody would know the new key; say where it goes with --secret-out FILE, or --secret-out - to print it")
	case f.SecretFile != "" && f.SecretOut != "":
		return usage.Errorf("--secret-file and --secret-out do not go together: the secret is in a file already")
	}
	return nil
}

// get makes, reads or asks for the secret of id.
func (f secretFlags) get(std terminal.Streams, use auth.Use, id string) (credential, error) {
	if use == auth.UseAuthkey {
		key, err := f.authkey(std, id)
		if err != nil {
			return credential{}, err
		}
		entry := func(identity string) (auth.Entry, error) {
			return auth.Entry{ID: id, Identity: identity, Use: use, Key: string(key.Reveal())}, nil
		}
		return credential{string(key.Reveal()), key.WriteFile, entry}, nil
	}
	secret, err := f.secret(std, id)
	if err != nil {
		return credential{}, err
	}
	if secret.ID() != id {
		return credential{}, usage.Errorf("the secret in %s is that of %s, and not of %s; add it under its own id", f.SecretFile, secret.ID(), id)
	}
	return credential{secret.Reveal(), secret.WriteFile, func(identity string) (auth.Entry, error) { return secret.Entry(use, identity) }}, nil
}

func (f secretFlags) authkey(std terminal.Streams, id string) (*auth.Authkey, error) {
	if f.Generate {
		return auth.GenerateKey(), nil
	}
	if f.SecretFile != "" {
		return login.AuthkeyFlags{AuthkeyFile: f.SecretFile, DangerouslyAllowShortKey: f.DangerouslyAllowShortKey}.Load()
	}
	text, err := terminal.AskTwice(std, "Authkey "+id)
	if err != nil {
		return nil, err
	}
	key, err := auth.NewKey([]byte(text), auth.KeyConfig{DangerouslyAllowShortKey: f.DangerouslyAllowShortKey})
	if err != nil {
		return nil, usage.Errorf("%v", err)
	}
	return key, nil
}

func (f secretFlags) secret(std terminal.Streams, id string) (secret *auth.Secret, err error) {
	switch {
	case f.Generate:
		secret, err = auth.GenerateSecret(id)
	case f.SecretFile != "":
		secret, err = auth.LoadSecret(f.SecretFile)
	default:
		text, asked := terminal.AskTwice(std, "Passphrase of "+id)
		if asked != nil {
			return nil, asked
		}
		if strings.HasPrefix(text, "parley1_") {
			secret, err = auth.ParseSecret(text)
		} else {
			secret, err = auth.NewPassphrase(id, text)
		}
	}
	if err != nil {
		return nil, usage.Errorf("%v", err)
	}
	return secret, nil
}

// keep writes the secret to where the client is to have it, then makes the
// change, and takes the file away again if that fails.
func (f secretFlags) keep(std terminal.Streams, c credential, change func() error) error {
	if f.SecretOut == "" {
		return change()
	}
	if f.SecretOut == toStdout {
		if err := change(); err != nil {
			return err
		}
		return putSecret(std.Out, toStdout, c.text, nil)
	}
	if err := putSecret(nil, f.SecretOut, "", c.writeFile); err != nil {
		return err
	}
	if err := change(); err != nil {
		if gone := os.Remove(f.SecretOut); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			return errors.Join(err, gone)
		}
		return err
	}
	return nil
}
