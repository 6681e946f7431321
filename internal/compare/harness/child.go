package harness

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parley-rpc/parley/internal/compare/work"
)

// ReportedError is what a child says of an order that has failed. The child goes on.
type ReportedError struct{ Text string }

func (e *ReportedError) Error() string { return e.Text }

// Is reports whether the answer to a call was wrong, which children in other
// languages say in the same words.
func (e *ReportedError) Is(target error) bool {
	return target == work.ErrWrong && strings.Contains(e.Text, work.ErrWrong.Error())
}

// Child is a process that takes orders. Its methods are not safe for concurrent
// use.
type Child struct {
	name    string
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	reports chan Report // closed when the child's output ends
	stderr  tail
	busy    bool // has not reported what it was told
	// patience is how long the child may be late.
	patience time.Duration
}

const (
	// defaultPatience is how much longer than the run it was told to make a child
	// may take to report.
	defaultPatience = time.Minute
	// goodbye is how long a child has to end after its input has.
	goodbye = 2 * time.Second
	// maxReport bounds a report, in bytes: a distribution with every latency that
	// there may be is a tenth of it.
	maxReport = 4 << 20
)

// StartRole starts this program as a child with one of the roles that it gives
// RunChild. What the child does afterwards, its end included, is up to its
// standard input.
func StartRole(role string, args ...string) (*Child, error) {
	cmd, err := self(append([]string{role}, args...)...)
	if err != nil {
		return nil, err
	}
	return startChild(role, cmd, false)
}

// startChild starts a command. With pinned it runs on the first processor alone.
func startChild(name string, cmd *exec.Cmd, pinned bool) (*Child, error) {
	c := &Child{name: name, cmd: cmd, reports: make(chan Report, 1), busy: true, patience: defaultPatience}
	separate(cmd)
	cmd.Stderr = &c.stderr
	cmd.WaitDelay = goodbye // should it have started others that keep its output
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.stdin = stdin
	if pinned {
		err = onFirstProcessor(cmd.Start)
	} else {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	go c.read(stdout)
	return c, nil
}

func (c *Child) read(stdout io.Reader) {
	defer close(c.reports)
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, maxReport)
	for lines.Scan() {
		var r Report
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			r.Error = fmt.Sprintf("%.200q is no report: %v", lines.Text(), err)
		}
		c.reports <- r
	}
	if err := lines.Err(); err != nil {
		c.reports <- Report{Error: fmt.Sprintf("its output is no report: %v", err)}
	}
}

// First waits for the report that a server makes without an order, and which
// holds its address.
func (c *Child) First(ctx context.Context) (Report, error) {
	return c.next(ctx, "start", c.patience)
}

// Ask gives an order and waits for its report, for a minute more than a run
// takes at most.
func (c *Child) Ask(ctx context.Context, o Order) (Report, error) {
	line, err := json.Marshal(o)
	if err != nil {
		return Report{}, err
	}
	c.busy = true
	if _, err := c.stdin.Write(append(line, '\n')); err != nil {
		return Report{}, c.ended(o.Do)
	}
	return c.next(ctx, o.Do, time.Duration(o.NS)+c.patience)
}

func (c *Child) next(ctx context.Context, doing string, wait time.Duration) (Report, error) {
	late := time.NewTimer(wait)
	defer late.Stop()
	select {
	case r, ok := <-c.reports:
		switch {
		case !ok:
			return r, c.ended(doing)
		case r.Error != "":
			c.busy = false
			return r, c.failed(doing, &ReportedError{r.Error})
		}
		c.busy = false
		return r, nil
	case <-late.C:
		return Report{}, c.failed(doing, fmt.Errorf("no report within %v", wait))
	case <-ctx.Done():
		return Report{}, context.Cause(ctx)
	}
}

// ended is the error of a child that takes no orders or makes no reports any more.
// It waits for the last words.
func (c *Child) ended(doing string) error {
	c.busy = false
	c.Stop()
	return c.failed(doing, fmt.Errorf("the process has ended: %v", c.cmd.ProcessState))
}

func (c *Child) failed(doing string, err error) error {
	if text := c.stderr.String(); text != "" {
		return fmt.Errorf("%s: %s: %w\n%s", c.name, doing, err, text)
	}
	return fmt.Errorf("%s: %s: %w", c.name, doing, err)
}

// Stop ends the child and returns when it has ended: by the end of its input, or
// by a signal to its process id if that is not enough, at once if it is in the
// middle of an order.
func (c *Child) Stop() {
	c.stdin.Close()
	wait := goodbye
	if c.busy {
		wait = 0
	}
	kill := time.AfterFunc(wait, func() { _ = c.cmd.Process.Kill() })
	defer kill.Stop()
	for range c.reports {
		// Nobody asked any more.
	}
	_ = c.cmd.Wait() // how it ended does not matter
}

// self is the command that starts this program as a child.
func self(args ...string) (*exec.Cmd, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return exec.Command(path, append([]string{childArg}, args...)...), nil
}

// tail keeps the end of what a child says on its standard error. It is safe for
// concurrent use.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	const most = 8 << 10
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if extra := len(t.text) - most; extra > 0 {
		t.text = slices.Delete(t.text, 0, extra)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
