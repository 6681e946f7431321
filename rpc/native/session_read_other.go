//go:build !unix

package native

import "net"

// rawReader is not there on this system: a session holds its memory while it
// waits.
type rawReader struct{}

func newRawReader(net.Conn, lender) *rawReader { return nil }

func (*rawReader) read() (int, error) { panic("native: no raw reader on this system") }
