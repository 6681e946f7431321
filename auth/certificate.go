package auth

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"
)

// maxCertificate bounds the files of a certificate and of its key, in bytes.
const maxCertificate = 1 << 20

// certificateInterval is how often the files of a certificate are looked at.
const certificateInterval = time.Second

// ErrCertificate is what every error about a certificate or its files is, by
// errors.Is.
var ErrCertificate = errors.New("auth: certificate")

// Certificate is a certificate of TLS from files, which are read again when they
// have changed: those that expire in weeks are replaced while a server runs. It is
// for servers of both transports:
//
//	cert, err := auth.LoadCertificate("server.pem", "server.key")
//	config := &tls.Config{GetCertificate: cert.GetCertificate}
//
// It is safe for concurrent use.
type Certificate struct {
	// Logger gets the event reload, when other files were taken over or could not
	// be. It is set before the first handshake. Nil means slog.Default().
	Logger *slog.Logger

	certFile, keyFile string

	mu     sync.Mutex // protects what follows
	cert   *tls.Certificate
	looked time.Time
	seen   [2]stamp // of the files before they were read last
	err    error    // of that
}

// LoadCertificate reads a certificate, with those that lead from it to one that
// clients trust, and its key, both as PEM. The key is in a file that nobody else
// can read, by the rules of LoadKey.
func LoadCertificate(certFile, keyFile string) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, looked: time.Now()}
	if err := c.read(); err != nil {
		return nil, err
	}
	return c, nil
}

// GetCertificate returns the certificate, for the field of that name in a
// tls.Config. It looks at the files once a second at most. Those that cannot be
// used, because only one of the two has changed so far, say, change nothing.
func (c *Certificate) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.looked) >= certificateInterval {
		c.looked = now
		c.look()
	}
	return c.cert, nil
}

// Format writes "[certificate]" and its file, for every verb.
func (c *Certificate) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "[certificate %s]", c.certFile) }

// Err returns why the files, as they were when they were looked at last, cannot be
// used; nil if they can. Until they can, the certificate is that of before.
func (c *Certificate) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// look reads the files if they are not as they were seen last; c.mu is held.
func (c *Certificate) look() {
	last := c.seen
	now := [2]stamp{stampOf(c.certFile), stampOf(c.keyFile)}
	again := now[0].state == last[0].state && now[1].state == last[1].state
	if again && !last[0].fresh && !last[1].fresh {
		return
	}
	before, old := c.err, c.cert
	err := c.read()
	switch {
	case err != nil && (before == nil || err.Error() != before.Error()):
		c.log(slog.LevelError, slog.String("outcome", "error"), slog.Any("error", err))
	case err == nil && !sameCertificate(old, c.cert):
		c.log(slog.LevelInfo, slog.String("outcome", "ok"), slog.Time("not_after", c.cert.Leaf.NotAfter))
	}
}

// read takes over what the files hold, or leaves all as it is; c.mu is held, or
// nobody knows c yet.
func (c *Certificate) read() error {
	c.seen = [2]stamp{stampOf(c.certFile), stampOf(c.keyFile)}
	cert, err := readCertificate(c.certFile, c.keyFile)
	if c.err = err; err == nil {
		c.cert = cert
	}
	return err
}

func readCertificate(certFile, keyFile string) (*tls.Certificate, error) {
	chain, err := readCertFile(certFile)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	key, err := readSecretFile(keyFile, maxCertificate)
	if err != nil {
		return nil, fmt.Errorf("%w: key: %w", ErrCertificate, err)
	}
	cert, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, fmt.Errorf("%w: %s with the key %s: %w", ErrCertificate, certFile, keyFile, err)
	}
	return &cert, nil
}

// readCertFile reads a file that is no secret.
func readCertFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|openFlags, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxCertificate+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxCertificate {
		return nil, fmt.Errorf("%s has more than %d bytes", path, maxCertificate)
	}
	return data, nil
}

func sameCertificate(a, b *tls.Certificate) bool { return a.Leaf.Equal(b.Leaf) }

func (c *Certificate) log(level slog.Level, attrs ...slog.Attr) {
	logger := c.Logger
	if logger == nil {
		logger = slog.Default()
	}
	logger.LogAttrs(context.Background(), level, "reload", append([]slog.Attr{slog.String("path", c.certFile)}, attrs...)...)
}
