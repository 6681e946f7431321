package peers

import (
	_ "embed"
	"errors"
	"os/exec"
)

// The Python peers are Python's own server and client; the scripts speak the
// protocol of package harness.

//go:embed python/child.py
var pythonChild string

//go:embed python/mp.py
var pythonMP string

//go:embed python/xmlrpc.py
var pythonXMLRPC string

// python returns the command for a script, which gets args.
func python(script string, args ...string) (*exec.Cmd, error) {
	return exec.Command("python3", append([]string{"-c", pythonChild + script}, args...)...), nil
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
		Server:     func(string) (*exec.Cmd, error) { return python(pythonMP, "server", "tcp", benchKey) },
		Client:     func(string) (*exec.Cmd, error) { return python(pythonMP, "client", "", benchKey) },
	}
}

// pyMPUnix is the same over a unix socket.
func pyMPUnix() *Peer {
	p := pyMP()
	p.Name = "py-mp-unix"
	p.Server = func(dir string) (*exec.Cmd, error) {
		return python(pythonMP, "server", socketIn(dir), benchKey)
	}
	return p
}

// pyXMLRPC is xmlrpc.server with threads and HTTP/1.1, and xmlrpc.client.
func pyXMLRPC() *Peer {
	return &Peer{
		Name:       "py-xmlrpc",
		OneAtATime: true,
		Missing:    needPython,
		Server:     func(string) (*exec.Cmd, error) { return python(pythonXMLRPC, "server") },
		Client:     func(string) (*exec.Cmd, error) { return python(pythonXMLRPC, "client") },
	}
}
