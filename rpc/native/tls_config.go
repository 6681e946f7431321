package native

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net"
	"slices"
	"strings"
	"time"
	"unicode"

	_ "crypto/sha512" // hashes of tls-server-end-point

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
)

// alpn is the application protocol of the session and of objects inside TLS. Both
// ends check it, so that no other server of the same certificate can be taken for
// this one.
const alpn = "parley/1"

// harden returns a copy of what the user wants of TLS, on both sides: TLS 1.3,
// no resumption, no renegotiation, and nothing that gives the keys away.
func harden(user *tls.Config) (*tls.Config, error) {
	cfg := &tls.Config{}
	if user != nil {
		cfg = user.Clone()
	}
	switch {
	case cfg.MaxVersion != 0 && cfg.MaxVersion < tls.VersionTLS13:
		return nil, fmt.Errorf("TLS.MaxVersion: got %s; parley/1 needs TLS 1.3: leave it at zero", tls.VersionName(cfg.MaxVersion))
	case cfg.InsecureSkipVerify:
		return nil, errors.New("TLS.InsecureSkipVerify is set; leave it out: with Login and without RootCAs the login proves the server, otherwise its certificate has to")
	case cfg.KeyLogWriter != nil:
		return nil, errors.New("TLS.KeyLogWriter is set, which gives the keys away; leave it out")
	case cfg.GetConfigForClient != nil:
		return nil, errors.New("TLS.GetConfigForClient is set, which would replace all that parley/1 needs; use GetCertificate for certificates that change")
	case cfg.EncryptedClientHelloConfigList != nil || cfg.EncryptedClientHelloKeys != nil || cfg.GetEncryptedClientHelloKeys != nil:
		return nil, errors.New("TLS with EncryptedClientHello is not supported; leave it out")
	}
	cfg.MinVersion, cfg.MaxVersion = tls.VersionTLS13, tls.VersionTLS13
	cfg.NextProtos = []string{alpn}
	cfg.SessionTicketsDisabled, cfg.ClientSessionCache = true, nil
	cfg.WrapSession, cfg.UnwrapSession = nil, nil
	cfg.Renegotiation = tls.RenegotiateNever
	cfg.Rand = nil
	cfg.DynamicRecordSizingDisabled = true // frames are gathered: small records would only cost
	return cfg, nil
}

// serverTLS returns what a listener needs of TLS. own makes a certificate if the
// user has none.
func serverTLS(user *tls.Config, own func() (*tls.Certificate, error)) (*tls.Config, error) {
	cfg, err := harden(user)
	if err != nil {
		return nil, err
	}
	if cfg.ClientAuth >= tls.RequireAndVerifyClientCert && cfg.ClientCAs == nil {
		return nil, errors.New("TLS.ClientAuth asks for certificates, and TLS.ClientCAs is nil: every certificate that the system trusts would do; set ClientCAs")
	}
	certificates, get := cfg.Certificates, cfg.GetCertificate
	if len(certificates) == 0 && get == nil {
		made, err := own()
		if err != nil {
			return nil, fmt.Errorf("make a certificate: %w", err)
		}
		certificates = []tls.Certificate{*made}
	}
	for i := range certificates {
		if len(certificates[i].Certificate) == 0 || certificates[i].PrivateKey == nil {
			return nil, fmt.Errorf("TLS.Certificates[%d] has no certificate or no private key", i)
		}
	}
	cfg.Certificates = nil // so that GetCertificate is asked, always
	cfg.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		chosen, err := chooseCertificate(hello, certificates, get)
		if err == nil && len(chosen.Certificate) > 0 {
			if b, ok := hello.Conn.(*below); ok {
				b.leaf = chosen.Certificate[0]
			}
		}
		return chosen, err
	}
	cfg.VerifyConnection = checkConnection(cfg.VerifyConnection)
	return cfg, nil
}

// chooseCertificate chooses as crypto/tls does (Config.getCertificate).
func chooseCertificate(hello *tls.ClientHelloInfo, all []tls.Certificate, get func(*tls.ClientHelloInfo) (*tls.Certificate, error)) (*tls.Certificate, error) {
	if get != nil && (len(all) == 0 || hello.ServerName != "") {
		if c, err := get(hello); c != nil || err != nil {
			return c, err
		}
	}
	if len(all) == 0 {
		return nil, errors.New("TLS.GetCertificate returned no certificate")
	}
	for i := range all {
		if hello.SupportsCertificate(&all[i]) == nil {
			return &all[i], nil
		}
	}
	return &all[0], nil
}

// clientTLS returns what a dialer needs of TLS to reach host. With a login and
// without RootCAs the certificate may be any: the login shows that its owner has
// the verifier of our secret, and is bound to this connection.
func clientTLS(user *tls.Config, host, pin string, login bool) (*tls.Config, error) {
	cfg, err := harden(user)
	if err != nil {
		return nil, err
	}
	want, err := parsePin(pin)
	if err != nil {
		return nil, err
	}
	if cfg.ServerName == "" {
		cfg.ServerName = host
	}
	cfg.InsecureSkipVerify = login && cfg.RootCAs == nil
	next := checkConnection(cfg.VerifyConnection)
	cfg.VerifyConnection = func(cs tls.ConnectionState) error {
		if want != nil {
			if got := keyHash(cs.PeerCertificates[0]); subtle.ConstantTimeCompare(got, want) != 1 {
				return fmt.Errorf("%w: its key is %s, Pin is %s", ErrUntrusted, formatPin(got), formatPin(want))
			}
		}
		return next(cs)
	}
	return cfg, nil
}

// checkConnection is what both ends look at when the handshake is over.
// crypto/tls takes a client without any ALPN; next is the user's own check.
func checkConnection(next func(tls.ConnectionState) error) func(tls.ConnectionState) error {
	return func(cs tls.ConnectionState) error {
		if cs.Version != tls.VersionTLS13 {
			return fmt.Errorf("%w: it speaks %s, and parley/1 needs TLS 1.3", ErrNoTLS, tls.VersionName(cs.Version))
		}
		if cs.NegotiatedProtocol != alpn {
			return fmt.Errorf("%w: its application protocol (ALPN) is %q, and parley/1 is needed: it may be another kind of server or client", ErrNoTLS, value.Clip(cs.NegotiatedProtocol, 32))
		}
		if next != nil {
			return next(cs)
		}
		return nil
	}
}

// mutual reports whether a listener with cfg admits clients by their
// certificates.
func mutual(cfg *tls.Config) bool {
	return cfg != nil && cfg.ClientAuth == tls.RequireAndVerifyClientCert && cfg.ClientCAs != nil
}

// hasCertificate reports whether a dialer with cfg can show one.
func hasCertificate(cfg *tls.Config) bool {
	return cfg != nil && (len(cfg.Certificates) > 0 || cfg.GetClientCertificate != nil)
}

// pinPrefix is how a pin begins.
const pinPrefix = "sha256/"

// parsePin reads a pin, "sha256/" and the hash in base64; "" is none.
func parsePin(pin string) ([]byte, error) {
	if pin == "" {
		return nil, nil
	}
	text, ok := strings.CutPrefix(pin, pinPrefix)
	hash, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(hash) != sha256.Size {
		return nil, fmt.Errorf("Pin: got %q; want sha256/ and the SHA-256 of the server's public key (SPKI) in base64, 44 characters", value.Clip(pin, 64))
	}
	return hash, nil
}

func formatPin(hash []byte) string { return pinPrefix + base64.StdEncoding.EncodeToString(hash) }

// keyHash returns the SHA-256 of a certificate's public key (SPKI, RFC 7469).
func keyHash(c *x509.Certificate) []byte {
	hash := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return hash[:]
}

// peerIdentity is identityOf for the peer of a connection. There is a certificate,
// unless a Server was given the listener of another one whose TLS differs.
func peerIdentity(c *tlsConn) (rpc.Identity, error) {
	cs := c.tls.ConnectionState()
	if len(cs.PeerCertificates) == 0 {
		return rpc.Identity{}, errors.New("the listener asks for no certificate, and there is no Login: Serve wants what Listen of the same Server has returned")
	}
	id, kind, err := identityOf(cs.PeerCertificates[0])
	if err == nil && !slices.ContainsFunc(cs.VerifiedChains, func(chain []*x509.Certificate) bool { return vouches(chain[1:], kind) }) {
		return id, fmt.Errorf("the peer's certificate has the name %q by its %s, and an authority that is bound to certain names of other kinds has signed it", value.Clip(id.Name, 64), kind)
	}
	return id, err
}

// maxIdentity bounds a name that a certificate says, in bytes: that of credentials.
const maxIdentity = 256

// nameKind is where in a certificate a name stands.
type nameKind string

const (
	nameURI    nameKind = "URI"
	nameDNS    nameKind = "DNS name"
	nameCommon nameKind = "common name"
)

// identityOf is who a verified certificate says its owner is: the first URI among
// its names, else the first DNS name, else the common name.
func identityOf(c *x509.Certificate) (id rpc.Identity, kind nameKind, err error) {
	id = rpc.Identity{Name: c.Subject.CommonName, Credential: "cert:" + hex.EncodeToString(keyHash(c)[:8])}
	kind = nameCommon
	switch {
	case len(c.URIs) > 0:
		id.Name, kind = c.URIs[0].String(), nameURI
	case len(c.DNSNames) > 0:
		id.Name, kind = c.DNSNames[0], nameDNS
	}
	switch {
	case id.Name == "":
		err = errors.New("the peer's certificate names nobody: it needs a URI, a DNS name or a common name")
	case len(id.Name) > maxIdentity || strings.ContainsFunc(id.Name, func(r rune) bool { return !unicode.IsPrint(r) }):
		err = fmt.Errorf("the peer's certificate has the name %q; want %d bytes at most, all of them printable", value.Clip(id.Name, 64), maxIdentity)
	}
	return id, kind, err
}

// vouches reports whether authorities may sign for names of a kind. Each of the
// constraints of RFC 5280 section 4.2.1.10 is on names of one kind, and none on the
// common name: an authority that is bound to some DNS names could give out a URI or
// a common name of its choice.
func vouches(authorities []*x509.Certificate, kind nameKind) bool {
	for _, a := range authorities {
		dns := len(a.PermittedDNSDomains) + len(a.ExcludedDNSDomains)
		uri := len(a.PermittedURIDomains) + len(a.ExcludedURIDomains)
		rest := len(a.PermittedIPRanges) + len(a.ExcludedIPRanges) + len(a.PermittedEmailAddresses) + len(a.ExcludedEmailAddresses)
		free := dns+uri+rest == 0
		if !free && !(kind == nameDNS && dns > 0) && !(kind == nameURI && uri > 0) {
			return false
		}
	}
	return true
}

// endPoint returns the channel binding tls-server-end-point (RFC 5929 section
// 4.1) of the server's certificate: its hash by the function of its signature,
// with SHA-256 in place of MD5 and SHA-1. A signature without one, as Ed25519, has
// SHA-256 here too: the RFC leaves it open, and OpenSSL 3 and PostgreSQL do so.
func endPoint(leaf []byte) ([]byte, error) {
	c, err := x509.ParseCertificate(leaf)
	if err != nil {
		return nil, fmt.Errorf("tls-server-end-point: %w", err)
	}
	hash := crypto.SHA256
	switch c.SignatureAlgorithm {
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384, x509.SHA384WithRSAPSS:
		hash = crypto.SHA384
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512, x509.SHA512WithRSAPSS:
		hash = crypto.SHA512
	}
	h := hash.New()
	h.Write(leaf)
	return h.Sum(nil), nil
}

// ephemeralLife is how long a certificate that nobody trusts by its name is good
// for. Clients that do not verify it do not look.
const ephemeralLife = 10 * 365 * 24 * time.Hour

// ephemeralCertificate makes a certificate that is its own authority, with a new
// key. The login inside of TLS is what proves the server.
func ephemeralCertificate() (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "parley"},
		NotBefore:    now.Add(-24 * time.Hour), // clocks differ
		NotAfter:     now.Add(ephemeralLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
