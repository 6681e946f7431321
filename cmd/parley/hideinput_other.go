//go:build !linux

package main

import (
	"errors"
	"os"
)

// hideInput keeps a terminal from showing what is typed, until restore.
func hideInput(*os.File) (restore func(), err error) {
	return nil, errors.ErrUnsupported
}
