package peers

import (
	"fmt"
	"strings"
)

// All are the peers, in the order of the table.
func All() []*Peer {
	return []*Peer{
		parleyTCP(), parleyUnix(), parleyInline(), parleyTLS(),
		raw(), rawUnix(), rawMux(), rawMuxGo(),
		netRPC(), arpcPeer(), grpcPeer(), ttrpcPeer(), drpcPeer(), connectPeer(), natsPeer(),
		pyMP(), pyMPUnix(), parleyPyMP(), parleyPyMPUnix(),
		parleyXMLRPC(), httpEcho(), koloPeer(), pyXMLRPC(), parleyPyXMLRPC(), xmlrpcC(),
	}
}

// Find returns the peer with this name.
func Find(name string) (*Peer, error) {
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
