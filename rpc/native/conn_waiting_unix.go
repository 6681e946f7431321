//go:build unix

package native

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// Waiting reports whether a Recv would return at once: something has come, or the
// peer has closed the connection. Who has not asked for anything learns from it
// that a peer has gone, or says what nobody wants to hear. While a Recv runs it is
// false, and so it is inside TLS, and where the system cannot tell: that is Windows.
func (c *Conn) Waiting() bool {
	select {
	case c.reading <- struct{}{}:
		defer func() { <-c.reading }()
	default:
		return false
	}
	if c.in.buffered() > 0 || c.failure() != nil {
		return true
	}
	var socket syscall.Conn
	switch nc := c.nc.(type) {
	case *net.TCPConn:
		socket = nc
	case *net.UnixConn:
		socket = nc
	default:
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return true
	}
	waiting := false
	err = raw.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, 0)
		waiting = err == nil && n > 0 && fds[0].Revents != 0
	})
	return waiting || err != nil // a closed one
}
