package lanes

import (
	"fmt"
	"strings"

	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/internal/compare/harness"
	"github.com/parley-rpc/parley/internal/compare/peers"
)

// lane is one transport: how it is called in a result, and its two sides.
type lane struct {
	compare.Lane
	peer *harness.Peer
	// version is that of the Python that takes part; nil without one. It starts
	// that Python, which not everybody who has a list of lanes wants.
	version func() string
}

// all are the lanes, in the order in which they are shown.
func all() []lane {
	python := peers.NewPython()
	lanes := []lane{
		parley("native", "native, TCP", peers.TCP, peers.Native("native-tcp", peers.TCP)),
		parley("native", "native, unix socket", peers.Unix, peers.Native("native-unix", peers.Unix)),
		parley("native", "native, TLS", peers.TLS, peers.Native("native-tls", peers.TLS)),
		parley("xmlrpc", "XML-RPC, TCP", peers.TCP, peers.XMLRPC("xmlrpc", peers.TCP)),
		parley("xmlrpc", "XML-RPC, unix socket", peers.Unix, peers.XMLRPC("xmlrpc-unix", peers.Unix)),
		parley("xmlrpc", "XML-RPC, TLS", peers.TLS, peers.XMLRPC("xmlrpc-tls", peers.TLS)),
		{Lane: compare.Lane{Title: "kolo/xmlrpc, TCP", Family: "kolo", Socket: "tcp", Client: "kolo/xmlrpc", Server: "Parley"}, peer: peers.Kolo("kolo")},
	}
	for _, l := range []struct {
		title  string
		socket peers.Socket
		client string
		server string
		peer   *harness.Peer
	}{
		{"Python XML-RPC, TCP", peers.TCP, "Python xmlrpc.client", "Python xmlrpc.server", python.XMLRPC("py-xmlrpc")},
		{"Python multiprocessing, TCP", peers.TCP, "Python multiprocessing", "Python multiprocessing", python.Multiprocessing("py-mp", peers.TCP)},
		{"Python multiprocessing, unix socket", peers.Unix, "Python multiprocessing", "Python multiprocessing", python.Multiprocessing("py-mp-unix", peers.Unix)},
		{"Python XML-RPC on Parley, TCP", peers.TCP, "Python xmlrpc.client", "Parley", python.XMLRPCOnParley("parley-py-xmlrpc")},
		{"Python multiprocessing on Parley, TCP", peers.TCP, "Python multiprocessing", "Parley", python.MultiprocessingOnParley("parley-py-mp", peers.TCP)},
	} {
		lanes = append(lanes, lane{
			Lane:    compare.Lane{Title: l.title, Family: "python", Socket: string(l.socket), Client: l.client, Server: l.server},
			peer:    l.peer,
			version: python.Version,
		})
	}
	for i := range lanes {
		l := &lanes[i]
		l.Name = l.peer.Name
		l.OneAtATime = l.peer.OneAtATime || l.Family == "xmlrpc"
	}
	return lanes
}

// parley is a lane that has Parley on both sides.
func parley(family, title string, s peers.Socket, p *harness.Peer) lane {
	return lane{Lane: compare.Lane{Title: title, Family: family, Socket: string(s), Client: "Parley", Server: "Parley"}, peer: p}
}

// result is the lane as a result has it: with the version of Python.
func (l lane) result() compare.Lane {
	r := l.Lane
	if l.version != nil {
		for _, side := range []*string{&r.Client, &r.Server} {
			if what, ok := strings.CutPrefix(*side, "Python "); ok {
				*side = "Python " + l.version() + " " + what
			}
		}
	}
	return r
}

// Names are the names of all lanes, for a flag and its completion.
func Names() []string { return names(all()) }

func names(lanes []lane) []string {
	var names []string
	for _, l := range lanes {
		names = append(names, l.Name)
	}
	return names
}

// RunChild does the work of a child if args, those behind the name of the program,
// say that this process is one, and does not return then. Each program that calls
// Run calls it first.
func RunChild(args []string) {
	harness.RunChild(args, func(name string) (*harness.Peer, error) { return find(all(), name) }, nil)
}

func find(lanes []lane, name string) (*harness.Peer, error) {
	for _, l := range lanes {
		if l.Name == name {
			return l.peer, nil
		}
	}
	return nil, fmt.Errorf("%q is no lane", name)
}
