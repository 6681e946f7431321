package native

import (
	"io"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// A peer that calls again as soon as it has its answer does so within some tens of
// microseconds. To park a goroutine for that, to look for other work, to wait for
// all sockets at once and to start again costs more than a small call itself; so
// its connection is asked a few more times, and the core is offered to others in
// between, mostly to the peer on the same machine, which then finds it free. See
// docs/decisions/019-ask-again.md.
const (
	// promptTries is how often a socket is asked, a microsecond or less each.
	promptTries = 50

	// promptTime is after how long that ends early, where the processors have so
	// much to do that each try takes its time.
	promptTime = 200 * time.Microsecond

	// promptRests is for how many reads at most a peer is left to the scheduler
	// that was not as quick: twice as many each time.
	promptRests = 255
)

// asking bounds the connections of a server that ask again at the same time.
type asking struct{ n atomic.Int32 }

// begin reports whether one more may, of at most that many; end must follow then.
func (a *asking) begin(most int32) bool {
	if a.n.Add(1) <= most {
		return true
	}
	a.end()
	return false
}

func (a *asking) end() { a.n.Add(-1) }

// promptReader reads from a socket like its Read, whose deadlines hold for it. It
// belongs to one goroutine at a time.
type promptReader struct {
	nc     net.Conn
	raw    syscall.RawConn
	asking *asking
	most   int32                 // connections that may ask at once
	yield  func()                // offers the core to others; another one in tests
	call   func(fd uintptr) bool // attempt, made once

	rests int // reads for which the peer is left to the scheduler
	pause int // rests after the last time that it was not quick

	// Of the read under way.
	p     []byte
	n     int
	err   error
	tries int
	since time.Time // when it was asked first
}

// newPromptReader returns nc itself if it is no socket, or a is nil.
func newPromptReader(nc net.Conn, a *asking) io.Reader {
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
	default:
		return nc
	}
	raw, err := nc.(syscall.Conn).SyscallConn()
	if err != nil || a == nil {
		return nc
	}
	// Not NumCPU: in a container there may be fewer for this program.
	r := &promptReader{nc: nc, raw: raw, asking: a, most: int32(max(1, runtime.GOMAXPROCS(0)/2)), yield: schedYield}
	r.call = r.attempt
	return r
}

// Read implements io.Reader.
func (r *promptReader) Read(p []byte) (int, error) {
	if r.rests > 0 || len(p) == 0 || !r.asking.begin(r.most) {
		r.rests = max(0, r.rests-1)
		return r.nc.Read(p)
	}
	r.p, r.n, r.err, r.tries = p, 0, nil, promptTries
	err := r.raw.Read(r.call)
	r.p = nil
	if r.tries > 0 { // it never came to wait
		r.asking.end()
		r.pause = 0
	}
	if err == nil {
		err = r.err
	}
	return r.n, err
}

// attempt is what RawConn calls; false has it park the goroutine, and call again
// when something has come.
func (r *promptReader) attempt(fd uintptr) bool {
	for {
		n, err := syscall.Read(int(fd), r.p)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN && r.again():
			r.yield()
			continue
		case err == syscall.EAGAIN:
			r.wait()
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

// again reports whether the socket is to be asked once more.
func (r *promptReader) again() bool {
	switch {
	case r.tries <= 1:
		return false
	case r.tries == promptTries:
		r.since = time.Now()
	case time.Since(r.since) > promptTime:
		return false
	}
	r.tries--
	return true
}

// schedYield fails nowhere. Other goroutines may have the processor meanwhile.
func schedYield() { _, _, _ = syscall.Syscall(syscall.SYS_SCHED_YIELD, 0, 0, 0) }

// wait gives up to ask.
func (r *promptReader) wait() {
	if r.tries == 0 {
		return
	}
	r.tries = 0
	r.asking.end()
	r.pause = min(2*r.pause+1, promptRests)
	r.rests = r.pause
}
