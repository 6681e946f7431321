//go:build unix

package native

import (
	"io"
	"net"
	"os"
	"syscall"
)

// rawReader reads from a socket, and waits for it without holding memory. It
// belongs to the reader of a session.
type rawReader struct {
	conn syscall.RawConn
	call func(fd uintptr) bool // attempt, made once
	in   lender

	// Of the read under way.
	n   int
	err error
}

// newRawReader returns nil if nc is no socket.
func newRawReader(nc net.Conn, in lender) *rawReader {
	switch nc := nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		conn, err := nc.(syscall.Conn).SyscallConn()
		if err != nil {
			return nil
		}
		r := &rawReader{conn: conn, in: in}
		r.call = r.attempt
		return r
	}
	return nil
}

// read reads at least a byte into the memory of in, which is empty, or fails.
func (r *rawReader) read() (int, error) {
	r.n, r.err = 0, nil
	if err := r.conn.Read(r.call); err != nil {
		return 0, err
	}
	return r.n, r.err
}

// attempt is what RawConn calls; false tells it to wait and call again.
func (r *rawReader) attempt(fd uintptr) bool {
	for {
		n, err := syscall.Read(int(fd), r.in.borrow())
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			r.in.giveBack()
			return false
		case err != nil:
			r.err = os.NewSyscallError("read", err)
		case n == 0:
			r.err = io.EOF
		default:
			r.n = n
		}
		return true
	}
}
