//go:build peers

package interop

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/internal/peertest"
)

// TestLiveServers calls the servers that need more than Go and Python.
func TestLiveServers(t *testing.T) {
	for name, start := range map[string]starter{
		"ruby": func(t *testing.T) (string, string) { return launchTelling(t, exec.Command("ruby", program("ruby.rb"))) },
		"rpcxml": func(t *testing.T) (string, string) {
			return launchTelling(t, perlCommand("rpcxml.pl"))
		},
		"npm-xmlrpc":      startNode,
		"frontier":        startFrontier,
		"php":             startPHP,
		"xmlrpc-c":        startXMLRPCC,
		"supervisor":      startSupervisor,
		"supervisor-inet": startSupervisorInet,
		"aria2":           startAria2,
	} {
		t.Run(name, func(t *testing.T) { converseLive(t, serverNamed(t, name), start) })
	}
}

func startFrontier(t *testing.T) (network, addr string) {
	port := freePort(t)
	launch(t, perlCommand("frontier.pl", port))
	untilUp(t, "tcp", "127.0.0.1:"+port)
	return "tcp", "127.0.0.1:" + port
}

func startPHP(t *testing.T) (network, addr string) {
	port := freePort(t)
	launch(t, exec.Command("php", "-S", "127.0.0.1:"+port, program("php.php")))
	untilUp(t, "tcp", "127.0.0.1:"+port)
	return "tcp", "127.0.0.1:" + port
}

// perlCommand runs a script of Perl whose hashes have one order, so that it writes
// the same each time.
func perlCommand(script string, args ...string) *exec.Cmd {
	cmd := exec.Command("perl", append([]string{program(script)}, args...)...)
	cmd.Env = append(cmd.Environ(), "PERL_HASH_SEED=0", "PERL_PERTURB_KEYS=0")
	return cmd
}

func startNode(t *testing.T) (network, addr string) {
	cmd := exec.Command("node", program("npm-xmlrpc.js"))
	cmd.Env = append(cmd.Environ(), npmFolder(t))
	return launchTelling(t, cmd)
}

func startXMLRPCC(t *testing.T) (network, addr string) {
	bin := t.TempDir()
	const build = "gcc -o $BIN/server $SRC $(xmlrpc-c-config abyss-server --libs)"
	if _, err := peertest.Shell(t, t.Context(), ".", build, "BIN="+bin, "SRC="+program("xmlrpc-c.c")); err != nil {
		t.Fatal(err)
	}
	return launchTelling(t, exec.Command(filepath.Join(bin, "server")))
}

// supervisorConfig is the configuration of supervisor, without the part that says
// where it listens.
const supervisorConfig = `
[supervisord]
nodaemon = true
logfile = DIR/log
pidfile = DIR/pid
childlogdir = DIR
identifier = parley

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[program:absent]
command = /nonexistent/parley
autostart = false

[program:hello]
command = /bin/sh DIR/hello.sh
autostart = false
startsecs = 1
`

func startSupervisor(t *testing.T) (network, addr string) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	superviseIn(t, dir, "[unix_http_server]\nfile = "+socket+"\nchmod = 0600\nusername = parley\npassword = gr:üße\n")
	untilUp(t, "unix", socket)
	return "unix", socket
}

func startSupervisorInet(t *testing.T) (network, addr string) {
	addr = "127.0.0.1:" + freePort(t)
	superviseIn(t, t.TempDir(), "[inet_http_server]\nport = "+addr+"\nusername = parley\npassword = secret\n")
	untilUp(t, "tcp", addr)
	return "tcp", addr
}

func superviseIn(t *testing.T, dir, listener string) {
	t.Helper()
	writeFile(t, filepath.Join(dir, "hello.sh"), []byte("cat <<'end'\n"+helloOutput+"end\nexec sleep 600\n"))
	config := filepath.Join(dir, "supervisord.conf")
	writeFile(t, config, []byte(listener+strings.ReplaceAll(supervisorConfig, "DIR", dir)))
	launch(t, exec.Command("supervisord", "-c", config))
}

func startAria2(t *testing.T) (network, addr string) {
	port := freePort(t)
	launch(t, exec.Command("aria2c",
		"--no-conf", "--enable-rpc", "--rpc-listen-port="+port, "--rpc-secret="+strings.TrimPrefix(aria2Secret, "token:"),
		"--dir="+t.TempDir(), "--quiet", "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false",
		"--enable-peer-exchange=false", "--rpc-save-upload-metadata=false", "--no-netrc"))
	untilUp(t, "tcp", "127.0.0.1:"+port)
	return "tcp", "127.0.0.1:" + port
}
