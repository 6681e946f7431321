package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/term"
)

// maxPassword bounds a password, in bytes.
const maxPassword = 1024

// errInterrupted is the end of a command whose user did not want to answer.
var errInterrupted = errors.New("interrupted")

// readPassword reads a password from a file, or else asks for it. It is never
// taken from the command line, which every user of the machine can see.
func readPassword(std stdio, file string) (string, error) {
	if file == "" {
		return ask(std, "Password")
	}
	f, err := os.Open(file)
	if err != nil {
		return "", usagef("--password-file: %v", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return "", usagef("--password-file %s has mode %04o, which lets others use it; want 0600: chmod 600 %s", file, info.Mode().Perm(), file)
	}
	return readLine(f, "the file "+file)
}

// askTwice is ask for something new, which has to be typed twice on a terminal,
// since nobody sees what he types.
func askTwice(std stdio, what string) (string, error) {
	first, err := ask(std, what)
	if err != nil || !isTerminal(std.in) {
		return first, err
	}
	again, err := ask(std, "Once more")
	if err != nil {
		return "", err
	}
	if again != first {
		return "", usagef("what was typed first and what was typed then differ; nothing is changed")
	}
	return first, nil
}

// ask asks for a secret on a terminal, without showing what is typed. Elsewhere
// it is the next line of standard input.
func ask(std stdio, what string) (string, error) {
	if !isTerminal(std.in) {
		return readLine(std.in, "standard input")
	}
	fmt.Fprint(std.err, what+": ")
	line, err := readHidden(std.in.(*os.File))
	fmt.Fprintln(std.err)
	switch {
	case errors.Is(err, errInterrupted):
		return "", err
	case err != nil && !errors.Is(err, io.EOF):
		return "", usagef("the password from the terminal: %v", err)
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
		return "", errors.Join(errInterrupted, term.Restore(fd, before))
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
			return "", usagef("the password from %s: %v", from, err)
		}
	}
	return checkLine(string(line), from)
}

func checkLine(line, from string) (string, error) {
	switch line = strings.TrimSuffix(line, "\r"); {
	case line == "":
		return "", usagef("there is no password in %s; write it there, or name a file", from)
	case len(line) > maxPassword:
		return "", usagef("the password in %s is longer than %d bytes", from, maxPassword)
	}
	return line, nil
}

func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
