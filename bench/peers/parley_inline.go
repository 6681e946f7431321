package peers

import (
	"errors"
	"io"

	"github.com/parley-rpc/parley/rpc"
)

// inlineOption registers a function as short: it runs on the goroutine that
// reads. This is the one line that has to change when rpc has the option:
//
//	return rpc.Short(), nil
func inlineOption() (rpc.Option, error) {
	return nil, errors.New("not available: rpc has no option yet for functions that run on the reader")
}

// parleyInline is parley with functions that run on the goroutine that reads.
func parleyInline() *Peer {
	option, missing := inlineOption()
	return &Peer{
		Name:        "parley-inline",
		Unavailable: missing != nil,
		Missing:     func() error { return missing },
		Serve: func(string) (string, io.Closer, error) {
			return serveParley("tcp://127.0.0.1:0", option)
		},
		Dial: dialParley,
	}
}

// parleyTLS is the native transport over TLS.
func parleyTLS() *Peer {
	return &Peer{
		Name:        "parley-tls",
		Unavailable: true,
		Missing:     func() error { return errors.New("not available: the native transport does not speak TLS yet") },
	}
}
