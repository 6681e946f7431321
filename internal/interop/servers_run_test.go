package interop

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/parley-rpc/parley/internal/peertest"
)

// starter starts a server and returns the network and the address where it takes
// connections.
type starter func(t *testing.T) (network, addr string)

// TestLivePythonServers calls the servers of each Python 3.
func TestLivePythonServers(t *testing.T) {
	pythons := map[string]string{"default": peertest.Python(t)} // the path of each
	if !*update {
		pythons = map[string]string{}
		for _, v := range peertest.Pythons(t) {
			if v.AtLeast(3, 0) {
				pythons[v.String()] = v.Path
			}
		}
	}
	for version, python := range pythons {
		for name, args := range map[string][]string{"python": nil, "python-doc": {"doc"}} {
			t.Run(name+" "+version, func(t *testing.T) {
				t.Parallel()
				converseLive(t, serverNamed(t, name), func(t *testing.T) (string, string) {
					return launchTelling(t, exec.Command(python, append([]string{program("python.py")}, args...)...))
				}, "PYTHON="+python)
			})
		}
	}
}

// converseLive goes through the steps of a server that runs, and compares what comes
// out with the recording, or records it. vars are for the command that prints the
// server's version.
func converseLive(t *testing.T, sv server, start starter, vars ...string) {
	version, err := peertest.Shell(t, t.Context(), ".", sv.version, append(vars, npmFolder(t))...)
	if err != nil {
		peertest.Missing(t, fmt.Sprintf("%s for %s (%v)", sv.library, sv.language, err), "make peers, or apt-get install "+strings.Join(sv.packages, " "))
	}
	files := serveFiles(t)
	network, addr := start(t)
	ln := listen(t, sv.unix)
	rec := newRecorder(t, ln, network, addr)
	s := newSession(t, sv, urlOf(ln.Addr().Network(), ln.Addr().String(), sv.path))
	s.fileAt = files
	s.direct = newClient(t, urlOf(network, addr, sv.path), sv.config)
	got := sv.converse(s)
	if *update && !t.Failed() {
		head := fmt.Sprintf("version: %s\n\n", strings.TrimSpace(version))
		writeFile(t, file("answers", sv.name, ".txt"), []byte(head+got))
		writeFile(t, file("answers", sv.name, ".http"), sv.normalize(t, rec.bytes()))
	}
	sv.compare(t, got)
}

func writeFile(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// recorder stands between our client and a server and keeps what the server says.
type recorder struct {
	mu  sync.Mutex // protects buf
	buf bytes.Buffer
}

// newRecorder carries connections from ln to a server, until the test ends.
func newRecorder(t *testing.T, ln net.Listener, network, addr string) *recorder {
	rec := &recorder{}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial(network, addr)
			if err != nil {
				in.Close()
				continue
			}
			conns.Go(func() {
				io.Copy(out, in) // an error is the end of the connection
				out.Close()
			})
			conns.Go(func() {
				io.Copy(io.MultiWriter(rec, in), out)
				in.Close()
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		conns.Wait()
	})
	return rec
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(p)
}

func (r *recorder) bytes() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Clone(r.buf.Bytes())
}

// changing is what is different each time in the answers of the servers, and what is
// recorded in its place.
var changing = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`(<name>(?:pid|start|stop|now)</name>\s*<value><int>)[1-9]\d*`), "${1}1700000000"},
	{regexp.MustCompile(`pid \d+, uptime \d+:\d\d:\d\d`), "pid 1700000000, uptime 0:00:01"},
	{regexp.MustCompile(`(?:[A-Z][a-z]{2} \d{2} \d{2}:\d{2} [AP]M)`), "Nov 14 10:13 PM"},
	{regexp.MustCompile(`/[^\s<>]*/TestLive[^\s<>/]*/\d+`), "/tmp"},
	{regexp.MustCompile(`(---parley-)\w+\.log`), "${1}abcdefgh.log"},
	{regexp.MustCompile(`(<name>(?:down|up)loadSpeed</name><value><string>)\d+`), "${1}1000"},
	{loopback, "127.0.0.1:8080"},
}

var loopback = regexp.MustCompile(`127\.0\.0\.1:\d+`)

var dateOf = regexp.MustCompile(`(?mi)^((?:Date|Expires): ).*$`)

// normalize takes out of recorded answers what is different each time.
func (sv server) normalize(t *testing.T, recorded []byte) []byte {
	t.Helper()
	answers, err := splitAnswers(recorded)
	if err != nil {
		t.Fatalf("what %s answered: %v\n%.2000s", sv.name, err, recorded)
	}
	var out []byte
	for _, a := range answers {
		head, n, err := splitHead(a)
		if err != nil {
			t.Fatal(err)
		}
		body := a[len(head):]
		head = dateOf.ReplaceAll(head, []byte("${1}Thu, 29 Feb 2024 13:45:06 GMT\r"))
		head = loopback.ReplaceAll(head, []byte("127.0.0.1:8080"))
		for _, c := range changing {
			body = c.pattern.ReplaceAll(body, []byte(c.with))
		}
		if len(body) != n && bytes.Contains(bytes.ToLower(head), []byte("content-length")) {
			length := regexp.MustCompile(`(?mi)^(Content-Length: *)` + strconv.Itoa(n))
			head = length.ReplaceAll(head, []byte("${1}"+strconv.Itoa(len(body))))
		}
		out = append(append(out, head...), body...)
	}
	return out
}

// launch starts a program that runs until the test ends; it is asked to end then,
// and killed if it does not. launch returns its standard output.
func launch(t *testing.T, cmd *exec.Cmd) *bufio.Reader {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer // read after Wait
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = w, &stderr, 5*time.Second
	err = cmd.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		stdin.Close()
		dead := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		dead.Stop()
		r.Close()
		if t.Failed() {
			t.Logf("%s: %s", cmd, &stderr)
		}
	})
	return bufio.NewReader(r)
}

// launchTelling starts a program whose first line is its port.
func launchTelling(t *testing.T, cmd *exec.Cmd) (network, addr string) {
	t.Helper()
	line, err := launch(t, cmd).ReadString('\n')
	port, bad := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || bad != nil {
		t.Fatalf("%s: got %q, %v; want its port", cmd, line, err)
	}
	return "tcp", fmt.Sprintf("127.0.0.1:%d", port)
}

// untilUp waits until something listens.
func untilUp(t *testing.T, network, addr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), endurance)
	defer cancel()
	var d net.Dialer
	for {
		conn, err := d.DialContext(ctx, network, addr)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("nothing listens at %s after %s: %v", addr, endurance, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// freePort returns a port that nobody listens on, for servers that cannot choose one
// themselves.
func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}

// npmFolder is the variable that tells programs where the modules of npm are.
func npmFolder(t *testing.T) string {
	t.Helper()
	folder, err := filepath.Abs(filepath.Join("testdata", "npm", "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	return "NPM=" + folder
}

func program(name string) string { return filepath.Join("testdata", "servers", name) }

// serveFiles serves a file of 1000 bytes, for a server that downloads.
func serveFiles(t *testing.T) (url string) {
	ln := listen(t, false)
	srv := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "file", time.Time{}, strings.NewReader(strings.Repeat("x", 1000)))
		}),
		ReadHeaderTimeout: endurance,
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ln) // until Close
	}()
	t.Cleanup(func() {
		srv.Close()
		<-done
	})
	return "http://" + ln.Addr().String()
}
