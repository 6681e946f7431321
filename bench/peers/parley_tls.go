package peers

import (
	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc/native"
)

// parleyTLS is parley inside TLS 1.3 with a login, and a certificate of the
// server's own: what is there between machines.
func parleyTLS() *Peer {
	return &Peer{
		Name:  "parley-tls",
		Serve: func(string) (string, error) { return serveParley(anyTLSPort) },
		Dial:  dialParley,
	}
}

// anyTLSPort is the address of a port that is free, with TLS.
const anyTLSPort = "tls://127.0.0.1:0"

// benchSecret is what clients log in with inside TLS. Like benchKey it guards
// nothing but figures.
func benchSecret() (*auth.Secret, error) {
	return auth.ParseSecret("parley1_bench_bnTIabkSJYNij9zHkHvV2KvrJGVjHbzjY2ElsQbTaaw_0b10fab6")
}

// benchLogin is what a server has of it.
func benchLogin() (native.Authenticator, error) {
	secret, err := benchSecret()
	if err != nil {
		return nil, err
	}
	entry, err := secret.Entry(auth.UseChannel, "bench")
	if err != nil {
		return nil, err
	}
	return auth.NewCredentials([]auth.Entry{entry}, auth.CredentialsConfig{})
}
