package peers

import (
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
