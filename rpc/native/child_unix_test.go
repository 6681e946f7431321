//go:build unix

package native

import (
	"strconv"
	"syscall"
)

// limitDescriptors bounds the descriptors of this process; "" leaves them.
func limitDescriptors(text string) error {
	if text == "" {
		return nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return err
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	limit.Cur = n // the hard limit stays, so that it can be lifted again
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
}
