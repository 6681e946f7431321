package peers

import (
	_ "embed"
	"errors"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc/native"
	nativepython "github.com/parley-rpc/parley/rpc/native/python"
)

// The Python peers are Python's own server and client; the scripts speak the
// protocol of package harness.

//go:embed python/child.py
var pythonChild string

//go:embed python/mp.py
var pythonMP string

//go:embed python/xmlrpc.py
var pythonXMLRPC string

// python returns a function for Peer.Server or Peer.Client: it makes the command
// for a script, which gets its role and args.
func python(script, role string, args ...string) func(dir string) (*exec.Cmd, error) {
	return func(dir string) (*exec.Cmd, error) {
		name := filepath.Join(dir, role+".py")
		if err := os.WriteFile(name, []byte(pythonChild+script), 0o600); err != nil {
			return nil, err
		}
		return exec.Command("python3", append([]string{name, role}, args...)...), nil
	}
}

func needPython() error {
	if _, err := exec.LookPath("python3"); err != nil {
		return errors.New("not available: there is no python3 in PATH (apt-get install python3)")
	}
	return nil
}

// pyMP is multiprocessing.connection, a thread for each connection.
func pyMP() *Peer {
	return &Peer{
		Name:       "py-mp",
		OneAtATime: true,
		Missing:    needPython,
		Server:     python(pythonMP, "server", benchKey),
		Client:     python(pythonMP, "client", benchKey),
	}
}

// pyMPUnix is the same over a unix socket.
func pyMPUnix() *Peer {
	p := pyMP()
	p.Name = "py-mp-unix"
	p.Server = func(dir string) (*exec.Cmd, error) {
		return python(pythonMP, "server", benchKey, socketIn(dir))(dir)
	}
	return p
}

// parleyPyMP is the client of py-mp on Parley's server, which serves Python
// programs on the port of its own clients.
func parleyPyMP() *Peer {
	p := pyMP()
	p.Name = "parley-py-mp"
	p.Server = nil
	p.Serve = func(string) (string, error) { return servePython(anyPort) }
	return p
}

// parleyPyMPUnix is the same over a unix socket.
func parleyPyMPUnix() *Peer {
	p := parleyPyMP()
	p.Name = "parley-py-mp-unix"
	p.Serve = func(dir string) (string, error) { return servePython(socketIn(dir)) }
	return p
}

func servePython(url string) (addr string, err error) {
	reg, err := registry()
	if err != nil {
		return "", err
	}
	// Python before 3.12 knows no other digest.
	key, err := auth.NewKey([]byte(benchKey), auth.KeyConfig{AllowMD5: true})
	if err != nil {
		return "", err
	}
	return ServeNative(url, &native.Server{Objects: nativepython.Handler(reg), Auth: key})
}

// parleyPyXMLRPC is the client of py-xmlrpc on Parley's server.
func parleyPyXMLRPC() *Peer {
	p := pyXMLRPC()
	p.Name = "parley-py-xmlrpc"
	p.Server = nil
	p.Serve = func(string) (string, error) { return serveXMLRPC() }
	return p
}

// pyXMLRPC is xmlrpc.server with threads and HTTP/1.1, and xmlrpc.client.
func pyXMLRPC() *Peer {
	return &Peer{
		Name:       "py-xmlrpc",
		OneAtATime: true,
		Missing:    needPython,
		Server:     python(pythonXMLRPC, "server"),
		Client:     python(pythonXMLRPC, "client"),
	}
}
