package peers

import (
	"fmt"
	"strings"

	"github.com/parley-rpc/parley/internal/compare/harness"
	shared "github.com/parley-rpc/parley/internal/compare/peers"
	"github.com/parley-rpc/parley/rpc"
)

// All are the peers, in the order of the table.
func All() []*harness.Peer {
	python := shared.NewPython()
	return []*harness.Peer{
		shared.Native("parley", shared.TCP),
		shared.Native("parley-unix", shared.Unix),
		shared.Native("parley-inline", shared.TCP, rpc.Short()), // functions run on the goroutine that reads
		shared.Native("parley-tls", shared.TLS),

		raw(), rawUnix(), rawMux(), rawMuxGo(),
		netRPC(), arpcPeer(), grpcPeer(), ttrpcPeer(), drpcPeer(), connectPeer(), natsPeer(),

		python.Multiprocessing("py-mp", shared.TCP),
		python.Multiprocessing("py-mp-unix", shared.Unix),
		python.MultiprocessingOnParley("parley-py-mp", shared.TCP),
		python.MultiprocessingOnParley("parley-py-mp-unix", shared.Unix),

		shared.XMLRPC("parley-xmlrpc", shared.TCP),
		httpEcho(),
		shared.Kolo("kolo"),
		python.XMLRPC("py-xmlrpc"),
		python.XMLRPCOnParley("parley-py-xmlrpc"),
		xmlrpcC(),
	}
}

// Find returns the peer with this name.
func Find(name string) (*harness.Peer, error) {
	var names []string
	for _, p := range All() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return nil, fmt.Errorf("%q is no peer; there are %s", name, strings.Join(names, ", "))
}

// Short are the peers that are compared if nothing else is said: each floor, and
// what most programs use today.
func Short() []string {
	return []string{"parley", "parley-unix", "raw", "raw-unix", "raw-mux", "raw-mux-go", "netrpc", "grpc"}
}
