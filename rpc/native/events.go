package native

import (
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
)

// Events are functions that are called when something happens to connections,
// which no interceptor sees. Any of them may be nil. They are set before the
// Server or Client begins, and are safe for concurrent use, since connections
// have nothing to do with each other.
//
// They run on the goroutines that the connections need: one that blocks, or makes
// a call on the peer, keeps its connection from going on. SessionBegan, Pinged
// and SessionEnded of one session are called one after another, in this order,
// and have the same *rpc.Peer. When Close has returned nothing is called any
// more.
type Events struct {
	// ConnRefused: a Server has closed a connection before its login, because of
	// AllowFrom or a limit on connections. The error says which. Under a flood it
	// is called for each connection.
	ConnRefused func(p *rpc.Peer, err error)
	// LoginFailed: a peer of a Server has not logged in. Most errors are ErrAuth;
	// others are those of a connection that broke on the way.
	LoginFailed func(p *rpc.Peer, err error)
	// ConnectFailed: an attempt of a Client to connect has failed, that of Dial
	// included. The error is an *rpc.LinkError, and ErrAuth for a login.
	ConnectFailed func(err error)
	// SessionBegan: both sides can make calls from now on.
	SessionBegan func(p *rpc.Peer)
	// SessionEnded: the connection of a session is closed. Its calls have failed;
	// handlers may still be running. The reason is ErrClosed or ErrGoingAway for
	// an end that one side wanted.
	SessionEnded func(p *rpc.Peer, reason error)
	// Pinged: a round trip was measured; see ClientStats.Ping.
	Pinged func(p *rpc.Peer, roundTrip time.Duration)
}

// tellBegan tells that the session has begun. The reader calls it.
func (s *session) tellBegan() {
	if f := s.events.SessionBegan; f != nil {
		f(s.peer)
	}
	s.log(slog.LevelDebug, "session_begin")
}

// tellEnded tells that the session has ended.
func (s *session) tellEnded() {
	err := s.ended()
	if f := s.events.SessionEnded; f != nil && s.begun() {
		f(s.peer, err)
	}
	level := slog.LevelDebug
	switch p := new(ProtocolError); {
	case s.dialer && !s.begun(): // is the error of the attempt
	case errors.As(err, &p), errors.Is(err, ErrVersion), errors.Is(err, ErrPeerDead):
		level = slog.LevelWarn
	case s.dialer && !errors.Is(err, ErrClosed) && !errors.Is(err, ErrGoingAway):
		level = slog.LevelInfo // to a server, peers that leave are an everyday thing
	}
	s.log(level, "session_end", errorAttr(err), slog.Duration("duration", s.sinceBorn()))
}

// log logs an event of the session.
func (s *session) log(level slog.Level, event string, attrs ...slog.Attr) {
	if !s.logger.Enabled(s.base, level) {
		return
	}
	s.logger.LogAttrs(s.base, level, event, append(attrs, peerAttrs(s.nc.RemoteAddr(), s.identity)...)...)
}

// peerAttrs are the attributes of a connection in the log.
func peerAttrs(addr net.Addr, id rpc.Identity) []slog.Attr {
	identity, credential := identityAttrs(id)
	return []slog.Attr{slog.String("peer", value.Clip(urlOf(addr), 128)), slog.String("transport", "native"), identity, credential}
}

// ponged takes the answer to a PING.
func (s *session) ponged(id uint64) (err error) {
	var roundTrip time.Duration
	s.update(func(st *state) {
		switch count := &st.count; {
		case id == 0 || id > st.lastPing:
			err = breach("PONG %d, which answers no PING", id)
		case id == st.lastPing && count.pingedAt > 0:
			roundTrip = max(s.sinceBorn()-count.pingedAt, 1)
			count.ping, count.pingedAt = roundTrip, 0
		}
	})
	if f := s.events.Pinged; f != nil && roundTrip > 0 {
		f(s.peer, roundTrip)
	}
	return err
}
