package native

import (
	"errors"
	"net"
	"syscall"
)

// peerUser returns the user of the process at the other end of a unix socket, at
// the time it connected or began to listen (unix(7), SO_PEERCRED).
func peerUser(nc net.Conn) (uid int, err error) {
	u, ok := nc.(*net.UnixConn)
	if !ok {
		return 0, errors.New("the connection is no unix socket: use tls://")
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *syscall.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		cred, failed = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if err = errors.Join(err, failed); err != nil {
		return 0, err
	}
	return int(cred.Uid), nil
}
