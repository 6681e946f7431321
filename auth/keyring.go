package auth

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"

	"github.com/parley-rpc/parley/rpc"
)

// MaxKeys is how many keys may be valid at the same time.
const MaxKeys = 16

// Keyring holds the keys that are valid now. A listener accepts each of them,
// and knows a peer by the identity of the key it proves; a dialer proves itself
// with the first. It is safe for concurrent use.
//
// To change a key without a pause: add the new one behind the old one on the
// listeners, put it first on the dialers, and then take the old one away.
type Keyring struct {
	keys atomic.Pointer[[]*Authkey]
}

// NewKeyring returns a Keyring with these keys, at least one and at most
// MaxKeys. They must all differ, and agree on AllowMD5: a weaker rule for one
// would be a weaker rule for all.
func NewKeyring(keys ...*Authkey) (*Keyring, error) {
	r := &Keyring{}
	if err := r.Replace(keys...); err != nil {
		return nil, err
	}
	return r, nil
}

// Replace puts other keys in the place of those there are, by the rules of
// NewKeyring; after an error all is as before. Connections that have logged in
// stay.
func (r *Keyring) Replace(keys ...*Authkey) error {
	if len(keys) == 0 || len(keys) > MaxKeys {
		return fmt.Errorf("auth: keyring: got %d keys; want 1 to %d", len(keys), MaxKeys)
	}
	for i, k := range keys {
		if err := k.Check(); err != nil {
			return fmt.Errorf("auth: keyring: key %d: %w", i, err)
		}
		if k.allowMD5 != keys[0].allowMD5 {
			return errors.New("auth: keyring: some keys allow MD5 and some do not; use one rule for all")
		}
		for j, other := range keys[:i] {
			if bytes.Equal(k.key(), other.key()) {
				return fmt.Errorf("auth: keyring: keys %d (%s) and %d (%s) are the same", j, other.identity.Credential, i, k.identity.Credential)
			}
		}
	}
	keys = append([]*Authkey(nil), keys...)
	r.keys.Store(&keys)
	return nil
}

// Authkeys yields the keys, first to last.
func (r *Keyring) Authkeys() iter.Seq2[rpc.Identity, []byte] {
	return func(yield func(rpc.Identity, []byte) bool) {
		for _, k := range r.live() {
			if !yield(k.identity, k.key()) {
				return
			}
		}
	}
}

// AllowMD5 reports whether HMAC-MD5 may be used.
func (r *Keyring) AllowMD5() bool {
	keys := r.live()
	return len(keys) > 0 && keys[0].allowMD5
}

func (r *Keyring) live() []*Authkey {
	if keys := r.keys.Load(); keys != nil {
		return *keys
	}
	return nil
}
