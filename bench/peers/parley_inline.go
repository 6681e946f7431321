package peers

import (
	"fmt"

	"github.com/parley-rpc/parley/rpc"
)

// parleyInline is parley with functions that run on the goroutine that reads.
func parleyInline() *Peer {
	return &Peer{
		Name: "parley-inline",
		Serve: func(string) (string, error) {
			return serveParley(anyPort, rpc.Short())
		},
		Dial: dialParley,
	}
}

// parleyTLS is the native transport over TLS.
func parleyTLS() *Peer {
	return &Peer{
		Name:    "parley-tls",
		Missing: func() error { return fmt.Errorf("%w: the native transport does not speak TLS yet", ErrNotBuilt) },
	}
}
