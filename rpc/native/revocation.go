package native

import (
	"errors"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// ErrRevoked: what the peer had logged in with was revoked, or has expired, and its
// connection was cut.
var ErrRevoked = errors.New("what the peer has logged in with was revoked or has expired")

// cutPatience is how long the end of a connection may take before its socket is
// closed under it: the farewell of TLS waits for a peer that reads nothing.
const cutPatience = 500 * time.Millisecond

// admission is a connection that has logged in, until it is closed. A nil one is a
// connection without a login.
type admission struct {
	nc       net.Conn
	identity rpc.Identity
	since    time.Time     // when it was accepted, and its login began
	revoker  rpc.Revoker   // nil: what it has logged in with stays good
	cut      chan struct{} // closed by revoke, under mu

	mu  sync.Mutex
	end func(error) // guarded by mu; ends what was made of nc; nil: nothing yet
}

func (ad *admission) live() bool {
	return ad.revoker == nil || ad.revoker.Live(ad.identity, ad.since)
}

// revoked reports whether it was cut.
func (ad *admission) revoked() bool {
	select {
	case <-ad.cutOff():
		return true
	default:
		return false
	}
}

// cutOff returns what is closed when it is cut.
func (ad *admission) cutOff() <-chan struct{} {
	if ad == nil {
		return nil
	}
	return ad.cut
}

// endBy says what ends the connection when it is revoked, and calls it if it was.
func (ad *admission) endBy(end func(error)) {
	if ad == nil {
		return
	}
	ad.mu.Lock()
	ad.end = end
	ad.mu.Unlock()
	if ad.revoked() {
		end(ErrRevoked)
	}
}

// revoke cuts the connection, once.
func (ad *admission) revoke() {
	ad.mu.Lock()
	if ad.revoked() {
		ad.mu.Unlock()
		return
	}
	close(ad.cut)
	end := ad.end
	ad.mu.Unlock()
	socket := ad.nc
	if t, ok := ad.nc.(interface{ NetConn() net.Conn }); ok {
		socket = t.NetConn() // below TLS
	}
	if end == nil {
		socket.Close()
		return
	}
	late := time.AfterFunc(cutPatience, func() { socket.Close() })
	defer late.Stop()
	end(ErrRevoked)
}

// admissions are the connections of an acceptor that have logged in. Its
// goroutines wait until logins have changed, and cut off those that are no longer
// live.
type admissions struct {
	over    chan struct{}  // closed by end
	helpers sync.WaitGroup // watchers, and what they do

	mu    sync.Mutex
	all   map[*admission]struct{} // guarded by mu
	ended bool                    // guarded by mu
}

func newAdmissions() *admissions {
	return &admissions{over: make(chan struct{}), all: map[*admission]struct{}{}}
}

// watch cuts off those whose login is no longer live, if login, which may be nil,
// is an rpc.Revoker. It must not be called after end.
func (s *admissions) watch(login any) {
	if r, ok := login.(rpc.Revoker); ok {
		s.helpers.Go(func() { s.heed(r) })
	}
}

func (s *admissions) heed(r rpc.Revoker) {
	for {
		changed := r.Changed() // first: what changes from now on is not missed
		s.review()
		select {
		case <-changed:
		case <-s.over:
			return
		}
	}
}

// review looks at all of them. They are cut side by side: none waits for another.
func (s *admissions) review() {
	s.mu.Lock()
	all := slices.Collect(maps.Keys(s.all))
	s.mu.Unlock()
	for _, ad := range all {
		if !ad.live() {
			s.helpers.Go(ad.revoke)
		}
	}
}

// add puts a connection on the list that login has admitted as id. It may be cut
// before add returns: a login that was revoked while it ran has been overlooked.
func (s *admissions) add(p *pendingConn, id rpc.Identity, login any) *admission {
	ad := &admission{nc: p.nc, identity: id, since: p.started, cut: make(chan struct{})}
	ad.revoker, _ = login.(rpc.Revoker)
	s.mu.Lock()
	s.all[ad] = struct{}{}
	s.mu.Unlock()
	if !ad.live() {
		ad.revoke()
	}
	return ad
}

// remove takes one off the list whose connection is closed.
func (s *admissions) remove(ad *admission) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, ad)
}

// end ends the watchers and waits for them. It may be called more than once.
func (s *admissions) end() {
	s.mu.Lock()
	if !s.ended {
		s.ended = true
		close(s.over)
	}
	s.mu.Unlock()
	s.helpers.Wait()
}
