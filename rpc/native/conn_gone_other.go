//go:build !linux

package native

// Gone reports whether the peer has closed the connection, or its half of it. It
// looks past messages that have come and were not received, where Recv would get
// them first. Where the system cannot tell it is false; that is everywhere but on
// Linux.
func (c *Conn) Gone() bool { return false }
