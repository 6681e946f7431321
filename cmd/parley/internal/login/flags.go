// Package login has what both sides log in with, as files and flags name it:
// secrets, certificates, authkeys, and the file of credentials that a server
// keeps.
package login

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/cmd/parley/internal/tomlfile"
	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
)

// credentialVariable is the environment variable that a secret may be in.
const credentialVariable = "PARLEY_CREDENTIAL"

// Flags say how a caller proves who he is, and whom he takes the server for.
type Flags struct {
	CredentialFile string `placeholder:"FILE" help:"File with your secret for tls://, https:// and http://, from parley auth keygen or add, or with the text ID:PASSPHRASE. The variable PARLEY_CREDENTIAL may hold it instead, but other programs of yours can read that."`
	Pin            string `placeholder:"sha256/…" help:"The key that a tls:// server must have, as serve says it."`
	CA             string `name:"ca" placeholder:"FILE" help:"Certificates, in PEM form, that the server's is to be checked against."`
	Cert           string `placeholder:"FILE" help:"Your certificate, for a server that asks for one."`
	Key            string `placeholder:"FILE" help:"Its private key."`
}

// Given reports whether there is any of them.
func (f Flags) Given() bool { return f != Flags{} }

// Secret returns what to log in with; nil if nobody said.
func (f Flags) Secret(std terminal.Streams) (*auth.Secret, error) {
	if f.CredentialFile != "" {
		secret, err := auth.LoadSecret(f.CredentialFile)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, usage.Errorf("--credential-file %s: there is no such file; make a secret with parley auth keygen ID --out %[1]s", f.CredentialFile)
		}
		if err != nil {
			return nil, usage.Errorf("--credential-file: %v", err)
		}
		return secret, nil
	}
	text, ok := os.LookupEnv(credentialVariable)
	if !ok || text == "" {
		return nil, nil
	}
	fmt.Fprintf(std.Err, "parley: taking the secret from %s, which all programs that you start can read; --credential-file is safer\n", credentialVariable)
	secret, err := auth.ParseSecret(text)
	if err != nil {
		return nil, usage.Errorf("%s: %v", credentialVariable, err)
	}
	return secret, nil
}

// Tls is what the flags say about certificates; nil if nothing.
func (f Flags) Tls() (*tls.Config, error) {
	if f.CA == "" && f.Cert == "" && f.Key == "" {
		return nil, nil
	}
	if (f.Cert == "") != (f.Key == "") {
		return nil, usage.Errorf("--cert and --key go together: a certificate, and its private key")
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.CA != "" {
		pool, err := LoadPool(f.CA)
		if err != nil {
			return nil, usage.Errorf("--ca: %v", err)
		}
		cfg.RootCAs = pool
	}
	if f.Cert != "" {
		cert, err := auth.LoadCertificate(f.Cert, f.Key)
		if err != nil {
			return nil, usage.Errorf("--cert: %v", err)
		}
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert.GetCertificate(nil) }
	}
	return cfg, nil
}

// LoadPool reads the certificates that others are checked against.
func LoadPool(path string) (*x509.CertPool, error) {
	f, _, err := tomlfile.OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	pem, err := io.ReadAll(io.LimitReader(f, tomlfile.MaxSize))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate in PEM form", path)
	}
	return pool, nil
}
