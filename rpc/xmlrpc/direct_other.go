//go:build !unix

package xmlrpc

import "syscall"

// canProbe says that a connection can be looked at without waiting. Where it
// cannot, http.Transport makes the calls, which has a goroutine for that.
const canProbe = false

type prober struct{}

func newProber(syscall.Conn) prober { return prober{} }

func (prober) quiet() bool { return false }
