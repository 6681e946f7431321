package xmlrpc

import (
	"context"
	"net/http"
	"net/netip"
	"sync/atomic"

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

// Secret is what a Client logs in with. auth.Secret is one, and auth.SecretFile.
// It is safe for concurrent use.
type Secret interface {
	// Authorization returns the value of the header of that name. It is asked for
	// each call; after an error the one before is sent once more.
	Authorization() (string, error)
}

// loginHeader returns a function that returns header, with the Authorization that
// login, which may be nil, has now.
func loginHeader(header http.Header, login Secret) func() http.Header {
	if login == nil {
		return func() http.Header { return header }
	}
	var last atomic.Pointer[http.Header]
	last.Store(&header)
	return func() http.Header {
		now := *last.Load()
		authorization, err := login.Authorization()
		if err == nil && authorization != now.Get("Authorization") {
			now = now.Clone()
			now.Set("Authorization", authorization)
			last.Store(&now)
		}
		return now
	}
}
