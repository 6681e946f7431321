package terminal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
	"golang.org/x/term"
)

// maxPassword bounds a password, in bytes.
const maxPassword = 1024

// ErrInterrupted is the end of a command whose user did not want to answer.
var ErrInterrupted = errors.New("interrupted")

// ReadPassword reads a password from a file, or else asks for it. It is never
// taken from the command line, which every user of the machine can see.
func ReadPassword(std Streams, file string) (string, error) {
	if file == "" {
		return ask(std, "Password")
	}
	f, err := os.Open(file)
	if err != nil {
		return "", usage.Errorf("--password-file: %v", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return "", usage.Errorf("--password-file %s has mode %04o, which lets others use it; want 0600: chmod 600 %s", file, info.Mode().Perm(), file)
	}
	return readLine(f, "the file "+file)
}

// AskTwice is ask for something new, which has to be typed twice on a terminal,
// since nobody sees what he types.
func AskTwice(std Streams, what string) (string, error) {
	first, err := ask(std, what)
	if err != nil || !isTerminal(std.In) {
		return first, err
	}
	again, err := ask(std, "Once more")
	if err != nil {
		return "", err
	}
	if again != first {
		return "", usage.Errorf("what was typed first and what was typed then differ; nothing is changed")
	}
	return first, nil
}

// ask asks for a secret on a terminal, without showing what is typed. Elsewhere
// it is the next line of standard input.
func ask(std Streams, what string) (string, error) {
	if !isTerminal(std.In) {
		return readLine(std.In, "standard input")
	}
	fmt.Fprint(std.Err, what+": ")
	line, err := readHidden(std.In.(*os.File))
	fmt.Fprintln(std.Err)
	switch {
	case errors.Is(err, ErrInterrupted):
		return "", err
	case err != nil && !errors.Is(err, io.EOF):
		return "", usage.Errorf("the password from the terminal: %v", err)
	}
	return checkLine(line, "what was typed")
}

// readHidden reads a line from a terminal. A signal to stop gives the terminal
// its echo back first; otherwise the shell would have none.
func readHidden(f *os.File) (string, error) {
	fd := int(f.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	type result struct {
		line []byte
		err  error
	}
	read := make(chan result, 1)
	go func() { // after a signal it reads on until the process ends, which is next
		line, err := term.ReadPassword(fd)
		read <- result{line, err}
	}()
	select {
	case r := <-read:
		return string(r.line), r.err
	case <-signals:
		return "", errors.Join(ErrInterrupted, term.Restore(fd, before))
	}
}

// readLine reads up to the end of a line and not a byte more, since the rest of
// standard input may be an argument.
func readLine(r io.Reader, from string) (string, error) {
	var line []byte
	for b := make([]byte, 1); len(line) <= maxPassword; {
		n, err := r.Read(b)
		if n > 0 {
			if b[0] == '\n' {
				break
			}
			line = append(line, b[0])
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", usage.Errorf("the password from %s: %v", from, err)
		}
	}
	return checkLine(string(line), from)
}

func checkLine(line, from string) (string, error) {
	switch line = strings.TrimSuffix(line, "\r"); {
	case line == "":
		return "", usage.Errorf("there is no password in %s; write it there, or name a file", from)
	case len(line) > maxPassword:
		return "", usage.Errorf("the password in %s is longer than %d bytes", from, maxPassword)
	}
	return line, nil
}

func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
