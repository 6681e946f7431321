package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
)

// maxPassword bounds a password, in bytes.
const maxPassword = 1024

// readPassword reads a password from a file, or else the first line of standard
// input; on a terminal it asks for it, without showing what is typed. It is
// never taken from the command line, which every user of the machine can see.
func readPassword(std stdio, file string) (string, error) {
	if file != "" {
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
	if f, ok := std.in.(*os.File); ok && isTerminal(f) {
		restore, err := hideInput(f)
		switch {
		case err == nil:
			defer fmt.Fprintln(std.err)
			defer restore()
			fmt.Fprint(std.err, "Password: ")
		case errors.Is(err, errors.ErrUnsupported):
			return "", usagef("on this system a password would be shown while it is typed; use --password-file")
		}
	}
	return readLine(std.in, "standard input")
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
	switch password := strings.TrimSuffix(string(line), "\r"); {
	case password == "":
		return "", usagef("there is no password in %s; write it there, or use --password-file", from)
	case len(password) > maxPassword:
		return "", usagef("the password in %s is longer than %d bytes", from, maxPassword)
	default:
		return password, nil
	}
}

// isTerminal reports whether f is a terminal, or another device that looks like
// one.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
