//go:build unix

package auth

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// openFlags keeps the opening of a FIFO from waiting for its other end.
const openFlags = syscall.O_NONBLOCK

// checkAccess looks at who may read a key file.
func checkAccess(path string, info fs.FileInfo) error {
	return checkAccessAs(os.Geteuid(), path, info)
}

// checkAccessAs is checkAccess for a process of the user uid.
func checkAccessAs(uid int, path string, info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("%s: its owner cannot be told", path)
	}
	widest := fs.FileMode(0o600)
	switch stat.Uid {
	case 0:
		widest = 0o640
	case uint32(uid):
	default:
		if uid == 0 {
			return fmt.Errorf("%s: its owner is user %d; want root, and mode 0640 for a group that may read it", path, stat.Uid)
		}
		return fmt.Errorf("%s: its owner is user %d; want user %d or root", path, stat.Uid, uid)
	}
	if mode := info.Mode().Perm(); mode&^widest != 0 {
		return fmt.Errorf("%s: got mode %04o, which lets others read it; want 0600: chmod 600 %[1]s", path, mode)
	}
	return nil
}
