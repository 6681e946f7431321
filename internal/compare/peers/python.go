package peers

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/internal/compare/harness"
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

// PythonEnv is the environment variable that names the Python to run in the
// place of python3.
const PythonEnv = "PARLEY_PYTHON"

// Python is an interpreter to run peers with. Nothing is looked for until it is
// needed.
type Python struct {
	found func() (interpreter, error)
}

type interpreter struct{ path, version string }

// NewPython returns the Python that PythonEnv names, or else the python3 of the
// PATH, if it is 3.6 or later.
func NewPython() Python { return Python{sync.OnceValues(findPython)} }

// Missing says why there is no Python to run peers with.
func (p Python) Missing() error {
	_, err := p.found()
	return err
}

// Version is like 3.11.7; empty if there is no Python.
func (p Python) Version() string {
	i, _ := p.found()
	return i.version
}

func findPython() (interpreter, error) {
	const probeTimeout = 10 * time.Second
	path, err := exec.LookPath(cmp.Or(os.Getenv(PythonEnv), "python3"))
	if err != nil {
		return interpreter{}, errors.New("not available: there is no python3 in PATH (apt-get install python3)")
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	// It tells its own path, for what is found may be a shim that takes a while.
	out, err := exec.CommandContext(ctx, path, "-E", "-S", "-c",
		"import sys; sys.stdout.write('%d.%d.%d %s' % (sys.version_info[:3] + (sys.executable,)))").Output()
	if err != nil {
		return interpreter{}, fmt.Errorf("not available: %s does not run: %w", path, err)
	}
	version, executable, _ := strings.Cut(string(out), " ")
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil || executable == "" {
		return interpreter{}, fmt.Errorf("not available: %s says %.100q and not its version", path, out)
	}
	if major < 3 || major == 3 && minor < 6 {
		return interpreter{}, fmt.Errorf("not available: %s is Python %s; 3.6 or later is needed", path, version)
	}
	return interpreter{executable, version}, nil
}

// program returns a function for Peer.Server or Peer.Client: it makes the command
// for a script, which gets its role and args.
func (p Python) program(script, role string, args ...string) func(dir string) (*exec.Cmd, error) {
	return func(dir string) (*exec.Cmd, error) {
		python, err := p.found()
		if err != nil {
			return nil, err
		}
		name := filepath.Join(dir, role+".py")
		if err := os.WriteFile(name, []byte(pythonChild+script), 0o600); err != nil {
			return nil, err
		}
		return exec.Command(python.path, append([]string{name, role}, args...)...), nil
	}
}

// Multiprocessing is multiprocessing.connection on both sides, a thread for each
// connection of the server.
func (p Python) Multiprocessing(name string, s Socket) *harness.Peer {
	peer := p.multiprocessingClient(name)
	peer.Server = func(dir string) (*exec.Cmd, error) {
		return p.program(pythonMP, "server", measuringKey, s.listen(dir))(dir)
	}
	return peer
}

// MultiprocessingOnParley is that client on Parley's server, which serves Python
// programs on the port of its own clients.
func (p Python) MultiprocessingOnParley(name string, s Socket) *harness.Peer {
	peer := p.multiprocessingClient(name)
	peer.Serve = func(dir string) (string, error) { return servePython(s.listen(dir)) }
	return peer
}

func (p Python) multiprocessingClient(name string) *harness.Peer {
	return &harness.Peer{
		Name: name, OneAtATime: true, Missing: p.Missing,
		Client: p.program(pythonMP, "client", measuringKey),
	}
}

func servePython(url string) (addr string, err error) {
	reg, err := registry()
	if err != nil {
		return "", err
	}
	// Python before 3.12 knows no other digest.
	key, err := auth.NewKey([]byte(measuringKey), auth.KeyConfig{AllowMD5: true})
	if err != nil {
		return "", err
	}
	return ServeNative(url, &native.Server{Objects: nativepython.Handler(reg), Auth: key})
}

// XMLRPC is xmlrpc.server with threads and HTTP/1.1, and xmlrpc.client.
func (p Python) XMLRPC(name string) *harness.Peer {
	peer := p.xmlrpcClient(name)
	peer.Server = p.program(pythonXMLRPC, "server")
	return peer
}

// XMLRPCOnParley is that client on Parley's server.
func (p Python) XMLRPCOnParley(name string) *harness.Peer {
	peer := p.xmlrpcClient(name)
	peer.Serve = func(dir string) (string, error) { return serveXMLRPC(TCP, dir) }
	return peer
}

func (p Python) xmlrpcClient(name string) *harness.Peer {
	return &harness.Peer{
		Name: name, OneAtATime: true, Missing: p.Missing,
		Client: p.program(pythonXMLRPC, "client"),
	}
}
