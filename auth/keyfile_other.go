//go:build !unix

package auth

import "io/fs"

const openFlags = 0

// checkAccess accepts every file: there are no owner and mode to look at.
func checkAccess(string, fs.FileInfo) error { return nil }
