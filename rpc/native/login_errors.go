package native

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"syscall"

	"github.com/parley-rpc/parley/rpc/value"
)

// What a login in TLS fails with, besides ErrAuth itself.
var (
	// ErrLoginRefused: the server has refused the login. It does not say why; its
	// log does.
	ErrLoginRefused = authError("the server refused the login: the id is unknown there, revoked, expired or for another use, the secret is wrong, or somebody stands between the two ends")
	// ErrServerUnproven: what the server has proved is not that it knows our
	// credential. Nothing was sent to it but the login.
	ErrServerUnproven = authError("the server could not prove that it knows the credential: it is another one, or somebody stands between the two ends")
	// ErrNoLogin: the server does not take part in the login, or asks for one that
	// this side does not take part in.
	ErrNoLogin = authError("the login failed")
	// ErrUntrusted: the certificate of the peer is not signed by an authority that
	// is trusted here, has expired, is for another host, or is not that of Pin.
	ErrUntrusted = authError("the peer's certificate is not trusted")
	// ErrCertificateRefused: the peer does not accept the certificate of this side,
	// or needs one.
	ErrCertificateRefused = authError("the peer did not accept a certificate of this side")
	// ErrNoTLS: what is at the other end is no peer of this kind inside TLS 1.3.
	// It is no ErrAuth: nobody has tried to log in.
	ErrNoTLS = errors.New("the peer does not speak parley/1 inside TLS 1.3")
)

// Alerts of TLS (RFC 8446 section 6).
const (
	alertProtocolVersion tls.AlertError = 70
	alertNoProtocol      tls.AlertError = 120
)

// certificateAlerts are those that speak of the receiver's certificate.
var certificateAlerts = []tls.AlertError{
	42,  // bad_certificate
	43,  // unsupported_certificate
	44,  // certificate_revoked
	45,  // certificate_expired
	46,  // certificate_unknown
	48,  // unknown_ca
	49,  // access_denied
	116, // certificate_required
}

// isAlert reports whether err is one of these alerts of the peer. crypto/tls has
// a type of its own for them, which has the same text.
func isAlert(err error, alerts ...tls.AlertError) bool {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return false
	}
	return slices.ContainsFunc(alerts, func(a tls.AlertError) bool { return op.Err.Error() == a.Error() })
}

// alerted says what an alert means that comes after the handshake: in TLS 1.3 a
// client learns then that its certificate was refused.
func alerted(err error) error {
	if err != nil && isAlert(err, certificateAlerts...) {
		return fmt.Errorf("%w: %w", ErrCertificateRefused, err)
	}
	return err
}

// maxTLSError bounds what an error of the handshake says, in bytes: crypto/tls
// quotes all protocols that a client has asked for, and all names of a certificate.
const maxTLSError = 512

// tlsError is an error of the handshake with its text capped and escaped.
type tlsError struct{ error }

func (e tlsError) Error() string { return value.Clip(e.error.Error(), maxTLSError) }
func (e tlsError) Unwrap() error { return e.error }

// explainTLS says what an error of the handshake means, and what to do.
func explainTLS(err error, server bool) error {
	err = tlsError{err}
	var header tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, ErrAuth), errors.Is(err, ErrNoTLS):
		return fmt.Errorf("TLS: %w", err)
	case errors.As(err, &header) && server:
		return fmt.Errorf("%w: it began with \"%s\": it may have been told tcp:// in place of tls:// (%w)", ErrNoTLS, value.Clip(string(header.RecordHeader[:]), 5), err)
	case errors.As(err, &header) && header.RecordHeader[0] == 0:
		return fmt.Errorf("%w: it asks for the authkey challenge: use tcp:// with Auth, or have it listen on tls:// (%w)", ErrNoTLS, err)
	case errors.As(err, &header) && string(header.RecordHeader[:]) == "HTTP/":
		return fmt.Errorf("%w: it speaks HTTP without TLS, as XML-RPC does: its URL begins with http:// (%w)", ErrNoTLS, err)
	case errors.As(err, &header):
		return fmt.Errorf("%w: what came is no TLS at all: check the address, or use tcp:// (%w)", ErrNoTLS, err)
	case errors.As(err, &certificate):
		return fmt.Errorf("%w: %w%s", ErrUntrusted, err, certificateHint(err, server))
	case isAlert(err, certificateAlerts...):
		return fmt.Errorf("TLS: %w", alerted(err))
	case isAlert(err, alertProtocolVersion):
		return fmt.Errorf("%w: it has no TLS 1.3 (%w)", ErrNoTLS, err)
	case isAlert(err, alertNoProtocol):
		return fmt.Errorf("%w: it speaks TLS, but its application protocol (ALPN) is not parley/1: it is another kind of server (%w)", ErrNoTLS, err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("TLS handshake: %w", err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return fmt.Errorf("TLS: the peer closed the connection in the middle of the handshake: it may not speak TLS, be full, or not admit this address: %w", err)
	}
	return fmt.Errorf("TLS: %w", err)
}

// certificateHint says what to do about a certificate that is not trusted.
func certificateHint(err error, server bool) string {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	switch {
	case server:
		return "" // its ClientCAs are what it trusts, and the client has to fit
	case errors.As(err, &authority):
		return "; set TLS.RootCAs to the authority that signed it, or use a Login without RootCAs"
	case errors.As(err, &host):
		return "; dial the name that it is for, or set TLS.ServerName"
	}
	return ""
}

// isTLS reports whether bytes begin a ClientHello: a handshake record, version 3.
func isTLS(b []byte) bool { return len(b) >= 2 && b[0] == 22 && b[1] == 3 }
