//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package auth

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// tryLock locks a directory against others who do so; ok is false if one of them
// has it. The file itself cannot be what is locked, since each edit puts another
// in its place; and a lock on a directory leaves no file behind, and ends with
// the process.
func tryLock(dir string) (unlock func(), ok bool, err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, false, err
	}
	for {
		err = unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err == nil {
		return func() { d.Close() }, true, nil
	}
	d.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, false, nil
	}
	return nil, false, &os.PathError{Op: "lock", Path: dir, Err: err}
}
