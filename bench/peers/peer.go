// Package peers holds what is compared: one file for each peer, which says how
// its server is started and how its client makes the calls of package work.
//
// To add a peer, write its file and put it into the list in list.go.
package peers

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/parley-rpc/parley/bench/work"
)

// Peer is one way to call a server. Its server and its client run in processes
// of their own, either in Go, by Serve and Dial, or as other programs.
type Peer struct {
	Name string
	// OneAtATime says that a connection carries one call at a time. Such a peer
	// gets as many connections as there are callers.
	OneAtATime bool
	// Missing says what keeps the peer from running here. Nil: nothing can.
	Missing func() error

	// Serve starts a server, which runs until the process ends. dir is a folder for
	// its sockets and files, which is removed afterwards. The address is
	// tcp://host:port or unix:///path.
	Serve func(dir string) (addr string, err error)
	// Dial opens one connection to a server.
	Dial func(addr string) (Conn, error)

	// Server and Client are programs in place of Serve and Dial. They speak the
	// protocol of package harness on their standard input and output.
	Server func(dir string) (*exec.Cmd, error)
	Client func(dir string) (*exec.Cmd, error)
}

// Conn is one connection of a client, safe for concurrent use unless the peer is
// OneAtATime.
type Conn interface {
	// Prepare returns the call that one caller repeats with one input.
	Prepare(in *work.Input) (Call, error)
	Close() error
}

// Call makes one call and checks its answer. It is not safe for concurrent use.
type Call func(ctx context.Context) error

// Check returns what keeps the peer from running here.
func (p *Peer) Check() error {
	if p.Missing == nil {
		return nil
	}
	return p.Missing()
}

// network takes an address apart into what net.Dial wants.
func network(addr string) (network, address string) {
	network, address, _ = strings.Cut(addr, "://")
	return network, address
}

// dial connects to a server's address.
func dial(addr string) (net.Conn, error) {
	return net.Dial(network(addr))
}

// listen opens a port of the loopback interface that is free.
func listen() (l net.Listener, addr string, err error) { return listenAt(anyPort) }

// anyPort is the address of a port that is free.
const anyPort = "tcp://127.0.0.1:0"

func listenAt(at string) (l net.Listener, addr string, err error) {
	l, err = net.Listen(network(at))
	if err != nil {
		return nil, "", err
	}
	return l, l.Addr().Network() + "://" + l.Addr().String(), nil
}

// socketIn is the address of a unix socket in dir.
func socketIn(dir string) string { return "unix://" + filepath.Join(dir, "socket") }

// background runs a server. Should it end, that stands in what the process says
// on its standard error.
func background(serve func() error) {
	go func() {
		if err := serve(); err != nil {
			fmt.Fprintln(os.Stderr, "serve:", err)
		}
	}()
}

// noForm is the error of a form that a peer does not know: a mistake in its file.
func noForm(f work.Form) error { return fmt.Errorf("form %d is not known", f) }
