//go:build !unix

package xmlrpc

import "net"

func unread(net.Conn) bool { return false }
