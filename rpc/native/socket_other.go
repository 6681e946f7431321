//go:build !linux

package native

import "net"

// restrictSocket does nothing here: listenUnix sets the mode of the file.
func restrictSocket(uintptr) {}

// quickACK returns nil: there is no such thing here.
func quickACK(net.Conn) func() { return nil }
