//go:build unix

package xmlrpc

import "syscall"

// canProbe says that a connection can be looked at without waiting.
const canProbe = true

// prober looks at a connection that is idle.
type prober struct{ look func() bool }

func newProber(sc syscall.Conn) prober {
	raw, err := sc.SyscallConn()
	if err != nil {
		return prober{}
	}
	var (
		one  [1]byte
		open bool
	)
	read := func(fd uintptr) {
		_, err := syscall.Read(int(fd), one[:]) // the socket does not block
		open = err == syscall.EAGAIN
	}
	return prober{func() bool {
		open = false
		return raw.Control(read) == nil && open
	}}
}

// quiet reports whether the connection is open and has nothing to read. A server
// that has closed it, or said something that nobody asked for, takes no call any
// more.
func (p prober) quiet() bool { return p.look != nil && p.look() }
