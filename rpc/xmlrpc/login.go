package xmlrpc

import (
	"context"
	"net/netip"

	"github.com/parley-rpc/parley/rpc"
)

// Authenticator says who sends a request. auth.Credentials is one. It is safe for
// concurrent use.
type Authenticator interface {
	// AuthenticateHTTP is given the Authorization of a request, "" if it has none,
	// and the address it came from, which is not valid for a unix socket.
	//
	// An error is answered 401, or with what its method HTTPStatus() (status int,
	// retryAfter time.Duration) returns if it has one: 429 for an address that has
	// failed too often, 503 while there is no room to check a password. Its text
	// goes to the log alone.
	AuthenticateHTTP(ctx context.Context, authorization string, from netip.Addr) (rpc.Identity, error)
}

// Secret is what a Client logs in with. auth.Secret is one.
type Secret interface {
	// Authorization returns the value of the header of that name.
	Authorization() (string, error)
}
