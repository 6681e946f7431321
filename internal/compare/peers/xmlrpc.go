package peers

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/parley-rpc/parley/internal/compare/harness"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// XMLRPC is Parley's other transport. A client keeps a connection for each call
// in flight.
func XMLRPC(name string, s Socket) *harness.Peer {
	return &harness.Peer{
		Name:  name,
		Serve: func(dir string) (string, error) { return serveXMLRPC(s, dir) },
		Dial:  DialXMLRPC,
	}
}

// betweenTurns is for how long a connection may have nothing to do, so that none
// is made again in the middle of what is measured.
const betweenTurns = 15 * time.Minute

func serveXMLRPC(s Socket, dir string) (addr string, err error) {
	reg, err := registry()
	if err != nil {
		return "", err
	}
	srv := &xmlrpc.Server{
		Handler: reg, Logger: slog.New(slog.DiscardHandler), IdleTimeout: 2 * betweenTurns,
		// On a busy machine 64 callers at once may need longer than the defaults.
		HeaderTimeout: time.Minute, ReadTimeout: 2 * time.Minute,
	}
	if s == TLS {
		certificate, err := newCertificate(dir)
		if err != nil {
			return "", err
		}
		srv.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13}
	}
	scheme, at := harness.Network(s.listen(dir))
	if s == Unix {
		at = "unix:" + at
	}
	l, err := srv.Listen(at)
	if err != nil {
		return "", err
	}
	harness.Background(func() error { return srv.Serve(l) })
	return scheme + "://" + l.Addr().String(), nil
}

// DialXMLRPC makes a client of Parley's for any server of XML-RPC, be it inside
// TLS with the certificate that lies in dir.
func DialXMLRPC(dir, addr string) (harness.Conn, error) {
	cfg := xmlrpc.ClientConfig{IdleTimeout: betweenTurns}
	if strings.HasPrefix(addr, "tls://") {
		var err error
		if cfg.TLS, err = trust(dir); err != nil {
			return nil, err
		}
	}
	url, err := xmlrpcURL(addr)
	if err != nil {
		return nil, err
	}
	c, err := xmlrpc.NewClient(url, cfg)
	if err != nil {
		return nil, err
	}
	return callerConn{c, c}, nil
}

func xmlrpcURL(addr string) (string, error) {
	network, where := harness.Network(addr)
	switch Socket(network) {
	case TCP:
		return "http://" + where + "/RPC2", nil
	case TLS:
		return "https://" + where + "/RPC2", nil
	case Unix:
		return "http+unix://" + where + ":/RPC2", nil
	}
	return "", fmt.Errorf("%q is no address of a server", addr)
}
