//go:build unix

package auth

import (
	"time"

	"golang.org/x/sys/unix"
)

// stampOf looks at the file at path. The time of its last change is not enough:
// it can be set, and giving a file away or letting others read it leaves it.
func stampOf(path string) stamp {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return stamp{state: err.Error()}
	}
	changed := time.Unix(st.Ctim.Unix())
	return newStamp(changed, st.Dev, st.Ino, st.Size, st.Mode, st.Uid, st.Gid, st.Mtim, changed)
}
