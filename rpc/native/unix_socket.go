package native

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// unixListener removes its socket when it is closed, and only its own: another
// server may have taken the path since.
type unixListener struct {
	*net.UnixListener
	path string
	info fs.FileInfo
}

func (l *unixListener) Close() error {
	if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.info) {
		os.Remove(l.path)
	}
	return l.UnixListener.Close()
}

// listenUnix opens a unix socket for its owner alone. An abstract name has no
// owner: every user of the machine can connect to it.
func listenUnix(address string) (net.Listener, error) {
	abstract := strings.HasPrefix(address, "@")
	if !abstract {
		if err := removeStale(address); err != nil {
			return nil, err
		}
	}
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		if abstract {
			return nil
		}
		return c.Control(restrictSocket)
	}}
	nl, err := lc.Listen(context.Background(), "unix", address)
	if err != nil {
		switch {
		case errors.Is(err, syscall.EADDRINUSE):
			err = fmt.Errorf("another process listens there; stop it or choose another name: %w", err)
		case errors.Is(err, os.ErrNotExist):
			err = fmt.Errorf("its folder does not exist; make it first: %w", err)
		}
		return nil, err
	}
	if abstract {
		return nl, nil
	}
	l := &unixListener{UnixListener: nl.(*net.UnixListener), path: address}
	l.SetUnlinkOnClose(false)
	if err = os.Chmod(address, 0o600); err == nil {
		l.info, err = os.Lstat(address)
	}
	if err != nil {
		l.UnixListener.Close()
		return nil, fmt.Errorf("the mode of the socket could not be set to 0600: %w", err)
	}
	return l, nil
}

// removeStale makes place for a socket at path: it removes a socket that nobody
// listens on, and nothing else.
func removeStale(path string) error {
	found, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if found.Mode()&fs.ModeSocket == 0 {
		return errors.New("there is a file that is no socket; it is left alone: remove it or choose another path")
	}
	nc, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		nc.Close()
		return errors.New("another process listens there; stop it or choose another path")
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return fmt.Errorf("there is a socket, and whether it is in use cannot be told; remove it by hand if it is not: %w", err)
	}
	// Another server may have made the same discovery, and its own socket, in
	// the meantime.
	if now, err := os.Lstat(path); err != nil || !os.SameFile(now, found) {
		return errors.New("another process has just begun to listen there")
	}
	return os.Remove(path)
}
