//go:build unix

package tomlfile

import (
	"os"
	"syscall"
)

// ownerOf returns who owns a file, and whether that is somebody else than root
// and the user whom this process belongs to.
func ownerOf(info os.FileInfo) (uid int, others bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	uid = int(stat.Uid)
	return uid, uid != 0 && uid != os.Geteuid()
}
