package native

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Gone reports whether the peer has closed the connection, or its half of it. It
// looks past messages that have come and were not received, where Recv would get
// them first. Where the system cannot tell it is false; that is everywhere but on
// Linux.
func (c *Conn) Gone() bool {
	socket, ok := socketOf(c.nc).(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return true
	}
	gone := false
	err = raw.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, err := unix.Poll(fds, 0)
		gone = err == nil && n > 0 && fds[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
	})
	return gone || err != nil // a closed one
}
