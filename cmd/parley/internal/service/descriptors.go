package service

import (
	"cmp"
	"fmt"
)

const (
	// defaultMaxConns is that of both transports.
	defaultMaxConns = 1024
	// spareFiles are for all but connections: listeners, logs, files of
	// credentials and certificates that are read again.
	spareFiles = 32
)

// fitConns returns how many connections each listener takes, zero for the default
// of its transport: no more than fit into what the process may have open. A server
// makes room for those who come by closing who says nothing, and one that has run
// out of descriptors cannot even accept them. What the file says is left as it is.
// warning is empty if all is well.
func (c *Config) fitConns(files uint64) (each int, warning string) {
	listeners := uint64(len(c.XMLRPC) + len(c.Native))
	wanted := uint64(cmp.Or(c.Limits.MaxConns, defaultMaxConns))
	if listeners == 0 || listeners*wanted+spareFiles <= files {
		return c.Limits.MaxConns, ""
	}
	fit := max(1, (max(files, spareFiles)-spareFiles)/listeners)
	warning = fmt.Sprintf("this process may have %d files open, too few for %d connections to each of %d listeners", files, wanted, listeners)
	if c.Limits.MaxConns != 0 {
		return c.Limits.MaxConns, fmt.Sprintf("%s: raise the limit (ulimit -n), or set limits.max_conns to %d", warning, fit)
	}
	return int(fit), fmt.Sprintf("%s, which take %d therefore: raise the limit (ulimit -n), or set limits.max_conns", warning, fit)
}
