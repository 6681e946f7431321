package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/parley-rpc/parley/auth/internal/scram"
	"github.com/parley-rpc/parley/internal/limits"
)

const (
	// provedFor is how long a password that was right is remembered, and maxProved
	// how many are, each once for itself and once for the address it came from.
	provedFor = 5 * time.Minute
	maxProved = 2048
)

// passwords checks passwords against PHC strings, and bounds what that costs.
type passwords struct {
	secret [sha256.Size]byte // keys what is remembered; of this process alone
	verify func(password, phc string) (bool, error)
	work   *workroom

	mu     sync.Mutex // protects what follows
	proved provedList
	wrong  limits.Failures
	checks map[proofKey]*passwordCheck // under way
}

// proofKey stands for a name, the hash it has, and a password.
type proofKey [sha256.Size]byte

// passwordCheck is the checking of one password, which all who give the same one
// at the same time wait for.
type passwordCheck struct {
	done chan struct{} // closed by the one who checks
	// What follows is set before done is closed.
	right   bool
	refused *httpError // why it was not checked
}

func newPasswords() *passwords {
	p := &passwords{verify: verifyPHC, work: newWorkroom(), checks: map[proofKey]*passwordCheck{}}
	rand.Read(p.secret[:])
	return p
}

// check refuses a login unless its password is the one of phc, and known: a
// mock PHC is worked on like every other, and never right. host is the zero
// Addr if wrong passwords from there do not count.
func (p *passwords) check(ctx context.Context, l httpLogin, phc string, known bool, host netip.Addr) *httpError {
	key := p.keyOf(l.id, phc, l.password)
	for {
		p.mu.Lock()
		// That the name is known comes first, and the hash that it has now is a part
		// of the key: nothing is remembered for who is not there any more.
		refused := tooMany(&p.wrong, host, l.id, time.Now())
		if known && p.remembers(key, host, refused != nil) {
			p.mu.Unlock()
			return nil
		}
		if refused != nil {
			p.mu.Unlock()
			return refused
		}
		c, ok := p.checks[key]
		if !ok {
			c = &passwordCheck{done: make(chan struct{})}
			p.checks[key] = c
		}
		p.mu.Unlock()

		if !ok {
			p.run(ctx, c, key, l, phc, known, host) // whoever is gone by then was wrong all the same
		} else {
			select {
			case <-c.done:
			case <-ctx.Done():
				return busy(l.id, "the client is gone")
			}
		}
		switch {
		case c.refused == errAbandoned:
			if ctx.Err() != nil {
				return busy(l.id, "the client is gone")
			}
			continue // whoever was to check has left, or may not; somebody else has to
		case c.refused != nil:
			return c.refused
		case c.right:
			return nil
		}
		p.mu.Lock()
		p.wrong.Note(host, time.Now())
		p.mu.Unlock()
		return unauthorized(l.id, "wrong password, or no such credential")
	}
}

// remembers reports whether a password need not be checked. From a host that has
// to wait it must have been right before from there too: otherwise who is there
// could try out passwords against what others have proved, as fast as an HMAC.
// p.mu is held.
func (p *passwords) remembers(key proofKey, host netip.Addr, blocked bool) bool {
	now := time.Now()
	if !host.IsValid() { // never blocked
		return p.proved.has(key, now)
	}
	here := p.keyOf(string(key[:]), host.String())
	if blocked {
		return p.proved.has(here, now)
	}
	until, ok := p.proved.until[key]
	if !ok || !now.Before(until) {
		return false
	}
	if !p.proved.has(here, now) {
		p.proved.add(here, until, now)
	}
	return true
}

// errAbandoned says that the one who was to check a password has left before, or
// that its host has to wait.
var errAbandoned = busy("", "abandoned")

// run checks a password for all who wait for c.
func (p *passwords) run(ctx context.Context, c *passwordCheck, key proofKey, l httpLogin, phc string, known bool, host netip.Addr) {
	defer func() {
		p.mu.Lock()
		delete(p.checks, key)
		if c.right {
			now := time.Now()
			p.proved.add(key, now.Add(provedFor), now)
			p.remembers(key, host, false)
		}
		p.mu.Unlock()
		close(c.done)
	}()
	leave, err := p.work.enter(ctx, memoryOf(phc))
	switch {
	case errors.Is(err, errNoRoom):
		c.refused = busy(l.id, "too many passwords are being checked")
		return
	case err != nil:
		c.refused = errAbandoned
		return
	}
	defer leave()
	// Others from there may have been wrong in the meantime.
	p.mu.Lock()
	blocked := tooMany(&p.wrong, host, l.id, time.Now()) != nil
	p.mu.Unlock()
	if blocked {
		c.refused = errAbandoned
		return
	}
	right, err := p.verify(l.password, phc)
	if err != nil {
		c.refused = &httpError{status: http.StatusInternalServerError, id: l.id, text: "its hash cannot be checked: " + err.Error()}
		return
	}
	c.right = right && known
}

func busy(id, text string) *httpError {
	return &httpError{status: http.StatusServiceUnavailable, retry: workWait, id: id, text: text}
}

// keyOf returns what a password that was right is remembered by. Lengths keep
// one part from passing for another.
func (p *passwords) keyOf(parts ...string) (key proofKey) {
	h := hmac.New(sha256.New, p.secret[:])
	var length [8]byte
	for _, part := range parts {
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		h.Write(length[:])
		h.Write([]byte(part))
	}
	h.Sum(key[:0])
	return key
}

// provedList are the passwords that were right, for a while.
type provedList struct {
	until map[proofKey]time.Time
	order []proved // the oldest first
}

type proved struct {
	key   proofKey
	until time.Time
}

func (l *provedList) has(key proofKey, now time.Time) bool { return now.Before(l.until[key]) }

// add remembers one more until a time, and forgets those that are over, and the oldest if
// there are too many.
func (l *provedList) add(key proofKey, until, now time.Time) {
	if l.until == nil {
		l.until = map[proofKey]time.Time{}
	}
	n := 0
	for n < len(l.order) && (!now.Before(l.order[n].until) || len(l.order)-n >= maxProved) {
		if old := l.order[n]; l.until[old.key].Equal(old.until) { // and not a later one
			delete(l.until, old.key)
		}
		n++
	}
	l.order = append(l.order[:0], l.order[n:]...)
	l.until[key] = until
	l.order = append(l.order, proved{key, until})
}

// mockPHC returns a hash to work on for an id that has none: as costly as that of
// a live entry, of which it is as likely as entries have it. No password that
// could be found is right for it.
func (s *credentialSet) mockPHC(id string, now time.Time) string {
	h := hmac.New(sha512.New, s.mockKey)
	h.Write([]byte("phc:" + id))
	sum := h.Sum(nil)
	live := 0
	for _, cred := range s.hashed {
		if cred.liveAt(now) {
			live++
		}
	}
	chosen := "$" + scram.DefaultKDF().String()
	before := int(uint64(binary.BigEndian.Uint32(sum)) * uint64(live) >> 32) // as in mock
	for _, cred := range s.hashed {
		if !cred.liveAt(now) {
			continue
		}
		if before == 0 {
			chosen = paramsOf(cred.PHC)
		}
		before--
	}
	b64 := base64.RawStdEncoding
	return chosen + "$" + b64.EncodeToString(sum[4:20]) + "$" + b64.EncodeToString(sum[20:20+phcHashSize])
}

// paramsOf returns what a PHC says in front of its salt.
func paramsOf(phc string) string {
	hash := strings.LastIndexByte(phc, '$')
	return phc[:strings.LastIndexByte(phc[:hash], '$')]
}

// memoryOf returns the memory that checking phc takes, in KiB.
func memoryOf(phc string) int {
	if part := strings.Split(phc, "$"); len(part) == 6 {
		if kdf, err := scram.ParseKDF(strings.Join(part[1:4], "$")); err == nil {
			return int(kdf.Memory)
		}
	}
	return workUnit // verify tells what is wrong with it
}
