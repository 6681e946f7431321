package harness

import (
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/parley-rpc/parley/internal/relay"
)

// tap is a relay in front of a server. No figure but that of the bytes is taken
// through it.
type tap struct {
	*relay.Relay
	addr string // in the form of a peer's address
	dir  string // of its socket; empty for TCP
}

func newTap(server string) (*tap, error) {
	scheme, address, _ := strings.Cut(server, "://")
	network, at, dir := scheme, "127.0.0.1:0", ""
	switch scheme {
	case "tls":
		network = "tcp" // it goes by as bytes of TCP
	case "unix":
		var err error
		if dir, err = os.MkdirTemp("", "parley-relay-"); err != nil {
			return nil, err
		}
		at = filepath.Join(dir, "socket")
	}
	l, err := net.Listen(network, at)
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return &tap{relay.New(l, relay.To(network, address)), scheme + "://" + l.Addr().String(), dir}, nil
}

func (t *tap) close() {
	t.Close()
	os.RemoveAll(t.dir)
}
