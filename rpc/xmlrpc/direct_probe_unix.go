//go:build unix

package xmlrpc

import "syscall"

// newProbe returns the probe of a connection, whose socket does not block.
func newProbe(c *directConn) probe {
	sc, ok := c.Conn.(syscall.Conn)
	if !ok {
		return watching(c)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return watching(c)
	}
	var (
		one  [1]byte
		open bool
	)
	read := func(fd uintptr) {
		_, err := syscall.Read(int(fd), one[:])
		open = err == syscall.EAGAIN
	}
	return probe{look: func() bool {
		open = false
		return raw.Control(read) == nil && open
	}}
}
