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

// sessionConfig is what a session needs besides its connection.
type sessionConfig struct {
	dialer      bool       // this side dialed: its calls have odd ids
	handler     rpc.Caller // answers the peer's calls; nil: there is nothing to call
	identity    rpc.Identity
	limits      Limits        // complete
	callTimeout time.Duration // of calls whose context has no deadline
	events      Events
	ledger      *ledger        // of all sessions of one Client or Server; nil: one of its own
	early       []byte         // what was read from the connection already
	budget      *budget        // of the server; nil: the session has its own limits alone
	retire      func(*session) // the next calls are to be made elsewhere; set if dialer
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
	wire  net.Conn   // the socket under it
	tls   *tlsConn   // nil: nc is the socket itself
	raw   *rawWriter // of the socket; nil: it has no non-blocking write
	peer  *rpc.Peer
	base  context.Context // of handlers; carries the peer
	short shortMethods    // handler, if it has some
	hello hello           // of the peer; set before ready is closed

	ready chan struct{} // closed by the reader when the peer's HELLO has come
	dead  chan struct{} // closed by end
	gone  chan struct{} // closed by run when nothing of the session is left

	lastRead  atomic.Int64  // when bytes came last, in ns since born
	lastFrame atomic.Int64  // the same of those that began a frame
	frames    uint64        // that the reader has waited for; its alone
	frameRead uint64        // the one of them that bytes were last read for
	read      atomic.Uint64 // bytes
	born      time.Time
	pinger    *time.Timer // guarded by mu
	watcher   *time.Timer // guarded by mu; runs while state.watching

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
	lookedAt uint64   // lastSeen when the pinger looked
	running  callList // begun and not answered
	held     int      // bytes of their messages
	workers  workers
	heavy    heavyLine

	purse      purse // of what all of this takes
	queueDrawn bool  // it has paid for a queue above ownQueue

	// Streams, by the id of their call, whoever made that.
	instreams  map[uint64]*instream
	outstreams map[uint64]*outstream
	streamed   int // bytes that instreams hold

	lastPing uint64
	spoke    bool // something was taken to be written since the pinger looked

	count counts

	// The end.
	left       bool  // we have sent GOAWAY, and accept no further call
	recent     bool  // not long before that there were calls, whose answers may still be on their way
	worn       bool  // our next calls are made on another connection
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
		wire:          socketOf(nc),
		ready:         make(chan struct{}),
		dead:          make(chan struct{}),
		gone:          make(chan struct{}),
		born:          time.Now(),
	}
	s.tls, _ = nc.(*tlsConn)
	s.raw = newRawWriter(s.wire)
	s.peer = &rpc.Peer{Identity: cfg.identity, Addr: nc.RemoteAddr(), Transport: "native", Back: s}
	s.base = rpc.WithPeer(ctx, s.peer)
	s.short, _ = cfg.handler.(shortMethods)
	if s.ledger == nil {
		s.ledger = new(ledger)
	}
	s.st.workers = newWorkers()
	s.st.purse = newPurse(cfg.budget)
	if s.st.nextID = 2; cfg.dialer {
		s.st.nextID = 1
	}
	return s
}

// run reads until the session ends, and returns when nothing of it is left: no
// goroutine, no handler, no connection.
func (s *session) run() {
	defer close(s.gone)
	err := errGoexit
	defer func() {
		s.farewell(err)
		s.end(err)
		s.close()
		s.tellEnded()
		s.helpers.Wait()
		s.mu.Lock()
		s.st.purse.close()
		s.mu.Unlock()
	}()
	ours := hello{sessionVersion, sessionVersion, s.limits.MaxMessage, s.limits.MaxCalls, s.limits.StreamWindow}
	s.nc.SetReadDeadline(s.born.Add(defaultHandshakeTimeout))
	s.update(func(st *state) {
		body := ours.append(nil)
		st.out = append(appendSessionHead(st.out, frameHello, 0, 0, len(body)), body...)
	})
	err = newReader(s).run()
}

// update is the one door to the state. f changes it and must not block. What f
// has left to be written is written before update returns, unless somebody else
// is at it: the writer never waits in the kernel.
func (s *session) update(f func(st *state)) { s.change(f, false) }

// updateAside is update for one that is going to come again at once, as somebody
// who streams does: a goroutine writes, and gathers while it does.
func (s *session) updateAside(f func(st *state)) { s.change(f, true) }

func (s *session) change(f func(st *state), aside bool) {
	s.mu.Lock()
	f(&s.st)
	if s.st.heavy.line != nil {
		s.startHeavy()
	}
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
	switch {
	case lead && aside:
		s.relieve(nil, nil)
	case lead:
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
		patience := lingerTime
		if st.recent {
			patience = s.limits.DeadAfter
		}
		s.nc.SetReadDeadline(time.Now().Add(patience)) // ends the reader
	}
	return st.peerLeft
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

// help counts a goroutine that the session waits for; false: it has ended.
func (s *session) help() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.st.err == nil {
		s.helpers.Add(1)
	}
	return s.st.err == nil
}

func (s *session) sinceBorn() time.Duration { return time.Since(s.born) }

// lastReadAt returns when bytes came last.
func (s *session) lastReadAt() time.Time { return s.born.Add(time.Duration(s.lastRead.Load())) }

// Read reads from the connection, for the reader alone.
func (s *session) Read(p []byte) (int, error) {
	if len(s.early) > 0 {
		n := copy(p, s.early)
		s.early = s.early[n:]
		s.read.Add(uint64(n))
		return n, nil
	}
	return s.came(readSome(s.nc, p))
}

// came takes the outcome of a read from the connection.
func (s *session) came(n int, err error) (int, error) {
	if n > 0 {
		now := int64(s.sinceBorn())
		s.lastRead.Store(now)
		// The rest of a frame is no sign of life. A peer or a way that has gone mad
		// may have announced more than ever comes, and whatever is said after it,
		// a PONG too, is taken for more of the frame.
		if s.frameRead != s.frames {
			s.frameRead = s.frames
			s.lastFrame.Store(now)
		}
		s.read.Add(uint64(n))
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
	case s.st.lingering, s.st.left && s.st.unsettled() == 0: // all was answered before
		return ErrClosed
	case s.st.writeErr != nil: // it came first
		return s.st.writeErr
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: no HELLO came within %v: %w", ErrPeerDead, defaultHandshakeTimeout, err)
	}
	return lost(err)
}
