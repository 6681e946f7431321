package native

import (
	"net"
	"syscall"
)

// restrictSocket gives a unix socket that is not bound yet the mode that its
// file will have (Linux, net/unix/af_unix.c, unix_bind), so that there is no
// moment at which others could connect. listenUnix looks at the result.
func restrictSocket(fd uintptr) { _ = syscall.Fchmod(int(fd), 0o600) }

// quickACK returns a function that has the kernel acknowledge now what came
// (TCP_QUICKACK), or nil where there is no such thing. Python leaves Nagle's
// algorithm on, so that the second of two writes waits for that.
func quickACK(nc net.Conn) func() {
	tcp, ok := nc.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	// It is an improvement only: a failure shows in the reads that follow.
	set := func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1) }
	return func() { _ = raw.Control(set) }
}
