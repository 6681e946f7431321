package xmlrpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// secure is the TLS of a direct. Each connection is made for a call, which is on
// it at once. http.Transport makes connections ahead, of which many are never
// used; a server takes those for silent ones and closes them, and a call that is
// being written on one in that moment is lost.
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
func (s *secure) start(ctx context.Context, c *directConn) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, errNoHandshake)
	defer cancel()
	c.tls = tls.Client(&c.timed, s.config)
	err := c.tls.HandshakeContext(ctx)
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

// part closes a connection that is idle. Inside TLS it says so, as the peer can
// then tell that from a connection that was cut.
func (c *directConn) part() {
	if c.tls != nil {
		_ = c.timed.SetWriteDeadline(time.Now().Add(partTimeout)) // never fails
		_ = c.tls.CloseWrite()                                    // the connection ends, whatever becomes of that
	}
	c.Close()
}

// partTimeout is far more than it takes to put some bytes into a socket that
// nobody else writes to.
const partTimeout = 100 * time.Millisecond
