package peers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc/native"
)

// secret is what clients log in with inside TLS. Like measuringKey it guards
// nothing but figures.
func secret() (*auth.Secret, error) {
	return auth.ParseSecret("parley1_bench_bnTIabkSJYNij9zHkHvV2KvrJGVjHbzjY2ElsQbTaaw_0b10fab6")
}

// login is what a server has of it.
func login() (native.Authenticator, error) {
	s, err := secret()
	if err != nil {
		return nil, err
	}
	entry, err := s.Entry(auth.UseChannel, "bench")
	if err != nil {
		return nil, err
	}
	return auth.NewCredentials([]auth.Entry{entry}, auth.CredentialsConfig{})
}

// certificateFile is where a server of https leaves its certificate for clients.
func certificateFile(dir string) string { return filepath.Join(dir, "certificate.pem") }

// newCertificate makes a certificate for 127.0.0.1 that is good for a day, and
// leaves it in dir, without its key.
func newCertificate(dir string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(certificateFile(dir), text, 0o600); err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// trust is the configuration of a client that trusts that certificate alone.
func trust(dir string) (*tls.Config, error) {
	text, err := os.ReadFile(certificateFile(dir))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate", certificateFile(dir))
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13}, nil
}
