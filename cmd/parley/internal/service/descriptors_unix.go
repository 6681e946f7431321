//go:build unix

package service

import "syscall"

// openFiles returns how many files and sockets this process may have open at
// once. The runtime has made that as many as it can before main began.
func openFiles() (n uint64, ok bool) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, false
	}
	return uint64(limit.Cur), true //nolint:unconvert // it is signed on some systems
}
