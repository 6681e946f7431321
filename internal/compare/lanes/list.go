package lanes

import (
	"fmt"

	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/internal/compare/harness"
	"github.com/parley-rpc/parley/internal/compare/peers"
)

// lane is one transport: how it is called in a result, and its two sides.
type lane struct {
	compare.Lane
	peer   *harness.Peer
	python string // its version, if it takes part
}

// all are the lanes, in the order in which they are shown.
func all() []lane {
	python := peers.NewPython()
	py := "Python"
	native := func(name, title string, s peers.Socket) lane {
		return lane{Lane: compare.Lane{Title: title, Family: "native", Socket: string(s), Client: "Parley", Server: "Parley"}, peer: peers.Native(name, s)}
	}
	xmlrpc := func(name, title string, s peers.Socket) lane {
		return lane{Lane: compare.Lane{Title: title, Family: "xmlrpc", Socket: string(s), Client: "Parley", Server: "Parley"}, peer: peers.XMLRPC(name, s)}
	}
	ofPython := func(p *harness.Peer, title string, s peers.Socket, client, server string) lane {
		return lane{Lane: compare.Lane{Title: title, Family: "python", Socket: string(s), Client: client, Server: server}, peer: p}
	}
	if v := python.Version(); v != "" {
		py += " " + v
	}
	lanes := []lane{
		native("native-tcp", "native, TCP", peers.TCP),
		native("native-unix", "native, unix socket", peers.Unix),
		native("native-tls", "native, TLS", peers.TLS),
		xmlrpc("xmlrpc", "XML-RPC, TCP", peers.TCP),
		xmlrpc("xmlrpc-unix", "XML-RPC, unix socket", peers.Unix),
		xmlrpc("xmlrpc-tls", "XML-RPC, TLS", peers.TLS),
		{Lane: compare.Lane{Title: "kolo/xmlrpc, TCP", Family: "kolo", Socket: "tcp", Client: "kolo/xmlrpc", Server: "Parley"}, peer: peers.Kolo("kolo")},
		ofPython(python.XMLRPC("py-xmlrpc"), "Python XML-RPC, TCP", peers.TCP, py+" xmlrpc.client", py+" xmlrpc.server"),
		ofPython(python.Multiprocessing("py-mp", peers.TCP), "Python multiprocessing, TCP", peers.TCP, py+" multiprocessing", py+" multiprocessing"),
		ofPython(python.Multiprocessing("py-mp-unix", peers.Unix), "Python multiprocessing, unix socket", peers.Unix, py+" multiprocessing", py+" multiprocessing"),
		ofPython(python.XMLRPCOnParley("parley-py-xmlrpc"), "Python's XML-RPC client on Parley", peers.TCP, py+" xmlrpc.client", "Parley"),
		ofPython(python.MultiprocessingOnParley("parley-py-mp", peers.TCP), "Python's multiprocessing client on Parley", peers.TCP, py+" multiprocessing", "Parley"),
	}
	for i := range lanes {
		l := &lanes[i]
		l.Name = l.peer.Name
		l.OneAtATime = l.peer.OneAtATime || l.Family == "xmlrpc"
		if l.Family == "python" {
			l.python = python.Version()
		}
	}
	return lanes
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
