package main

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/parley-rpc/parley/auth"
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
		return usagef("--generate and --secret-file do not go together")
	case f.Generate && f.SecretOut == "":
		return usagef("nobody would know the new key; say where it goes with --secret-out FILE, or --secret-out - to print it")
	case f.SecretFile != "" && f.SecretOut != "":
		return usagef("--secret-file and --secret-out do not go together: the secret is in a file already")
	}
	return nil
}

// get makes, reads or asks for the secret of id.
func (f secretFlags) get(std stdio, use auth.Use, id string) (credential, error) {
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
		return credential{}, usagef("the secret in %s is that of %s, and not of %s; add it under its own id", f.SecretFile, secret.ID(), id)
	}
	return credential{secret.Reveal(), secret.WriteFile, func(identity string) (auth.Entry, error) { return secret.Entry(use, identity) }}, nil
}

func (f secretFlags) authkey(std stdio, id string) (*auth.Authkey, error) {
	if f.Generate {
		return auth.GenerateKey(), nil
	}
	if f.SecretFile != "" {
		return authkeyFlags{AuthkeyFile: f.SecretFile, DangerouslyAllowShortKey: f.DangerouslyAllowShortKey}.load()
	}
	text, err := askTwice(std, "Authkey "+id)
	if err != nil {
		return nil, err
	}
	key, err := auth.NewKey([]byte(text), auth.KeyConfig{DangerouslyAllowShortKey: f.DangerouslyAllowShortKey})
	if err != nil {
		return nil, usagef("%v", err)
	}
	return key, nil
}

func (f secretFlags) secret(std stdio, id string) (secret *auth.Secret, err error) {
	switch {
	case f.Generate:
		secret, err = auth.GenerateSecret(id)
	case f.SecretFile != "":
		secret, err = auth.LoadSecret(f.SecretFile)
	default:
		text, asked := askTwice(std, "Passphrase of "+id)
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
		return nil, usagef("%v", err)
	}
	return secret, nil
}

// keep writes the secret to where the client is to have it, then makes the
// change, and takes the file away again if that fails.
func (f secretFlags) keep(std stdio, c credential, change func() error) error {
	if f.SecretOut == "" {
		return change()
	}
	if f.SecretOut == toStdout {
		if err := change(); err != nil {
			return err
		}
		return putSecret(std.out, toStdout, c.text, nil)
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
