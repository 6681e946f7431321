package xmlrpc

import (
	"net/http"
	"time"
)

// Bounds of reading on behind the answer to a request that was refused.
const (
	// maxLinger is how much of a body is read and thrown away, in bytes.
	maxLinger = 64 << 20
	// maxLingering is how many connections do so at the same time; others are
	// closed at once.
	maxLingering = 16
	// lingerPause is how long the next bytes are waited for. All of them together
	// have what is left of ReadTimeout.
	lingerPause = 2 * time.Second
	// readByHTTP is how much of a body net/http reads for itself, before the
	// answer, in bytes.
	readByHTTP = 256 << 10
)

// lingers reports whether the body of a refused request is to be read on behind
// the answer. Many clients, Python's among them, send all of a call before they
// look for an answer; to them a connection that is closed in the middle is broken,
// and they never see the status (RFC 9112, section 9.6). It is done for callers
// that have logged in, where they have to.
func (x *exchange) lingers(no *refusal) bool {
	switch {
	case x.conn == nil, x.entrance != nil && x.peer == nil:
		return false
	case no.status == http.StatusRequestTimeout, no.status == http.StatusBadRequest:
		return false // there is nothing more to read
	case x.r.Header.Get("Expect") != "" && !x.reading:
		return false // the body was announced, and not asked for
	case no.status != http.StatusRequestEntityTooLarge && x.r.ContentLength <= readByHTTP:
		return false
	}
	return x.r.ContentLength <= maxLinger
}

// linger reads on, and returns when the client has sent everything, or nobody
// will wait for it any longer. The connection ends then. While it lasts, it is the
// first to make room for another.
func (x *exchange) linger() {
	if !x.lingering.take() {
		return
	}
	defer x.lingering.free()
	rc := http.NewResponseController(x.w)
	if rc.Flush() != nil {
		return
	}
	x.conn.waits.Store(x.began.UnixNano())
	defer x.conn.waits.Store(0)
	end := x.began.Add(x.readTimeout)
	var piece [16 << 10]byte
	for left := maxLinger; left > 0; {
		until := time.Now().Add(lingerPause)
		if until.After(end) {
			until = end
		}
		if rc.SetReadDeadline(until) != nil {
			return
		}
		n, err := x.r.Body.Read(piece[:min(left, len(piece))])
		if left -= n; err != nil {
			return // the end, or the client has left, or takes too long
		}
	}
}
