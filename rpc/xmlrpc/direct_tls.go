package xmlrpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

// secure is the TLS to a server, or to a proxy.
type secure struct {
	config  *tls.Config   // with the name of the server
	timeout time.Duration // of a handshake
}

// newSecure returns the TLS to a host.
func newSecure(config *tls.Config, host string, timeout time.Duration) *secure {
	config = config.Clone()
	config.ServerName = or(config.ServerName, host)
	config.NextProtos = []string{"http/1.1"}
	return &secure{config, timeout}
}

var errNoHandshake = errors.New("no TLS handshake in time")

// start does the handshake of a new connection, which is not closed if it fails.
func (s *secure) start(ctx context.Context, c *directConn, h hooks) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, errNoHandshake)
	defer cancel()
	c.below.timedConn = &c.timed
	under := net.Conn(&c.below)
	if c.tls != nil { // to a proxy
		under = c.tls
	}
	c.tls = tls.Client(under, s.config)
	h.handshakeStart()
	err := c.tls.HandshakeContext(ctx)
	h.handshakeDone(c.tls, err)
	switch {
	case err == nil:
		state := c.tls.ConnectionState()
		c.state = &state
		return nil
	case errors.Is(context.Cause(ctx), errNoHandshake):
		return fmt.Errorf("%w: the server has said nothing, or too little, for %v", errNoHandshake, s.timeout)
	}
	if broken := (tls.RecordHeaderError{}); errors.As(err, &broken) && string(broken.RecordHeader[:]) == "HTTP/" {
		return http.ErrSchemeMismatch
	}
	return err
}

// belowTLS is what the TLS of a connection, or that to its proxy, reads from and
// writes to.
type belowTLS struct {
	*timedConn
	shut bool    // nothing more is read
	one  [1]byte // of spent
}

func (b *belowTLS) Read(p []byte) (int, error) {
	if b.shut {
		return 0, os.ErrDeadlineExceeded // which TLS does not take for the end
	}
	return b.timedConn.Read(p)
}

// spent reports whether nothing is left of what has been read behind an answer, in
// the reader or inside TLS, which takes more off the socket than it is asked for.
// It would be taken for the answer to the next call.
func (c *directConn) spent() bool {
	if c.reader.Buffered() > 0 {
		return false
	}
	if c.tls == nil {
		return true
	}
	c.below.shut = true
	n, err := c.tls.Read(c.below.one[:])
	c.below.shut = false
	return n == 0 && errors.Is(err, os.ErrDeadlineExceeded)
}
