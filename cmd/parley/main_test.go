package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// binary is the command as it is shipped, built once.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "parley-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "parley")
	code := 1
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
	} else {
		code = m.Run()
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// patience bounds every wait for something that must happen.
const patience = 30 * time.Second

// outcome is what a run of the command left behind.
type outcome struct {
	code           int
	stdout, stderr string
}

// oneLine checks that stderr is one line that holds every part.
func (o outcome) oneLine(t *testing.T, parts ...string) {
	t.Helper()
	if strings.Count(o.stderr, "\n") != 1 || !strings.HasSuffix(o.stderr, "\n") {
		t.Errorf("standard error is not one line:\n%s", o.stderr)
	}
	for _, part := range parts {
		if !strings.Contains(o.stderr, part) {
			t.Errorf("standard error %q does not say %q", o.stderr, part)
		}
	}
}

// home is a user's state directory, of its own for each test.
type home struct {
	dir   string
	files int // that a command may have open; 0: as many as this process
	env   []string
	width int    // of its terminals; 0: they do not say
	out   string // file that standard output goes to; "": where that of the test goes
}

func newHome(t *testing.T) home { return home{dir: t.TempDir()} }

func (h home) key() string { return filepath.Join(h.dir, "parley", "authkey") }

// profiles is where the user's profiles are.
func (h home) profiles() string { return filepath.Join(h.dir, "config", "parley", "config.toml") }

func (h home) writeProfiles(t *testing.T, doc string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(h.profiles()), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.profiles(), []byte(doc), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (h home) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, binary, args...)
	if h.files > 0 {
		limit := fmt.Sprintf(`ulimit -n %d && exec "$0" "$@"`, h.files)
		cmd = exec.CommandContext(ctx, "sh", append([]string{"-c", limit, binary}, args...)...)
	}
	if h.out != "" {
		cmd = exec.CommandContext(ctx, "sh", append([]string{"-c", `out=$1; shift; exec "$0" "$@" > "$out"`, binary, h.out}, args...)...)
	}
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+h.dir, "XDG_CONFIG_HOME="+h.dir+"/config")
	cmd.Env = append(cmd.Env, h.env...)
	return cmd
}

// parley runs the command to its end.
func (h home) parley(t *testing.T, args ...string) outcome {
	t.Helper()
	return h.parleyReading(t, strings.NewReader(""), args...)
}

func (h home) parleyReading(t *testing.T, stdin io.Reader, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := h.command(ctx, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	err := cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) || ctx.Err() != nil {
		t.Fatalf("parley %q: %v", args, err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// running is a parley serve.
type running struct {
	home
	cmd            *exec.Cmd
	stdout         []string // the lines up to ready
	xmlrpc, native string   // URLs, empty for one that is off
	stderr         *safeBuffer
	ended          chan struct{} // closed when the process has, after rest and code are set
	rest           string        // what came to standard output after ready
	code           int
}

// serve starts parley serve on free ports of loopback, unless args say
// otherwise, and waits until it is ready.
func (h home) serve(t *testing.T, args ...string) *running {
	t.Helper()
	return h.start(t, append([]string{"--xmlrpc", "127.0.0.1:0", "--native", "127.0.0.1:0"}, args...)...)
}

// start is serve with no other flags than args.
func (h home) start(t *testing.T, args ...string) *running {
	t.Helper()
	args = append([]string{"serve"}, args...)
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{home: h, cmd: h.command(ctx, args...), stderr: &safeBuffer{}, ended: make(chan struct{})}
	r.cmd.Stderr = r.stderr
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		<-r.ended
		if t.Failed() {
			t.Logf("standard error of %q:\n%s", args, r.stderr)
		}
	})
	ready := make(chan bool, 1)
	go func() {
		defer close(r.ended)
		lines := bufio.NewReader(stdout)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				ready <- false
				break
			}
			r.stdout = append(r.stdout, strings.TrimSuffix(line, "\n"))
			if line == "ready\n" {
				ready <- true
				break
			}
		}
		rest, _ := io.ReadAll(lines)
		r.rest = string(rest)
		r.cmd.Wait()
		r.code = r.cmd.ProcessState.ExitCode()
	}()
	select {
	case ok := <-ready:
		if !ok {
			<-r.ended
			t.Fatalf("parley %q ended with code %d before it was ready:\n%s", args, r.code, r.stderr)
		}
	case <-time.After(patience):
		t.Fatalf("parley %q is not ready after %v", args, patience)
	}
	for _, line := range r.stdout {
		if url, ok := strings.CutPrefix(line, "xmlrpc "); ok {
			r.xmlrpc = url
		}
		if url, ok := strings.CutPrefix(line, "native "); ok {
			r.native = url
		}
	}
	return r
}

// call runs parley call.
func (r *running) call(t *testing.T, args ...string) outcome {
	t.Helper()
	return r.parley(t, append([]string{"call"}, args...)...)
}

// signal sends a signal to the server.
func (r *running) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// end waits until the server has ended and returns its exit code.
func (r *running) end(t *testing.T) int {
	t.Helper()
	select {
	case <-r.ended:
	case <-time.After(patience):
		t.Fatalf("the server has not ended after %v", patience)
	}
	return r.code
}

// awaitLog waits until the server has logged text.
func (r *running) awaitLog(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(r.stderr.String(), text); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the server has not logged %q", text)
		}
	}
}

// safeBuffer is a bytes.Buffer for concurrent use.
type safeBuffer struct {
	mu  sync.Mutex // protects buf
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// address returns the host:port or path of a URL.
func address(t *testing.T, url string) (network, addr string) {
	t.Helper()
	url = strings.TrimSuffix(url, "/RPC2")
	scheme, addr, ok := strings.Cut(url, "://")
	if !ok {
		t.Fatalf("%q is no URL", url)
	}
	switch scheme {
	case "unix", "http+unix":
		return "unix", strings.TrimSuffix(addr, ":")
	}
	return "tcp", addr
}

// dialAt opens a connection to the address of url and leaves it silent.
func dialAt(t *testing.T, url string) (net.Conn, error) {
	t.Helper()
	network, addr := address(t, url)
	return net.Dial(network, addr)
}

// refusedAt reports whether nobody listens at the address of url.
func refusedAt(t *testing.T, url string) bool {
	t.Helper()
	c, err := dialAt(t, url)
	if err == nil {
		c.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, os.ErrNotExist)
}

func writeFile(t *testing.T, name, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask is
		t.Fatal(err)
	}
	return path
}

const goodKey = "0123456789abcdef0123456789abcdef"

// eventually waits until something is so.
func eventually(t *testing.T, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it is not so after %v", patience)
		}
	}
}
