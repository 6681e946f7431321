package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pair returns a certificate with this serial number and its key, as PEM.
func pair(t testing.TB, serial int64) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs})
}

func write(t testing.TB, path string, data []byte, mode fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, data, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// serial returns the serial number of the certificate that the next handshake
// gets, as if the files had not been looked at for a while.
func serial(t testing.TB, c *Certificate) int64 {
	t.Helper()
	c.mu.Lock()
	c.looked = time.Time{}
	c.mu.Unlock()
	cert, err := c.GetCertificate(&tls.ClientHelloInfo{})
	if err != nil {
		t.Fatal(err)
	}
	return cert.Leaf.SerialNumber.Int64()
}

// TestCertificateIsReloaded: what is in the files now is what clients get, as soon
// as both of them fit each other.
func TestCertificateIsReloaded(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	cert, key := pair(t, 1)
	write(t, certFile, cert, 0o644)
	write(t, keyFile, key, 0o600)
	c, err := LoadCertificate(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	c.Logger = quiet
	if n := serial(t, c); n != 1 {
		t.Errorf("got certificate %d; want 1", n)
	}
	cert, key = pair(t, 2)
	write(t, certFile, cert, 0o644)
	if n := serial(t, c); n != 1 || c.Err() == nil {
		t.Errorf("with half of the files changed: got certificate %d, error %v; want 1 and an error", n, c.Err())
	}
	write(t, keyFile, key, 0o600)
	if n := serial(t, c); n != 2 || c.Err() != nil {
		t.Errorf("with both: got certificate %d, error %v; want 2", n, c.Err())
	}
	// A new file in place of the old one, as programs for that make it.
	cert, key = pair(t, 3)
	for path, data := range map[string][]byte{certFile: cert, keyFile: key} {
		write(t, path+".new", data, 0o600)
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	if n := serial(t, c); n != 3 {
		t.Errorf("after a rename: got certificate %d; want 3", n)
	}
	// Files that cannot be used leave it as it is.
	for what, spoil := range map[string]func(){
		"open to all": func() { write(t, keyFile, key, 0o644) },
		"empty":       func() { write(t, keyFile, nil, 0o600) },
		"gone":        func() { os.Remove(keyFile) },
	} {
		spoil()
		if n := serial(t, c); n != 3 || !errors.Is(c.Err(), ErrCertificate) || !strings.Contains(c.Err().Error(), keyFile) {
			t.Errorf("key %s: got certificate %d, error %v; want 3 and an ErrCertificate with the file", what, n, c.Err())
		}
	}
	// And they are not looked at for every handshake.
	write(t, keyFile, key, 0o600)
	serial(t, c)
	os.Remove(certFile)
	for range 3 {
		if _, err := c.GetCertificate(nil); err != nil || c.Err() != nil {
			t.Errorf("got %v, %v; want that nobody has looked", err, c.Err())
		}
	}
}

func TestLoadCertificateMistakes(t *testing.T) {
	dir := t.TempDir()
	cert, key := pair(t, 1)
	_, otherKey := pair(t, 2)
	path := func(name string, data []byte, mode fs.FileMode) string {
		p := filepath.Join(dir, name)
		write(t, p, data, mode)
		return p
	}
	good, goodKey := path("cert", cert, 0o644), path("key", key, 0o600)
	for _, test := range []struct{ name, cert, key, want string }{
		{"no certificate", filepath.Join(dir, "none"), goodKey, "no such file"},
		{"no key", good, filepath.Join(dir, "none"), "no such file"},
		{"key that all can read", good, path("open", key, 0o644), "chmod 600"},
		{"key of another", good, path("other", otherKey, 0o600), "does not match"},
		{"the wrong way round", goodKey, path("cert600", cert, 0o600), "switched"},
		{"no PEM", path("text", []byte("hello"), 0o644), goodKey, "PEM"},
		{"too large", path("large", make([]byte, maxCertificate+1), 0o644), goodKey, "more than"},
		{"a folder", dir, goodKey, "is a directory"},
	} {
		_, err := LoadCertificate(test.cert, test.key)
		if !errors.Is(err, ErrCertificate) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v; want an ErrCertificate with %q", test.name, err, test.want)
		}
	}
	both, err := LoadCertificate(path("both", append(append([]byte{}, cert...), key...), 0o600), filepath.Join(dir, "both"))
	if err != nil || both.Err() != nil {
		t.Errorf("both in one file: %v", err)
	}
}
