package peertest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	// runTimeout bounds a script whose context has no deadline.
	runTimeout = 60 * time.Second
	// pipeDelay is how long a process that a script left behind may hold the
	// script's output open.
	pipeDelay = 2 * time.Second
	// maxLine bounds one line of a script's output, in bytes.
	maxLine = 16 << 20
	// maxStderr is how much of a script's standard error is kept, in bytes; of
	// more its end, where a traceback names the exception.
	maxStderr = 8 << 10
)

// RunPython runs the text of a script with the interpreter at path, waits for
// it and returns its standard output. A script that fails, or that is not done
// when ctx is (after a minute if ctx has no deadline), fails the test with its
// standard error. It is killed together with the processes it started.
func RunPython(t testing.TB, ctx context.Context, path, script string, args ...string) string {
	t.Helper()
	ctx, cancel := limited(ctx)
	defer cancel()
	out, err := run(ctx, pythonCommand(t, ctx, path, script, args))
	if err != nil {
		t.Fatalf("%s: the script %v", path, err)
	}
	return out
}

// Process is a script that runs beside a test: a server, or a client that is
// told what to do line by line. Its methods are safe for concurrent use.
type Process struct {
	// Stdin is the script's standard input.
	Stdin io.WriteCloser

	lines  chan string   // lines of stdout; closed by its reader when they end
	done   chan struct{} // closed when the script has ended, after err is set
	err    error
	stderr tail
	kill   context.CancelFunc
}

// StartPython starts the text of a script with the interpreter at path and
// leaves it running. It is killed, together with the processes it started, at
// the end of the test at the latest.
func StartPython(t testing.TB, path, script string, args ...string) *Process {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &Process{lines: make(chan string), done: make(chan struct{}), kill: cancel}
	cmd := pythonCommand(t, ctx, path, script, args)
	// The pipe is our own: Wait would close that of StdoutPipe under its reader.
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatalf("%s: standard output: %v", path, err)
	}
	cmd.Stdout, cmd.Stderr = w, &p.stderr
	p.Stdin, err = cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	w.Close()
	if err != nil {
		cancel()
		r.Close()
		t.Fatalf("%s: %v", path, err)
	}

	go func() {
		defer close(p.done)
		p.err = cmd.Wait()
		killRest(cmd)
	}()
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(p.lines)
		scanner := bufio.NewScanner(r)
		scanner.Buffer(nil, maxLine)
		for scanner.Scan() {
			select {
			case p.lines <- scanner.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	t.Cleanup(func() {
		p.Kill()
		r.Close()
		<-read
		if t.Failed() {
			t.Logf("standard error of the script run by %s:\n%s", path, &p.stderr)
		}
	})
	return p
}

// ReadLine returns the next line of the script's standard output without its
// line end, or io.EOF when there is none any more. Lines that nobody reads make
// the script wait.
func (p *Process) ReadLine(ctx context.Context) (string, error) {
	select {
	case line, ok := <-p.lines:
		if !ok {
			return "", io.EOF
		}
		return line, nil
	case <-ctx.Done():
		return "", fmt.Errorf("peertest: no line from the script: %w\n%s", context.Cause(ctx), &p.stderr)
	}
}

// Wait waits until the script ends by itself. A script that fails is an error
// with its standard error. One that reads its standard input to the end needs
// Stdin closed before.
func (p *Process) Wait(ctx context.Context) error {
	select {
	case <-p.done:
		if p.err != nil {
			return fmt.Errorf("peertest: the script failed: %w\n%s", p.err, &p.stderr)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("peertest: the script does not end: %w\n%s", context.Cause(ctx), &p.stderr)
	}
}

// Kill ends the script and what it started at once, as a crash of the peer
// would, and returns when it is gone. Killing what has ended does nothing.
func (p *Process) Kill() {
	p.kill()
	<-p.done
}

func pythonCommand(t testing.TB, ctx context.Context, path, script string, args []string) *exec.Cmd {
	t.Helper()
	file := filepath.Join(t.TempDir(), "script.py") // a file, so that tracebacks show its lines
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, path, append([]string{file}, args...)...)
	cmd.Dir = filepath.Dir(file)
	cmd.Env = pythonEnv()
	cmd.WaitDelay = pipeDelay
	ownGroup(cmd)
	return cmd
}

// tail is a writer that keeps the end of what it is given.
type tail struct {
	mu  sync.Mutex // guards buf and cut
	buf []byte
	cut bool
}

func (w *tail) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = append(w.buf, p...)
	if excess := len(w.buf) - maxStderr; excess > 0 {
		w.buf = append(w.buf[:0], w.buf[excess:]...)
		w.cut = true
	}
	return len(p), nil
}

func (w *tail) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := strings.TrimSpace(string(w.buf))
	if w.cut {
		text = "[...] " + text
	}
	return text
}
