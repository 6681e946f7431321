//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package auth

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// tryLock locks a file or a directory against others who do so; ok is false if one
// of them has it, or if there is another file at path by now: each edit puts one
// there. The lock leaves nothing behind, and ends with the process.
func tryLock(path string) (unlock func(), ok bool, err error) {
	f, err := os.OpenFile(path, os.O_RDONLY|openFlags, 0)
	if err != nil {
		return nil, false, err
	}
	return tryLockFile(f, path)
}

// tryLockFile is tryLock with the file that was at path when it was opened. Unless
// it has locked it, it closes it.
func tryLockFile(f *os.File, path string) (unlock func(), ok bool, err error) {
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	switch {
	case err == nil && isAt(f, path):
		return func() { f.Close() }, true, nil
	case err == nil, errors.Is(err, unix.EWOULDBLOCK):
		f.Close()
		return nil, false, nil
	}
	f.Close()
	return nil, false, &os.PathError{Op: "lock", Path: path, Err: err}
}

// isAt reports whether the file at path is the one that is open.
func isAt(f *os.File, path string) bool {
	open, err := f.Stat()
	there, err2 := os.Stat(path)
	return err == nil && err2 == nil && os.SameFile(open, there)
}
