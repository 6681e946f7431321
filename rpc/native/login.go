package native

import (
	"context"

	"github.com/parley-rpc/parley/rpc"
)

// Authenticator is one side of a login inside TLS, protocol parley/1. The types
// of package auth satisfy it: auth.Credentials for servers, auth.Secret for
// clients. It is safe for concurrent use.
type Authenticator interface {
	// Authenticate runs a login and returns who the peer is.
	//
	// read returns the next message, of 4096 bytes at most, which is valid until
	// the next read; write sends one. binding returns what ties the login to this
	// connection: kind is "tls-exporter" (RFC 9266) or "tls-server-end-point"
	// (RFC 5929), or "" for a connection without TLS, which is an error but on a
	// unix socket whose other end belongs to the same user. All of them fail once
	// the time for the login is over.
	//
	// An error that has a method WrongProof() bool which returns true counts as a
	// wrong secret for the limit of those, and one with a method Credential() string
	// tells the log which credential the peer has named. On a client, one with a
	// method Refused() bool which returns true is ErrLoginRefused.
	Authenticate(ctx context.Context, binding func(kind string) ([]byte, error),
		read func() ([]byte, error), write func([]byte) error) (rpc.Identity, error)
}
