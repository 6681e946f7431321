//go:build !unix

package xmlrpc

func newProbe(c *directConn) probe { return watching(c) }
