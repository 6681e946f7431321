//go:build !unix

package auth

import (
	"io/fs"
	"os"
)

// stampOf looks at the file at path.
func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{state: err.Error()}
	}
	return newStamp(info.ModTime(), info.Size(), info.Mode(), info.ModTime())
}

// keepOwner does nothing: there is no owner to keep.
func keepOwner(*os.File, fs.FileInfo) error { return nil }

// syncDir does nothing: directories cannot be synced.
func syncDir(string) error { return nil }
