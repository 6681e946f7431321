//go:build !unix

package native

// Waiting reports whether a Recv would return at once: something has come, or the
// peer has closed the connection. Who has not asked for anything learns from it
// that a peer has gone, or says what nobody wants to hear. While a Recv runs it is
// false, and so it is inside TLS, and where the system cannot tell: that is Windows.
func (c *Conn) Waiting() bool { return false }
