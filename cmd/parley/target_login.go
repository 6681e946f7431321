package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/parley-rpc/parley/auth"
)

// credentialVariable is the environment variable that a secret may be in.
const credentialVariable = "PARLEY_CREDENTIAL"

// loginFlags say how a caller proves who he is, and whom he takes the server for.
type loginFlags struct {
	CredentialFile string `placeholder:"FILE" help:"File with your secret for tls://, https:// and http://, from parley auth keygen or add, or with the text ID:PASSPHRASE. The variable PARLEY_CREDENTIAL may hold it instead, but other programs of yours can read that."`
	Pin            string `placeholder:"sha256/…" help:"The key that a tls:// server must have, as serve says it."`
	CA             string `name:"ca" placeholder:"FILE" help:"Certificates, in PEM form, that the server's is to be checked against."`
	Cert           string `placeholder:"FILE" help:"Your certificate, for a server that asks for one."`
	Key            string `placeholder:"FILE" help:"Its private key."`
}

// given reports whether there is any of them.
func (f loginFlags) given() bool { return f != loginFlags{} }

// secret returns what to log in with; nil if nobody said.
func (f loginFlags) secret(std stdio) (*auth.Secret, error) {
	if f.CredentialFile != "" {
		secret, err := auth.LoadSecret(f.CredentialFile)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, usagef("--credential-file %s: there is no such file; make a secret with parley auth keygen ID --out %[1]s", f.CredentialFile)
		}
		if err != nil {
			return nil, usagef("--credential-file: %v", err)
		}
		return secret, nil
	}
	text, ok := os.LookupEnv(credentialVariable)
	if !ok || text == "" {
		return nil, nil
	}
	fmt.Fprintf(std.err, "parley: taking the secret from %s, which all programs that you start can read; --credential-file is safer\n", credentialVariable)
	secret, err := auth.ParseSecret(text)
	if err != nil {
		return nil, usagef("%s: %v", credentialVariable, err)
	}
	return secret, nil
}

// tls is what the flags say about certificates; nil if nothing.
func (f loginFlags) tls() (*tls.Config, error) {
	if f.CA == "" && f.Cert == "" && f.Key == "" {
		return nil, nil
	}
	if (f.Cert == "") != (f.Key == "") {
		return nil, usagef("--cert and --key go together: a certificate, and its private key")
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.CA != "" {
		pool, err := loadPool(f.CA)
		if err != nil {
			return nil, usagef("--ca: %v", err)
		}
		cfg.RootCAs = pool
	}
	if f.Cert != "" {
		cert, err := auth.LoadCertificate(f.Cert, f.Key)
		if err != nil {
			return nil, usagef("--cert: %v", err)
		}
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert.GetCertificate(nil) }
	}
	return cfg, nil
}
