//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package auth

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// tryLock makes a file in a directory, or in that of a file, that others would make
// too; ok is false if it is there. A crash leaves it there.
func tryLock(path string) (unlock func(), ok bool, err error) {
	dir := path
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		dir = filepath.Dir(path)
	}
	name := filepath.Join(dir, ".credentials.lock")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	return func() { f.Close(); os.Remove(name) }, true, nil
}
