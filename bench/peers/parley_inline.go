package peers

import (
	"fmt"

	"github.com/parley-rpc/parley/rpc"
)

// inlineOption registers a function as short: it runs on the goroutine that
// reads. This is the one line that has to change when rpc has the option:
//
//	return rpc.Short(), nil
func inlineOption() (rpc.Option, error) {
	return nil, fmt.Errorf("%w: rpc has no option yet for functions that run on the reader", ErrNotBuilt)
}

// parleyInline is parley with functions that run on the goroutine that reads.
func parleyInline() *Peer {
	option, missing := inlineOption()
	return &Peer{
		Name:    "parley-inline",
		Missing: func() error { return missing },
		Serve: func(string) (string, error) {
			return serveParley(anyPort, option)
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
