package harness

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/parley-rpc/parley/internal/compare/work"
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
	// tcp://host:port, tls://host:port or unix:///path, whatever is spoken there.
	Serve func(dir string) (addr string, err error)
	// Dial opens one connection to a server, or makes ready what the first call
	// opens. dir is that of the server.
	Dial func(dir, addr string) (Conn, error)

	// Server and Client are programs in place of Serve and Dial. They speak the
	// protocol of this package on their standard input and output.
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
type Call = func(ctx context.Context) error

// Check returns what keeps the peer from running here.
func (p *Peer) Check() error {
	if p.Missing == nil {
		return nil
	}
	return p.Missing()
}

// Network takes an address apart into what net.Dial wants. What is inside TLS is
// of the network tls, which net.Dial does not know.
func Network(addr string) (network, address string) {
	network, address, _ = strings.Cut(addr, "://")
	return network, address
}

// AnyPort is the address of a port of the loopback interface that is free.
const AnyPort = "tcp://127.0.0.1:0"

// SocketIn is the address of a unix socket in dir.
func SocketIn(dir string) string { return "unix://" + filepath.Join(dir, "socket") }

// Background runs a server. Should it end, that stands in what the process says
// on its standard error.
func Background(serve func() error) {
	go func() {
		if err := serve(); err != nil {
			fmt.Fprintln(os.Stderr, "serve:", err)
		}
	}()
}
