//go:build unix

package auth

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
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

// keepOwner gives f the owner and group of the file that it is to replace.
func keepOwner(f *os.File, old fs.FileInfo) error {
	now, err := f.Stat()
	if err != nil {
		return err
	}
	want, ok := old.Sys().(*syscall.Stat_t)
	got, ok2 := now.Sys().(*syscall.Stat_t)
	if !ok || !ok2 || want.Uid == got.Uid && want.Gid == got.Gid {
		return nil
	}
	if err := f.Chown(int(want.Uid), int(want.Gid)); err != nil {
		return fmt.Errorf("its owner %d and group %d cannot be kept: %w", want.Uid, want.Gid, err)
	}
	return nil
}

// syncDir makes what was renamed in a directory last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) { // which some file systems say
		return err
	}
	return nil
}
