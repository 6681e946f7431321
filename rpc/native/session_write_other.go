//go:build !unix

package native

import "net"

// rawWriter is not there on this system: a goroutine writes, for as long as
// there is something to write.
type rawWriter struct{}

func newRawWriter(net.Conn) *rawWriter { return nil }

func (*rawWriter) tryWrite([]byte) (int, error) { panic("native: no raw writer on this system") }
