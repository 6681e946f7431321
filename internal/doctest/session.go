//go:build unix

package doctest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Session plays a document. It is for one Run.
type Session struct {
	Document *Document
	// Dir is the folder of the session, which the caller makes and removes.
	Dir string
	// Env is the environment of the commands. Its PATH has parley.
	Env []string
	// Port gives the number that a loopback port of the document gets: the same
	// for all its places. Nil leaves them as they are.
	Port func(int) (int, error)
	// Has reports whether a program that a block needs is there. Nil means that
	// all are.
	Has func(program string) bool
	// Log gets each command and what it prints; nil means nowhere.
	Log io.Writer
	// Played counts the blocks that were as the document says: commands, and what
	// they print.
	Played int

	cwd     string     // of the commands
	blocks  []Block    // with the ports that they get
	printed string     // by the last run
	ran     bool       // since the last output
	started *process   // by the last start, whose output has to come
	running []*process // what ends with the session
}

// IsSession reports whether a document has anything to play.
func IsSession(d *Document) bool {
	for _, b := range d.Blocks {
		if b.Has("run") || b.Has("start") || b.Has("file") {
			return true
		}
	}
	return false
}

// Run plays the document, ends what it has started, and returns what was not as
// the document says, with the place in it.
func (s *Session) Run(ctx context.Context) (err error) {
	if s.Log == nil {
		s.Log = io.Discard
	}
	s.cwd = s.Dir
	if s.blocks, err = renumber(s.Document.Blocks, s.Port); err != nil {
		return err
	}
	defer func() {
		for i := len(s.running) - 1; i >= 0; i-- {
			s.running[i].end()
		}
	}()
	for i, b := range s.blocks {
		if need := b.Value("needs"); need != "" && s.Has != nil && !s.Has(need) {
			fmt.Fprintf(s.Log, "%s: left out, %s is not there\n", b, need)
			continue
		}
		if err := s.play(ctx, b, s.blocks[i+1:]); err != nil {
			return fmt.Errorf("%s: %w", b, err)
		}
		if b.isCommand() || b.Has("output") {
			s.Played++
		}
	}
	return s.unanswered()
}

// unanswered is the error of a start without an output.
func (s *Session) unanswered() error {
	if s.started == nil {
		return nil
	}
	return errors.New("doctest: nothing says what the command of the last start prints: an output block has to follow it")
}

func (s *Session) play(ctx context.Context, b Block, later []Block) error {
	switch {
	case b.Has("file"):
		if !used(b, later) {
			return fmt.Errorf("doctest: no command after it uses the file %s", b.Value("file"))
		}
		return s.write(b.Value("file"), b.Text)
	case b.Has("run"):
		if err := s.unanswered(); err != nil {
			return err
		}
		return s.run(ctx, b)
	case b.Has("start"), b.Has("restart"):
		if err := s.unanswered(); err != nil {
			return err
		}
		if b.Has("restart") {
			if err := s.stop(); err != nil {
				return err
			}
		}
		line := strings.TrimSpace(b.Text)
		if isServe(line) {
			var err error
			if line, err = serveLine(line, s.Port); err != nil {
				return err
			}
		}
		p, err := s.start(ctx, line)
		s.started = p
		return err
	case b.Has("output"):
		return s.compare(ctx, b)
	}
	return nil
}

// stop ends what the last start has started.
func (s *Session) stop() error {
	last := len(s.running) - 1
	if last < 0 {
		return errors.New("doctest: nothing runs that could be started again")
	}
	s.running[last].end()
	s.running = s.running[:last]
	return nil
}

// used reports whether something after a file does something with it: a command
// names it or, for one of Go, compiles, or another file in Python imports it.
func used(b Block, later []Block) bool {
	name := filepath.Base(b.Value("file"))
	module, isModule := strings.CutSuffix(name, ".py")
	for _, c := range later {
		if isModule && c.Has("file") && regexp.MustCompile(`(?m)^(?:from|import) `+regexp.QuoteMeta(module)+`\b`).MatchString(c.Text) {
			return true
		}
		if !c.isCommand() {
			continue
		}
		if strings.Contains(c.Text, name) {
			return true
		}
		for _, verb := range []string{"go run ", "go build", "go test", "go vet"} {
			if strings.HasSuffix(name, ".go") && strings.Contains(c.Text, verb) {
				return true
			}
		}
	}
	return false
}

func (s *Session) write(name, text string) error {
	full := filepath.Join(s.cwd, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		return err
	}
	return os.WriteFile(full, []byte(text), 0o644)
}

// run has sh run the lines of a block, but for servers, which it starts.
func (s *Session) run(ctx context.Context, b Block) error {
	s.printed, s.ran = "", true
	var script strings.Builder
	flush := func() error {
		defer script.Reset()
		if strings.TrimSpace(script.String()) == "" {
			return nil
		}
		return s.shell(ctx, script.String())
	}
	for _, command := range commands(b.Text) {
		if rest, ok := strings.CutPrefix(command, "go run ./cmd/parley "); ok {
			command = "parley " + rest
		}
		if !isServe(command) {
			script.WriteString(command + "\n")
			continue
		}
		if err := flush(); err != nil {
			return err
		}
		command, err := serveLine(command, s.Port)
		if err != nil {
			return err
		}
		p, err := s.start(ctx, command)
		if err != nil {
			return err
		}
		if err := p.wait(ctx, func(printed string) bool {
			return strings.HasSuffix(printed, "\nready\n") || printed == "ready\n"
		}); err != nil {
			return err
		}
	}
	return flush()
}

// commands are the lines of a text, those that go on after a "\" as one.
func commands(text string) []string {
	var all []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if n := len(all); n > 0 && strings.HasSuffix(all[n-1], "\\") {
			all[n-1] += "\n" + line
			continue
		}
		all = append(all, line)
	}
	return all
}

// shell runs a script and remembers where it ended.
func (s *Session) shell(ctx context.Context, script string) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	cmd := s.command(ctx, "set -eu\n"+script+"\npwd >&3\n")
	cmd.ExtraFiles = []*os.File{w}
	out, err := cmd.CombinedOutput()
	w.Close()
	end(cmd) //nolint:errcheck // there is mostly nothing left behind
	s.printed += string(out)
	fmt.Fprintf(s.Log, "%s%s", script, out)
	if err != nil {
		return fmt.Errorf("doctest: sh: %w\n%s%s", err, script, out)
	}
	cwd, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.cwd = strings.TrimSuffix(string(cwd), "\n")
	return nil
}

// command is sh with a script, in the folder of the session, and in a process
// group of its own, which ends with ctx.
func (s *Session) command(ctx context.Context, script string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "sh", "-c", script)
	cmd.Dir, cmd.Env = s.cwd, append(s.Env, "PWD="+s.cwd)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return end(cmd) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// end kills the process group of a command.
func end(cmd *exec.Cmd) error {
	if cmd.Process == nil {
		return nil
	}
	return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
}

// compare looks at an output block.
func (s *Session) compare(ctx context.Context, b Block) error {
	if p := s.started; p != nil {
		s.started = nil
		return p.wait(ctx, func(printed string) bool { return beginsWith(printed, b.Text) })
	}
	if !s.ran {
		return errors.New("doctest: no run is before this output")
	}
	s.ran = false
	if !matches(s.printed, b.Text) {
		return fmt.Errorf("doctest: got\n%s\nwant\n%s", s.printed, b.Text)
	}
	return nil
}

// process is a command that goes on running.
type process struct {
	line   string
	cmd    *exec.Cmd
	done   chan struct{} // closed when it has ended
	mu     sync.Mutex    // for printed
	stdout bytes.Buffer
	stderr bytes.Buffer
	news   chan struct{} // has room for one: something was printed
}

func (s *Session) start(ctx context.Context, line string) (*process, error) {
	fmt.Fprintln(s.Log, line, "&")
	p := &process{line: line, done: make(chan struct{}), news: make(chan struct{}, 1)}
	p.cmd = s.command(ctx, line)
	p.cmd.Stdout, p.cmd.Stderr = printer{p, &p.stdout}, printer{p, &p.stderr}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("doctest: %s: %w", line, err)
	}
	s.running = append(s.running, p)
	go func() {
		defer close(p.done)
		p.cmd.Wait() //nolint:errcheck // it is mostly killed; wait shows what it printed
	}()
	return p, nil
}

// printer is where a process prints.
type printer struct {
	p  *process
	to *bytes.Buffer
}

func (w printer) Write(b []byte) (int, error) {
	w.p.mu.Lock()
	defer w.p.mu.Unlock()
	w.to.Write(b)
	select {
	case w.p.news <- struct{}{}:
	default:
	}
	return len(b), nil
}

// startTimeout is how long a command may take to print what it says at first. It
// may have to be compiled, on a machine that is busy otherwise.
const startTimeout = 5 * time.Minute

// wait waits until the process has printed enough on standard output.
func (p *process) wait(ctx context.Context, enough func(printed string) bool) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		p.mu.Lock()
		printed, failed := p.stdout.String(), p.stderr.String()
		p.mu.Unlock()
		if enough(printed) {
			return nil
		}
		select {
		case <-p.news:
		case <-p.done:
			return fmt.Errorf("doctest: %s has ended: got\n%s%s", p.line, printed, failed)
		case <-ctx.Done():
			return fmt.Errorf("doctest: %s did not print what it should: got\n%s%s", p.line, printed, failed)
		}
	}
}

// end asks the process and those that it started to stop, and waits.
func (p *process) end() {
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM) //nolint:errcheck // it may be gone
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
	}
	end(p.cmd) //nolint:errcheck // likewise
	<-p.done
}
