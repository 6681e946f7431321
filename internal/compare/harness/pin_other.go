//go:build !linux

package harness

import "errors"

func onFirstProcessor(func() error) error {
	return errors.New("processes can be pinned to one processor on Linux only")
}
