package native

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
)

const (
	// loginTimeout bounds TLS and the login inside of it together.
	loginTimeout = 10 * time.Second
	// maxLogin is the largest message of a login, in bytes.
	maxLogin = 4 << 10
	// exporterLabel and exporterSize are those of tls-exporter (RFC 9266).
	exporterLabel = "EXPORTER-Channel-Binding"
	exporterSize  = 32
)

// login is how the connections of a listener or a dialer prove who they are
// without the challenge: by an Authenticator, inside TLS or on a unix socket, or
// by certificates alone.
//
//	socket -> TLS 1.3 -> ALPN, certificate, pin -> messages of the Authenticator
type login struct {
	auth   Authenticator // nil: certificates say who the peer is
	tls    *tls.Config   // hardened; nil: a unix socket without TLS
	mutual bool          // certificates of clients are verified
	server bool
	// timeout bounds all of it. Zero means 10 s.
	timeout time.Duration
	user    func() int // that peers on a unix socket must be; nil: ours
}

// errLoginTimeout is the cause of a login's own deadline, in contrast to the
// caller's.
var errLoginTimeout = errors.New("the time for the login is over")

// loginStep is how far a login has come.
type loginStep uint8

const (
	stepSecured loginStep = iota // the TLS handshake is made
	stepProved                   // the peer has shown who it is
)

// run logs in on nc, and returns the connection that is to be used from now on.
// reached is called at each step, if it is set. Afterwards
// there is no deadline, and not a byte behind the login was read. After an error
// nc is of no more use; the caller closes it.
func (l *login) run(ctx context.Context, nc net.Conn, reached func(loginStep)) (net.Conn, handshakeResult, error) {
	limit := l.timeout
	if limit == 0 {
		limit = loginTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errLoginTimeout)
	defer cancel()
	release := interrupt(ctx, nc.SetDeadline)
	defer release()

	secured, id, err := l.prove(ctx, nc, reached)
	if err == nil {
		// What is said without an authkey does not tell Go from others.
		return secured, handshakeResult{Identity: id, Tagged: true, Login: true}, nil
	}
	if cause := context.Cause(ctx); cause != nil && (errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, cause) || errors.Is(err, ctx.Err())) {
		if errors.Is(cause, errLoginTimeout) {
			return nil, handshakeResult{}, fmt.Errorf("it did not come to an end within %v; is the address right, and does the other end log in with TLS? %w", limit, err)
		}
		err = fmt.Errorf("%w (%w)", err, cause)
	}
	return nil, handshakeResult{}, err
}

func (l *login) prove(ctx context.Context, nc net.Conn, reached func(loginStep)) (net.Conn, rpc.Identity, error) {
	var id rpc.Identity
	at := func(s loginStep) {
		if reached != nil {
			reached(s)
		}
	}
	if l.tls != nil {
		tc := newTLSConn(nc, l.tls, l.server)
		if err := tc.handshake(); err != nil {
			err = explainTLS(err, l.server)
			if l.server && !errors.Is(err, os.ErrDeadlineExceeded) {
				linger(nc) // what was told inside of TLS should arrive
			}
			return nil, id, err
		}
		at(stepSecured)
		if l.auth == nil || l.mutual {
			var err error
			id, err = peerIdentity(tc)
			switch {
			case err != nil && !l.server:
				id.Name = l.tls.ServerName // which it was verified for
			case err != nil && l.auth == nil:
				return nil, id, err
			}
			at(stepProved)
		}
		nc = tc
	}
	if l.auth == nil {
		return nc, id, nil
	}
	id, err := l.exchange(ctx, nc)
	if err != nil {
		return nil, id, err
	}
	at(stepProved)
	return nc, id, nil
}

// exchange runs the Authenticator.
func (l *login) exchange(ctx context.Context, nc net.Conn) (rpc.Identity, error) {
	m := loginMessages{nc: nc}
	id, err := l.auth.Authenticate(ctx, func(kind string) ([]byte, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return l.binding(nc, kind)
	}, m.read, m.write)
	if err == nil && m.err != nil {
		err = errors.New("the Authenticator took no notice of a failure")
	}
	if err == nil {
		return id, nil
	}
	if l.server {
		if m.err == nil {
			linger(nc)
		}
		return rpc.Identity{}, fmt.Errorf("login: %w", err)
	}
	return rpc.Identity{}, m.explain(err)
}

// binding returns what ties a login to its connection.
func (l *login) binding(nc net.Conn, kind string) ([]byte, error) {
	tc, secured := nc.(*tlsConn)
	switch {
	case kind == "" && !secured:
		return nil, checkUser(nc, l.user)
	case kind == "":
		return nil, errors.New("inside TLS a login has to be bound to it")
	case !secured:
		return nil, fmt.Errorf("channel binding %q: the connection has no TLS", value.Clip(kind, 32))
	}
	switch kind {
	case "tls-exporter":
		cs := tc.tls.ConnectionState()
		return cs.ExportKeyingMaterial(exporterLabel, nil, exporterSize)
	case "tls-server-end-point":
		if l.server {
			return endPoint(tc.below.leaf)
		}
		return endPoint(tc.tls.ConnectionState().PeerCertificates[0].Raw)
	}
	return nil, fmt.Errorf("channel binding %q is not known; want tls-exporter or tls-server-end-point", value.Clip(kind, 32))
}

// checkUser lets a login without TLS be on a unix socket whose other end is a
// process of the same user alone.
func checkUser(nc net.Conn, user func() int) error {
	own := os.Geteuid()
	if user != nil {
		own = user()
	}
	uid, err := peerUser(nc)
	if err != nil {
		return fmt.Errorf("a login without TLS: %w", err)
	}
	if uid != own {
		return fmt.Errorf("a login without TLS: the other end belongs to user %d, this one to %d: use tls:// between users", uid, own)
	}
	return nil
}

// loginMessages are the messages of one login: four bytes of length and at most
// maxLogin bytes. Not a byte is read beyond the one asked for.
type loginMessages struct {
	nc   net.Conn
	buf  []byte
	last []byte // that was read
	err  error  // of the connection, which ended the login
}

func (m *loginMessages) read() (b []byte, err error) {
	if m.err != nil {
		return nil, m.err
	}
	if m.buf == nil {
		m.buf = make([]byte, 0, 512)
	}
	b, err = readFrame(m.nc, m.buf, maxLogin)
	if err != nil {
		m.err = fmt.Errorf("login: waiting for a message: %w", err)
		return nil, m.err
	}
	m.last = b
	return b, nil
}

func (m *loginMessages) write(b []byte) error {
	switch {
	case m.err != nil:
		return m.err
	case len(b) > maxLogin:
		return fmt.Errorf("login: %w: %d bytes, at most %d are sent", ErrTooLarge, len(b), maxLogin)
	}
	if _, err := writeFrame(m.nc, b); err != nil {
		m.err = fmt.Errorf("login: write: %w", err)
	}
	return m.err
}

// explain says what an error of the Authenticator means to a client.
func (m *loginMessages) explain(err error) error {
	switch {
	case errors.Is(m.err, ErrTooLarge), errors.Is(m.err, ErrFrame):
		return fmt.Errorf("%w: %w", ErrNoLogin, m.err)
	case errors.Is(m.err, io.EOF), errors.Is(m.err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: the peer closed the connection in the middle of the login: it may be full, or take no Login here", m.err)
	case m.err != nil:
		return m.err
	case errors.Is(err, errLoginTimeout), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return fmt.Errorf("login: %w", err)
	case bytes.HasPrefix(m.last, []byte(challengePrefix)):
		return fmt.Errorf("%w in place of Login (%w)", ErrKeyNeeded, err)
	case bytes.HasPrefix(m.last, []byte("e=")), notLetIn(err):
		return fmt.Errorf("%w: %w", ErrLoginRefused, err)
	case bytes.HasPrefix(m.last, []byte("v=")), wrongProof(err):
		return fmt.Errorf("%w: %w", ErrServerUnproven, err)
	}
	return fmt.Errorf("%w: %w", ErrNoLogin, err)
}

// notLetIn reports whether a client was not let in.
func notLetIn(err error) bool {
	var r interface{ Refused() bool }
	return errors.As(err, &r) && r.Refused()
}

// wrongProof reports whether the peer has tried a secret that is wrong.
func wrongProof(err error) bool {
	var w interface{ WrongProof() bool }
	return errors.As(err, &w) && w.WrongProof()
}
