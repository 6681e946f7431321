package native

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// Limits are the bounds of a session, on the side that sets them. The zero value
// is the default.
type Limits struct {
	// MaxMessage is the largest message accepted, in bytes: the arguments or the
	// result of a call. Zero means 16 MiB; at least 64 KiB. The peer knows it and
	// sends no larger one.
	MaxMessage int
	// MaxCalls is how many calls of the peer may be unanswered at once. Zero
	// means 1024. The peer knows it, and lets further callers wait.
	MaxCalls int
	// MaxBuffered bounds what the calls of the peer take in memory together, in
	// bytes of their messages: those that have begun to arrive and those that are
	// not answered yet. A call beyond it is answered with a fault. Zero means
	// 64 MiB; at least MaxMessage.
	MaxBuffered int
	// PingAfter is how long nothing may come from the peer before it is asked for
	// a sign of life. Zero means 5 s.
	PingAfter time.Duration
	// DeadAfter is how long nothing may come, or how long the peer may take
	// nothing of what is sent, before the session ends with ErrPeerDead. Zero
	// means 15 s; at least PingAfter.
	DeadAfter time.Duration
}

const (
	minMaxMessage      = 64 << 10
	defaultMaxCalls    = 1024
	defaultMaxBuffered = 64 << 20
	defaultPingAfter   = 5 * time.Second
	defaultDeadAfter   = 15 * time.Second

	// maxQueued bounds the bytes that wait to be written. Calls beyond it wait
	// under their own context.
	maxQueued = 1 << 20
	// maxQueuedControl bounds it for what cannot wait: answers to a PING, refusals
	// and cancellations. A peer that causes more of them without reading any ends
	// its session.
	maxQueuedControl = maxQueued + 128<<10
)

// withDefaults puts the defaults in place of zeros.
func (l Limits) withDefaults() (Limits, error) {
	set := func(v *int, initial int) {
		if *v == 0 {
			*v = initial
		}
	}
	set(&l.MaxMessage, defaultMaxMessage)
	set(&l.MaxCalls, defaultMaxCalls)
	set(&l.MaxBuffered, max(defaultMaxBuffered, l.MaxMessage))
	if l.PingAfter == 0 {
		l.PingAfter = defaultPingAfter
		if l.DeadAfter > 0 {
			l.PingAfter = min(l.PingAfter, l.DeadAfter)
		}
	}
	if l.DeadAfter == 0 {
		l.DeadAfter = max(defaultDeadAfter, l.PingAfter)
	}
	switch {
	case l.MaxMessage < minMaxMessage || l.MaxMessage > 1<<30:
		return l, fmt.Errorf("MaxMessage: got %d; want 0 (%d), or %d to %d bytes", l.MaxMessage, defaultMaxMessage, minMaxMessage, 1<<30)
	case l.MaxCalls < 0 || l.MaxCalls > 1<<20:
		return l, fmt.Errorf("MaxCalls: got %d; want 0 (%d), or 1 to %d", l.MaxCalls, defaultMaxCalls, 1<<20)
	case l.MaxBuffered < l.MaxMessage:
		return l, fmt.Errorf("MaxBuffered: got %d; want 0 (%d), or at least MaxMessage (%d)", l.MaxBuffered, defaultMaxBuffered, l.MaxMessage)
	case l.PingAfter < 0:
		return l, fmt.Errorf("PingAfter: got %v; want 0 (%v) or more", l.PingAfter, defaultPingAfter)
	case l.DeadAfter < l.PingAfter:
		return l, fmt.Errorf("DeadAfter: got %v; want 0 (%v), or at least PingAfter (%v)", l.DeadAfter, defaultDeadAfter, l.PingAfter)
	}
	return l, nil
}

// sessionConfig is what a session needs besides its connection.
type sessionConfig struct {
	dialer      bool       // this side dialed: its calls have odd ids
	handler     rpc.Caller // answers the peer's calls; nil: there is nothing to call
	identity    rpc.Identity
	limits      Limits        // complete
	callTimeout time.Duration // of calls whose context has no deadline
	early       []byte        // what was read from the connection already
	logger      *slog.Logger
}

// session is one connection between two peers of this kind, on which both call
// each other.
//
//	caller:  encode -> update: append to out -> whoever leads writes -> wait for done
//	reader:  frame -> answers: hand over to the caller; calls: queue for a worker
//	worker:  handler -> encode -> update: append to out, take the next call
//
// All that changes is in state, behind mu, and is changed in update alone.
//
//	          GOAWAY, sent or received
//	open ----------------------------> leaving
//	  |                                   | nothing unanswered on either side
//	  |  failure, Close                   v
//	  +------------------------------> ended: err is set, callers have their
//	                                   errors, contexts of handlers are over;
//	                                   then the connection is closed
type session struct {
	sessionConfig
	nc    net.Conn
	raw   *rawWriter // nil: nc has no non-blocking write
	peer  *rpc.Peer
	base  context.Context // of handlers; carries the peer
	hello hello           // of the peer; set before ready is closed

	ready chan struct{} // closed by the reader when the peer's HELLO has come
	dead  chan struct{} // closed by end
	gone  chan struct{} // closed by run when nothing of the session is left

	lastRead atomic.Int64 // when bytes came last, in ns since born
	born     time.Time
	pinger   *time.Timer // guarded by mu
	watcher  *time.Timer // guarded by mu; runs while state.watching

	calls   callPool
	helpers sync.WaitGroup // workers, flusher, pinger; added to under mu while err is nil

	mu sync.Mutex
	st state // guarded by mu
}

// state is all of a session that changes.
type state struct {
	// What is to be written.
	out     []byte        // frames that no writer has taken yet
	large   []*large      // messages that are sent in parts, in line
	flying  int           // bytes that a writer has taken and not written
	writing bool          // there is a writer: out and large are its to take
	spare   []byte        // memory for the next out
	room    chan struct{} // closed when bytes have left; nil if nobody waits

	batch       uint64 // counts the outs that a writer has taken
	flyingLarge *large // whose frame a writer has taken; nil: it took an out
	largeTurn   bool   // the last thing taken was such a frame
	writeErr    error  // nothing can be written any more

	// Calls to the peer.
	nextID   uint64
	slots    slots            // places in calls
	watching bool             // a call is on the list that has a default time
	calls    map[uint64]*call // unanswered; nil: the caller does not wait any more

	// Calls of the peer.
	lastSeen uint64
	running  callList // begun and not answered
	held     int      // bytes of their messages
	workers  workers

	lastPing uint64

	// The end.
	left       bool  // we have sent GOAWAY, and accept no further call
	peerLeft   bool  // the peer has sent GOAWAY
	lingering  bool  // all is answered, the peer is given a moment to close
	err        error // why the session has ended; nil while it has not
	connClosed bool
}

func (st *state) queued() int { return len(st.out) + st.flying }

// unsettled counts what still has to be answered, by either side.
func (st *state) unsettled() int { return len(st.calls) + st.running.n }

// idle reports whether nothing is unanswered and nothing unwritten.
func (st *state) idle() bool {
	return st.unsettled() == 0 && len(st.out) == 0 && len(st.large) == 0 && !st.writing
}

// newSession makes a session on nc, which it owns from now on. ctx is the parent
// of the contexts of handlers, for what it carries; its end ends no session.
// The caller runs run, once.
func newSession(ctx context.Context, nc net.Conn, cfg sessionConfig) *session {
	s := &session{
		sessionConfig: cfg,
		nc:            nc,
		raw:           newRawWriter(nc),
		ready:         make(chan struct{}),
		dead:          make(chan struct{}),
		gone:          make(chan struct{}),
		born:          time.Now(),
	}
	s.peer = &rpc.Peer{Identity: cfg.identity, Addr: nc.RemoteAddr(), Transport: "native", Back: s}
	s.base = rpc.WithPeer(ctx, s.peer)
	s.st.workers = newWorkers()
	if s.st.nextID = 2; cfg.dialer {
		s.st.nextID = 1
	}
	return s
}

// run reads until the session ends, and returns why when nothing of it is left:
// no goroutine, no handler, no connection.
func (s *session) run() error {
	defer close(s.gone)
	ours := hello{sessionVersion, sessionVersion, s.limits.MaxMessage, s.limits.MaxCalls}
	s.nc.SetReadDeadline(s.born.Add(defaultHandshakeTimeout))
	s.update(func(st *state) {
		body := ours.append(nil)
		st.out = append(appendSessionHead(st.out, frameHello, 0, 0, len(body)), body...)
	})
	err := newReader(s).run()
	s.farewell(err)
	s.end(err)
	s.close()
	s.helpers.Wait()
	return s.ended()
}

// update is the one door to the state. f changes it and must not block. What f
// has left to be written is written before update returns, unless somebody else
// is at it: the writer never waits in the kernel.
func (s *session) update(f func(st *state)) {
	s.mu.Lock()
	f(&s.st)
	lead := (len(s.st.out) > 0 || len(s.st.large) > 0) && !s.st.writing && !s.st.connClosed
	if lead {
		s.st.writing = true
	}
	gather := len(s.st.calls) > 1 || s.st.running.n > 0
	ended := s.settle()
	s.mu.Unlock()
	if ended {
		s.end(ErrGoingAway)
	}
	if lead {
		s.write(gather)
	}
}

// settle looks whether a session that one side is leaving has come to rest. The
// side that was told closes the connection, since it alone knows that every
// answer has arrived. It is called with mu held.
func (s *session) settle() (ended bool) {
	st := &s.st
	if !st.left && !st.peerLeft || st.err != nil || !st.idle() {
		return false
	}
	if !st.peerLeft && !st.lingering {
		st.lingering = true
		s.nc.SetReadDeadline(time.Now().Add(lingerTime)) // ends the reader
	}
	return st.peerLeft
}

// leave tells the peer that no further call is accepted. The session ends when
// all that was accepted is answered.
func (s *session) leave() {
	s.update(func(st *state) {
		if st.err != nil || st.left {
			return
		}
		st.left = true
		st.sayGoodbye(goaway{reasonShutdown, "shutting down"})
	})
}

func (st *state) sayGoodbye(g goaway) {
	var body [1 + maxReason]byte
	b := g.append(body[:0])
	st.out = append(appendSessionHead(st.out, frameGoaway, 0, st.lastSeen, len(b)), b...)
}

// end makes err the end of the session, unless it has ended: callers get their
// errors, contexts of handlers end, and the connection is closed, except for a
// breach of the peer's, about which farewell has the last word.
func (s *session) end(err error) {
	type outcome struct {
		call *call
		sent rpc.Sent
	}
	var outcomes []outcome
	var contexts []*callContext
	s.mu.Lock()
	st := &s.st
	if st.err != nil {
		s.mu.Unlock()
		return
	}
	st.err = err
	for _, c := range st.withdrawAll() {
		outcomes = append(outcomes, outcome{c, rpc.NotSent})
	}
	for _, c := range st.calls {
		if c != nil {
			outcomes = append(outcomes, outcome{c, st.reached(c)})
		}
	}
	for in := st.running.first; in != nil; in = in.following {
		if in.ctx != nil { // nil while it is still arriving
			contexts = append(contexts, in.ctx)
		}
	}
	for _, l := range st.large {
		l.end()
	}
	st.calls, st.large = nil, nil
	st.workers.close()
	st.slots.closeAll()
	st.makeRoom()
	s.mu.Unlock()

	close(s.dead)
	for _, o := range outcomes {
		o.call.fail(o.sent, err)
	}
	for _, ctx := range contexts {
		ctx.end(context.Canceled)
	}
	if !isBreach(err) {
		s.close()
	}
}

// close closes the connection, which ends the reader and a flusher.
func (s *session) close() {
	s.mu.Lock()
	closed := s.st.connClosed
	s.st.connClosed = true
	for _, t := range []*time.Timer{s.pinger, s.watcher} {
		if t != nil {
			t.Stop()
		}
	}
	s.mu.Unlock()
	if !closed {
		s.nc.Close()
	}
}

// usable reports whether calls can be made.
func (s *session) usable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.st.refusal() == nil
}

// begun reports whether the peer has sent its HELLO.
func (s *session) begun() bool {
	select {
	case <-s.ready:
		return true
	default:
		return false
	}
}

// ended returns why the session has ended.
func (s *session) ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.st.err
}

// Close ends the session at once and waits for all of it.
func (s *session) Close() {
	s.end(ErrClosed)
	<-s.gone
}

func isBreach(err error) bool {
	var p *ProtocolError
	return errors.As(err, &p) && !p.ByUs || errors.Is(err, ErrVersion)
}

// farewell tells a peer that broke the protocol why its session ends, and gives
// it a moment to read that. The reader calls it.
func (s *session) farewell(err error) {
	if !isBreach(err) {
		return
	}
	s.end(err)
	g := goaway{reasonProtocol, err.Error()}
	if p := new(ProtocolError); errors.As(err, &p) {
		g.text = p.Text
	} else {
		g.reason = reasonVersion
	}
	s.update(func(st *state) { st.sayGoodbye(g) })
	late := time.NewTimer(lingerTime)
	defer late.Stop()
	for written := false; !written; {
		var room chan struct{}
		s.update(func(st *state) {
			if written = len(st.out) == 0 && !st.writing || st.connClosed || st.writeErr != nil; !written {
				room = st.wantRoom()
			}
		})
		if written {
			break
		}
		select {
		case <-room:
		case <-late.C:
			return
		}
	}
	linger(s.nc)
}

// help counts a goroutine that the session waits for; false: it has ended.
func (s *session) help() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.st.err == nil {
		s.helpers.Add(1)
	}
	return s.st.err == nil
}

// startPinger begins to look after a silent peer. The reader calls it, once.
func (s *session) startPinger() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.st.err == nil {
		s.pinger = time.AfterFunc(s.limits.PingAfter, s.ping)
	}
}

// ping runs when the peer may have been silent for long enough to be asked for
// a sign of life, or to be given up.
func (s *session) ping() {
	if !s.help() {
		return
	}
	defer s.helpers.Done()
	silent := s.sinceBorn() - time.Duration(s.lastRead.Load())
	next := s.limits.PingAfter - silent
	switch {
	case silent >= s.limits.DeadAfter:
		s.end(fmt.Errorf("%w: nothing came from it for %v", ErrPeerDead, silent.Round(time.Millisecond)))
		return
	case silent >= s.limits.PingAfter:
		next = min(s.limits.PingAfter, s.limits.DeadAfter-silent)
		s.update(func(st *state) {
			st.shrink()
			if st.err == nil && st.queued() < maxQueued {
				st.lastPing++
				st.out = appendSessionHead(st.out, framePing, 0, st.lastPing, 0)
			}
		})
	default: // the peer may have asked first
		s.update((*state).shrink)
	}
	s.mu.Lock()
	if s.st.err == nil {
		s.pinger.Reset(next)
	}
	s.mu.Unlock()
}

// shrink gives back the memory of busier times.
func (st *state) shrink() {
	if st.writing || !st.idle() {
		return
	}
	st.out, st.spare, st.large = nil, nil, nil
	st.calls, st.workers.queue = nil, nil
	st.workers.dismiss()
}

func (s *session) sinceBorn() time.Duration { return time.Since(s.born) }

// lastReadAt returns when bytes came last.
func (s *session) lastReadAt() time.Time { return s.born.Add(time.Duration(s.lastRead.Load())) }

// Read reads from the connection, for the reader alone.
func (s *session) Read(p []byte) (int, error) {
	if len(s.early) > 0 {
		n := copy(p, s.early)
		s.early = s.early[n:]
		return n, nil
	}
	n, err := readSome(s.nc, p)
	if n > 0 {
		s.lastRead.Store(int64(s.sinceBorn()))
		return n, nil
	}
	return 0, s.readFailed(err)
}

// readFailed says what the error of a read means for the session. Besides its
// end, the deadline of a read is that of HELLO.
func (s *session) readFailed(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.st.lingering: // all was answered before
		return ErrClosed
	case s.st.writeErr != nil: // it came first
		return s.st.writeErr
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: no HELLO came within %v: %w", ErrPeerDead, defaultHandshakeTimeout, err)
	}
	return lost(err)
}
