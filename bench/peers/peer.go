// Package peers holds what Parley is compared with: one file for each peer, which
// says how its server is started and how its client makes the calls of package
// work. Parley itself, kolo and Python, which parley compare measures too, are in
// internal/compare/peers of the main module.
//
// To add a peer, write its file and put it into the list in list.go.
package peers

import (
	"net"

	"github.com/parley-rpc/parley/internal/compare/harness"
)

// dial connects to a server's address.
func dial(addr string) (net.Conn, error) {
	return net.Dial(harness.Network(addr))
}

// listen opens a port of the loopback interface that is free.
func listen() (l net.Listener, addr string, err error) { return listenAt(harness.AnyPort) }

func listenAt(at string) (l net.Listener, addr string, err error) {
	l, err = net.Listen(harness.Network(at))
	if err != nil {
		return nil, "", err
	}
	return l, l.Addr().Network() + "://" + l.Addr().String(), nil
}
