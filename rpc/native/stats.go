package native

import (
	"maps"
	"slices"
	"time"
)

// CallsMade counts the calls that were made on the other side. Each call that has
// begun is in flight or has ended in one of four ways, so
//
//	Begun = InFlight + Answered + Faulted + NotSent + Unknown
//
// All but InFlight only ever rise. A call whose arguments cannot be encoded is
// none.
type CallsMade struct {
	Begun    uint64 `json:"begun"`     // those that wait for a connection included
	Answered uint64 `json:"answered"`  // with a result
	Faulted  uint64 `json:"faulted"`   // answered with a fault
	NotSent  uint64 `json:"not_sent"`  // failed with a LinkError, and did not run
	Unknown  uint64 `json:"unknown"`   // failed with a LinkError, or given up, and may have run
	GivenUp  uint64 `json:"given_up"`  // of NotSent and Unknown: the caller's context or CallTimeout was over, or its stream was broken off on this side
	Repeated uint64 `json:"repeated"`  // tries after the first; a call counts once in all the others
	InFlight uint64 `json:"in_flight"` // now
}

// CallsServed counts the calls of the other side. Each call that has begun to
// arrive is in flight or has ended in one of three ways, so
//
//	Begun = InFlight + Answered + Faulted + Lost
//
// All but InFlight and Waiting only ever rise. An answer is counted before its
// caller can have it.
type CallsServed struct {
	Begun    uint64 `json:"begun"`     // those included that a limit turned away
	Answered uint64 `json:"answered"`  // with a result
	Faulted  uint64 `json:"faulted"`   // answered with a fault, the handler's or that of a limit
	Lost     uint64 `json:"lost"`      // the connection was gone before the answer
	InFlight uint64 `json:"in_flight"` // now
	Waiting  uint64 `json:"waiting"`   // of InFlight: there as a whole, and no handler has been started
}

// ClientStats is what a Client has counted since Dial, and how it stands now.
type ClientStats struct {
	// Connected tells whether there is a session that takes calls.
	Connected bool `json:"connected"`
	// Connects counts the sessions that have begun, Reconnects those of them
	// after the first, ConnectFailures the attempts that have failed.
	Connects        uint64 `json:"connects"`
	Reconnects      uint64 `json:"reconnects"`
	ConnectFailures uint64 `json:"connect_failures"`
	// Calls are those to the server, Served those that the server has made to
	// DialConfig.Handler.
	Calls  CallsMade   `json:"calls"`
	Served CallsServed `json:"served"`
	// BytesRead and BytesWritten count what went through the connections, logins
	// not included.
	BytesRead    uint64 `json:"bytes_read"`
	BytesWritten uint64 `json:"bytes_written"`
	// BytesQueued waits to be written.
	BytesQueued uint64 `json:"bytes_queued"`
	// Ping is the round trip that was measured last on the present session, every
	// Limits.PingAfter or so; zero if none was yet. It holds the time that a PING
	// waits behind other bytes, at both ends.
	Ping time.Duration `json:"ping_ns"`
}

// ServerStats is what a Server has counted since it was made, and how it stands
// now.
type ServerStats struct {
	// ConnsOpen counts the connections there are, those logging in included.
	ConnsOpen uint64 `json:"conns_open"`
	// Conns counts all that were accepted. Of these, ConnsRefused were closed
	// because of AllowFrom or a limit on connections, LoginsFailed because of
	// their login.
	Conns        uint64 `json:"conns"`
	ConnsRefused uint64 `json:"conns_refused"`
	LoginsFailed uint64 `json:"logins_failed"`
	// Sessions counts the Clients that have begun a session, SessionsOpen those
	// there are.
	Sessions     uint64 `json:"sessions"`
	SessionsOpen uint64 `json:"sessions_open"`
	// Objects counts the peers that were left to Server.Objects, ObjectsOpen
	// those there are.
	Objects     uint64 `json:"objects"`
	ObjectsOpen uint64 `json:"objects_open"`
	// Served are the calls to Server.Handler, Calls those back to Clients.
	Served CallsServed `json:"served"`
	Calls  CallsMade   `json:"calls"`
	// BytesRead and BytesWritten count what went through sessions: neither logins
	// nor objects.
	BytesRead    uint64 `json:"bytes_read"`
	BytesWritten uint64 `json:"bytes_written"`
	// BytesQueued waits to be written, to all sessions together.
	BytesQueued uint64 `json:"bytes_queued"`
	// SlowestPing is the longest of the round trips that were measured last on
	// each open session; see ClientStats.Ping.
	SlowestPing time.Duration `json:"slowest_ping_ns"`
}

// Stats returns what the client has counted. It may be called at any time, after
// Close too, and costs calls nothing: they are counted where their session is
// locked anyway.
func (c *Client) Stats() ClientStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	open := slices.SortedFunc(maps.Keys(c.sessions), func(a, b *session) int { return b.born.Compare(a.born) })
	total, calls, moment := c.ledger.sum(open, c.past)
	stats := ClientStats{
		Connects: total.sessions, Reconnects: max(total.sessions, 1) - 1,
		ConnectFailures: c.ledger.connectFailures(),
		Calls:           calls, Served: total.callsServed(moment),
		BytesRead: total.read, BytesWritten: total.written, BytesQueued: queued(moment),
	}
	for i, now := range moment {
		if open[i] == c.live.Load() && now.usable {
			stats.Connected, stats.Ping = true, now.ping
		}
	}
	return stats
}

// Stats returns what the server has counted. It may be called at any time, after
// Close too; it looks at each session for a moment.
func (s *Server) Stats() ServerStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	var open []*session
	objects := uint64(0)
	for c := range s.conns {
		switch c := c.(type) {
		case *session:
			open = append(open, c)
		case *objectConn:
			objects++
		}
	}
	total, calls, moment := s.ledger.sum(open, s.past)
	stats := ServerStats{
		Sessions: total.sessions, Objects: s.objects, ObjectsOpen: objects,
		Served: total.callsServed(moment), Calls: calls,
		BytesRead: total.read, BytesWritten: total.written, BytesQueued: queued(moment),
	}
	for _, now := range moment {
		if now.open {
			stats.SessionsOpen++
			stats.SlowestPing = max(stats.SlowestPing, now.ping)
		}
	}
	s.entrance.report(&stats)
	return stats
}

// callsServed completes the counts of calls of peers.
func (t *tally) callsServed(moment []sessionNow) CallsServed {
	calls := CallsServed{Begun: t.served.begun, Answered: t.served.answered, Faulted: t.served.faulted, Lost: t.lost}
	calls.InFlight = t.served.unanswered() - t.lost
	for _, now := range moment {
		calls.Waiting += uint64(now.waiting)
	}
	return calls
}

func queued(moment []sessionNow) (bytes uint64) {
	for _, now := range moment {
		bytes += uint64(now.queued)
	}
	return bytes
}
