//go:build !unix

package auth

import "os"

// stampOf looks at the file at path.
func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{state: err.Error()}
	}
	return newStamp(info.ModTime(), info.Size(), info.Mode(), info.ModTime())
}
