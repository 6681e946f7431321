package native

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"time"
)

// tlsAddr is the address of a listener inside TLS: its network is "tls", so that
// network and address are its URL. It has the methods of a *net.TCPAddr, and is none.
type tlsAddr struct{ *net.TCPAddr }

func (tlsAddr) Network() string { return "tls" }

// tlsListener is a TCP listener of tls:// addresses. A Server makes the handshakes
// beside its accept loop; somebody else who accepts from it gets connections that
// make theirs first.
type tlsListener struct {
	net.Listener // of TCP
	config       *tls.Config
	mutual       bool
}

func (l *tlsListener) Addr() net.Addr { return tlsAddr{l.Listener.Addr().(*net.TCPAddr)} }

// Accept returns the next connection, whose handshake is made by its first use.
func (l *tlsListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return tls.Server(nc, l.config), nil
}

// entry is how the connections of a listener come in: auth has the keys of the
// challenge, login is how they prove themselves without it; with neither they are
// taken as they are.
type entry struct {
	auth  Auth
	login *login
}

// guarded reports whether peers have to prove who they are.
func (a *acceptorConfig) guarded() bool { return a.auth != nil || a.login != nil }

// grace is how long a connection may take before it has to make room for another.
func (a *acceptorConfig) grace() time.Duration {
	if a.login != nil {
		return argonGrace
	}
	return loginGrace
}

// judge returns what admits peers, which may be an rpc.Revoker as well.
func (a *acceptorConfig) judge() any {
	if a.login != nil {
		return a.login.auth
	}
	return a.auth
}

// logIn has a connection prove who it is, and returns the one to use from then on.
// It calls reached as it comes on.
func (a *acceptor) logIn(ctx context.Context, nc net.Conn, reached func(loginStep)) (net.Conn, handshakeResult, error) {
	switch {
	case a.login != nil:
		return a.login.run(ctx, nc, reached)
	case a.auth != nil:
		h := handshake{auth: a.auth, role: listenerRole, offer: a.offerSession, timeout: a.timeout, proved: func() { reached(stepProved) }}
		result, err := h.run(ctx, nc)
		return nc, result, err
	}
	return nc, handshakeResult{}, nil
}

// checkEntry looks at what a listener or dialer on a network needs to let peers
// in. It is nil if there is something to prove who they are, or the switch that
// nobody has to.
func checkEntry(network string, auth Auth, l Authenticator, without, certificates bool) error {
	switch {
	case network == "tls" && (l != nil || certificates):
		return nil
	case network == "unix" && auth == nil && l != nil:
		if without {
			return errors.New("Login is set, and DangerouslyWithoutAuth too; choose one")
		}
		if runtime.GOOS != "linux" {
			return errors.New("Login on a unix socket needs Linux, which tells whom the other end belongs to; set Auth")
		}
		return nil
	case network == "tcp" && auth == nil && l != nil && !without:
		return errors.New("Login needs TLS: use tls://, or set Auth for tcp://")
	}
	return checkAuth(auth, without)
}

// checkListenEntry is checkEntry for a listener.
func checkListenEntry(network string, auth Auth, l Authenticator, cfg *tls.Config, without bool) error {
	if network == "tls" && l == nil && !mutual(cfg) {
		return errors.New("tls:// needs Login, or TLS with ClientAuth RequireAndVerifyClientCert and ClientCAs; encryption alone keeps nobody out")
	}
	return checkEntry(network, auth, l, without, mutual(cfg))
}

// checkDialEntry is checkEntry for a dialer.
func checkDialEntry(network string, auth Auth, l Authenticator, cfg *tls.Config, pin string, without bool) error {
	switch {
	case network == "tls" && l == nil && !hasCertificate(cfg):
		return errors.New("tls:// needs Login, or TLS with a certificate of this side")
	case network != "tls" && pin != "":
		return fmt.Errorf("Pin is set, and %s:// has no TLS: use tls://", network)
	case network != "tls" && cfg != nil:
		return fmt.Errorf("TLS is set, and %s:// has none: use tls://", network)
	}
	return checkEntry(network, auth, l, without, hasCertificate(cfg))
}

// listenEntry is listen, with TLS where url says so.
func listenEntry(url string, beyondLoopback bool, user *tls.Config, own func() (*tls.Certificate, error)) (net.Listener, error) {
	network, _, err := parseAddress(url)
	if err != nil || network != "tls" {
		return listen(url, beyondLoopback)
	}
	cfg, err := serverTLS(user, own)
	if err != nil {
		return nil, err
	}
	nl, err := listen(url, true)
	if err != nil {
		return nil, err
	}
	return &tlsListener{nl, cfg, mutual(cfg)}, nil
}

// ownCertificate is the certificate of a Server that was given none, the same for
// all its listeners.
type ownCertificate struct {
	mu   sync.Mutex
	made *tls.Certificate // guarded by mu
}

func (o *ownCertificate) get() (*tls.Certificate, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var err error
	if o.made == nil {
		o.made, err = ephemeralCertificate()
	}
	return o.made, err
}

// networkOf returns the scheme of a listener's address.
func networkOf(l net.Listener) string {
	switch l.(type) {
	case *tlsListener:
		return "tls"
	case *net.UnixListener, *unixListener:
		return "unix"
	}
	return "tcp"
}

// entryOf is how connections of nl come in, with what is set.
func entryOf(nl net.Listener, auth Auth, l Authenticator, timeout time.Duration) entry {
	switch t, ok := nl.(*tlsListener); {
	case ok:
		return entry{login: &login{auth: l, tls: t.config, mutual: t.mutual, server: true, timeout: timeout}}
	case networkOf(nl) == "unix" && auth == nil && l != nil:
		return entry{login: &login{auth: l, server: true, timeout: timeout}}
	}
	return entry{auth: auth}
}

// dialEntry is how connections to an address log in, with what is set.
func dialEntry(network, address string, auth Auth, l Authenticator, user *tls.Config, pin string) (entry, error) {
	switch {
	case network == "tls":
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return entry{}, err
		}
		cfg, err := clientTLS(user, host, pin, l != nil)
		return entry{login: &login{auth: l, tls: cfg}}, err
	case network == "unix" && auth == nil && l != nil:
		return entry{login: &login{auth: l}}, nil
	}
	return entry{auth: auth}, nil
}

// dial logs in on a connection, and returns the one to use from then on. After an
// error the caller closes nc.
func (e *entry) dial(ctx context.Context, nc net.Conn, offerSession bool) (net.Conn, handshakeResult, error) {
	switch {
	case e.login != nil:
		return e.login.run(ctx, nc, nil)
	case e.auth != nil:
		result, err := clientHandshake(ctx, nc, e.auth, offerSession)
		return nc, result, err
	}
	return nc, handshakeResult{}, nil
}

// inner returns the listener to accept sockets from.
func inner(nl net.Listener) net.Listener {
	if t, ok := nl.(*tlsListener); ok {
		return t.Listener
	}
	return nl
}
