package dial

import (
	"crypto/tls"
	"testing"

	"github.com/parley-rpc/parley/rpc/native"
)

// Through a relay the certificate is still held to the host of the server, and
// the caller's own configuration stays as it is.
func TestRouteKeepsServerName(t *testing.T) {
	t.Parallel()
	r, err := NewRoute("tls://server.example:16001")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	given := native.DialConfig{TLS: &tls.Config{MinVersion: tls.VersionTLS13}}
	url, config := r.native("tls://server.example:16001", given)
	if config.TLS.ServerName != "server.example" || url != "tls://"+r.relay.Addr().String() {
		t.Errorf("got %s, for the certificate of %q; want the relay's address and server.example", url, config.TLS.ServerName)
	}
	if given.TLS.ServerName != "" {
		t.Error("the given configuration was changed")
	}
	if _, config := r.native("", native.DialConfig{}); config.TLS != nil {
		t.Error("got a TLS configuration; want none where there was none")
	}
	if _, err := NewRoute("tcp://no-port"); err == nil {
		t.Error("an address without a port: got no error")
	}
}
