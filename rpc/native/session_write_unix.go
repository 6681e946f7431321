//go:build unix

package native

import (
	"net"
	"syscall"
)

// rawWriter writes to a socket without ever waiting. It belongs to the writer of
// a session.
type rawWriter struct {
	conn syscall.RawConn
	call func(fd uintptr) bool // attempt, made once

	// Of the write under way.
	b   []byte
	n   int
	err error
}

// newRawWriter returns nil if nc is no socket.
func newRawWriter(nc net.Conn) *rawWriter {
	switch nc := nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		conn, err := nc.(syscall.Conn).SyscallConn()
		if err != nil {
			return nil
		}
		w := &rawWriter{conn: conn}
		w.call = w.attempt
		return w
	}
	return nil
}

// tryWrite writes as much of b as the kernel takes now.
func (w *rawWriter) tryWrite(b []byte) (int, error) {
	w.b, w.n, w.err = b, 0, nil
	err := w.conn.Write(w.call)
	w.b = nil
	if w.err != nil {
		err = w.err
	}
	return w.n, err
}

// attempt is what RawConn calls; true tells it not to wait and call again.
func (w *rawWriter) attempt(fd uintptr) bool {
	for w.n < len(w.b) {
		n, err := syscall.Write(int(fd), w.b[w.n:])
		switch err {
		case nil:
			w.n += n
		case syscall.EINTR:
		case syscall.EAGAIN:
			return true
		default:
			w.err = err
			return true
		}
	}
	return true
}
