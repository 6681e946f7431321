package native

import "time"

const (
	// maxKeyBytes is how much one side may send under the keys of one connection,
	// in bytes on the wire. RFC 8446 section 5.5 allows AES-GCM 2^24.5 full records,
	// some 380 GiB.
	maxKeyBytes = 64 << 30
	// maxKeyAge is how long they may be used.
	maxKeyAge = 24 * time.Hour
)

// keyLimits are when a session inside TLS moves to another connection. New keys
// come with a new handshake, never by a KeyUpdate. Zero means maxKeyBytes and
// maxKeyAge; tests lower them.
type keyLimits struct {
	bytes uint64
	age   time.Duration
}

func (l keyLimits) withDefaults() keyLimits {
	if l.bytes == 0 {
		l.bytes = maxKeyBytes
	}
	if l.age == 0 {
		l.age = maxKeyAge
	}
	return l
}

// worn reports whether the keys of a connection have served for long enough.
func (c *tlsConn) worn(l keyLimits, age time.Duration) bool {
	c.below.mu.Lock()
	sent := c.below.sealed
	c.below.mu.Unlock()
	return age >= l.age || sent >= l.bytes || c.below.received.Load() >= l.bytes
}

// renew looks whether the session has to move to another connection. The pinger
// calls it. No call fails for that: a server says that it takes no more, as in a
// shutdown, and its clients make theirs elsewhere; a client makes its next calls
// on a new connection, and leaves this one when all that it has made are answered.
func (s *session) renew() {
	if s.tls == nil || !s.tls.worn(s.limits.keys, s.sinceBorn()) {
		return
	}
	if s.dialer {
		s.retire(s)
		answered := false
		s.update(func(st *state) {
			// Not the first time: somebody may be just about to call.
			answered = st.worn && st.slots.used == 0
			st.worn = true
		})
		if !answered {
			return
		}
	}
	s.leave()
}
