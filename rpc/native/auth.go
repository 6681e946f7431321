package native

import (
	"crypto/fips140"
	"errors"
	"fmt"
	"iter"

	"github.com/parley-rpc/parley/rpc"
)

// Auth names the keys of the challenge and the policy for it. The types of
// package auth satisfy it: auth.Key, auth.NewKey, auth.LoadKey, auth.NewKeyring.
// It is safe for concurrent use.
//
// If an Auth also has a method Check() error, it is asked before the keys are
// used, and its error ends what was to use them.
type Auth interface {
	// Authkeys yields the live keys and the identity that each one proves. A
	// listener accepts any of them, and the one that a peer proves names the
	// peer; of more than 16 the rest is not tried. A dialer proves itself with
	// the first, and accepts no other from the listener. The keys are only read,
	// and must not change. An empty key is an error: to Python before 3.13 it
	// means "no authentication".
	Authkeys() iter.Seq2[rpc.Identity, []byte]
	// AllowMD5 permits HMAC-MD5, which is all that Python 3.11 and older speak.
	AllowMD5() bool
}

// maxAuthkeys is the number of keys that are tried.
const maxAuthkeys = 16

var (
	// ErrAuth is what every failed login is, by errors.Is. Trying again with the
	// same key and policy fails in the same way.
	ErrAuth = errors.New("not authenticated")
	// ErrKeyRefused: the peer answered our proof with #FAILURE#.
	ErrKeyRefused = authError("the peer refused our authkey: both sides need the same one")
	// ErrUnproven: the peer's answer to our challenge was made with none of our
	// keys.
	ErrUnproven = authError("the peer could not prove that it has the authkey")
	// ErrPolicy: the peer's challenge or answer is weaker than the policy allows.
	ErrPolicy = authError("below policy")
	// ErrNoChallenge: the peer does not take part in the challenge. It may have
	// no key, or be no peer of this kind at all.
	ErrNoChallenge = authError("the peer does not take part in the authkey challenge")
	// ErrReflected: the peer sent a challenge that only our own side can have
	// made, to get it answered.
	ErrReflected = authError("the peer sent back a challenge of our own side")
	// ErrKeyNeeded: the peer asks for an authkey, and this side has none set.
	ErrKeyNeeded = authError("the peer asks for an authkey, and none is set here: set Auth")
	// ErrNoKey: the Auth of this side has no key that can be used.
	ErrNoKey = authError("no authkey to use")
)

// authError is an error that is ErrAuth too.
type authError string

func (e authError) Error() string        { return string(e) }
func (e authError) Is(target error) bool { return target == ErrAuth }

// authkey is one of the keys of a handshake.
type authkey struct {
	identity rpc.Identity
	key      []byte
}

// minFIPSKey is the shortest key, in bytes, that HMAC takes in FIPS 140-only
// mode (SP 800-131A: 112 bits).
const minFIPSKey = 14

// authkeysOf returns the keys to use now, at least one.
func authkeysOf(a Auth) ([]authkey, error) {
	if a == nil {
		return nil, fmt.Errorf("%w: Auth is nil", ErrNoKey)
	}
	if c, ok := a.(interface{ Check() error }); ok {
		if err := c.Check(); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoKey, err)
		}
	}
	var keys []authkey
	for id, key := range a.Authkeys() {
		if len(keys) == maxAuthkeys {
			break
		}
		if len(key) == 0 {
			return nil, fmt.Errorf("%w: the one of %q is empty", ErrNoKey, id.Name)
		}
		if len(key) < minFIPSKey && fips140.Enforced() {
			return nil, fmt.Errorf("%w: the one of %q has %d bytes; FIPS 140-only mode needs %d", ErrNoKey, id.Name, len(key), minFIPSKey)
		}
		keys = append(keys, authkey{id, key})
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: Auth yields none", ErrNoKey)
	}
	return keys, nil
}
