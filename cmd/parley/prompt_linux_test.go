package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// tty is a pseudo-terminal with the command at its other end.
type tty struct {
	master *os.File
	slave  *os.File
	screen *safeBuffer // what a person sees
	cmd    *exec.Cmd
	ended  chan struct{}
}

// atTerminal runs the command on a terminal of its own.
func atTerminal(t *testing.T, h home, args ...string) *tty {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminals on this system: ", err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprint("/dev/pts/", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if h.width > 0 {
		if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: uint16(h.width)}); err != nil {
			t.Fatal(err)
		}
	}
	p := &tty{master: master, slave: slave, screen: &safeBuffer{}, cmd: h.command(t.Context(), args...), ended: make(chan struct{})}
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = slave, slave, slave
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.cmd.Wait()
		close(p.ended)
	}()
	read := make(chan struct{})
	go func() {
		defer close(read)
		b := make([]byte, 1024)
		for {
			n, err := master.Read(b)
			p.screen.Write(b[:n])
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.ended
		slave.Close()
		<-read // it ends when the last one has closed the other side
		master.Close()
	})
	return p
}

// shows waits until the screen has a text n times.
func (p *tty) shows(t *testing.T, text string, n int) {
	t.Helper()
	for end := time.Now().Add(patience); strings.Count(p.screen.String(), text) < n; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the terminal does not show %q:\n%s", text, p.screen)
		}
	}
}

// echoes reports whether the terminal shows what is typed.
func (p *tty) echoes(t *testing.T) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(p.slave.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// hides waits until the terminal shows no more what is typed.
func (p *tty) hides(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(patience); p.echoes(t); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the terminal shows what is typed")
		}
	}
}

// types answers a prompt, when the terminal hides what comes.
func (p *tty) types(t *testing.T, prompt string, n int, text string) {
	t.Helper()
	p.shows(t, prompt, n)
	p.hides(t)
	if _, err := p.master.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// exits waits for the end of the command and returns its exit code.
func (p *tty) exits(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("it does not end:\n%s", p.screen)
	}
	if !p.echoes(t) {
		t.Error("the terminal is left without its echo")
	}
	return p.cmd.ProcessState.ExitCode()
}

const typed = "canary pass phrase 9013"

func TestPromptForPassphrase(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	add := []string{"auth", "add", "ann", "--use", "http", "--file", s.file}
	p := atTerminal(t, newHome(t), add...)
	p.types(t, "Passphrase of ann: ", 1, typed+"\n")
	p.types(t, "Once more: ", 1, typed+"\n")
	if code := p.exits(t); code != 0 {
		t.Errorf("exit code %d; want 0:\n%s", code, p.screen)
	}
	p.shows(t, "ann proves ann (", 1)
	if strings.Contains(p.screen.String(), "canary") {
		t.Errorf("the terminal shows what was typed:\n%s", p.screen)
	}

	// What was typed is what logs in.
	r := newHome(t).serve(t, "--native", "off", "--credentials", s.file)
	p = atTerminal(t, r.home, "call", r.xmlrpc, "add", "3", "5", "--user", "ann")
	p.types(t, "Password: ", 1, typed+"\n")
	p.shows(t, "8\r\n", 1)
	if code := p.exits(t); code != 0 || strings.Contains(p.screen.String(), "canary") {
		t.Errorf("call --user: exit code %d, want 0, and nothing of the password:\n%s", code, p.screen)
	}
}

func TestPromptMistyped(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	p := atTerminal(t, newHome(t), "auth", "add", "ann", "--use", "http", "--file", s.file)
	p.types(t, "Passphrase of ann: ", 1, typed+"\n")
	p.types(t, "Once more: ", 1, typed+"x\n")
	if code := p.exits(t); code != 2 {
		t.Errorf("exit code %d; want 2", code)
	}
	p.shows(t, "differ", 1)
	if found, _ := filepath.Glob(s.dir + "/*"); len(found) > 0 {
		t.Errorf("there is %q; want nothing", found)
	}
}

// Ctrl-C gives the terminal its echo back.
func TestPromptInterrupted(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	p := atTerminal(t, newHome(t), "auth", "add", "ann", "--use", "http", "--file", s.file)
	p.types(t, "Passphrase of ann: ", 1, "half\x03")
	if code := p.exits(t); code != 1 {
		t.Errorf("exit code %d; want 1", code)
	}
	p.shows(t, "interrupted", 1)
}

// Nothing is asked for where a secret is made.
func TestPromptNotNeeded(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	p := atTerminal(t, newHome(t), "auth", "add", "ann", "--use", "http", "--file", s.file, "--generate", "--secret-out", s.secret("x"))
	if code := p.exits(t); code != 0 || strings.Contains(p.screen.String(), "Passphrase") {
		t.Errorf("exit code %d:\n%s", code, p.screen)
	}
}
