package auth

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/parley-rpc/parley/auth/internal/scram"
	"github.com/parley-rpc/parley/rpc"
)

// maxEntries bounds a set of credentials.
const maxEntries = 4096

// maxTurn is the longest that Changed waits for a life to begin or end: clocks
// are set, and machines sleep.
const maxTurn = time.Minute

// credentialSet is all that Credentials hold at one time. It does not change.
type credentialSet struct {
	all     []*credential // in the order of the file
	byID    map[string]*credential
	channel []*credential // those of UseChannel, in the order of what shows of them
	hashed  []*credential // those with a PHC
	mockKey []byte
}

// credential is one entry of a set.
type credential struct {
	Entry
	who      rpc.Identity
	verifier scram.Verifier // of UseChannel
	// since is when the secret began to count; a login that had begun by then is
	// over. Zero is the time of the first set.
	since time.Time
}

// setPolicy is what a set is held to beside the form of its entries.
type setPolicy struct {
	allowShortKey bool
	now           time.Time
	// where names an entry in errors, by its index.
	where func(i int) string
}

func (c *Credentials) policy() setPolicy {
	return setPolicy{
		allowShortKey: c.cfg.DangerouslyAllowShortKey,
		now:           time.Now(),
		where:         func(i int) string { return fmt.Sprintf("entry %d", i) },
	}
}

// newCredentialSet makes a set of entries, which it copies. Its mockKey is left
// to the caller.
func newCredentialSet(entries []Entry, policy setPolicy) (*credentialSet, error) {
	if len(entries) > maxEntries {
		return nil, fmt.Errorf("got %d entries; want %d at most", len(entries), maxEntries)
	}
	s := &credentialSet{byID: make(map[string]*credential, len(entries))}
	index := make(map[string]int, len(entries)) // by id
	keys := map[string]int{}                    // by Key
	for i := range entries {
		cred, err := newCredential(&entries[i], policy.allowShortKey)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", policy.where(i), err)
		}
		if first, ok := index[cred.ID]; ok {
			return nil, fmt.Errorf("%s: its id %s is that of %s; want another", policy.where(i), cred.ID, policy.where(first))
		}
		index[cred.ID] = i
		if cred.Use == UseAuthkey {
			if first, ok := keys[cred.Key]; ok {
				return nil, fmt.Errorf("%s: the key of %s is that of %s; it would not tell whom it proves: make another with GenerateKey", policy.where(i), cred.ID, policy.where(first))
			}
			keys[cred.Key] = i
		}
		s.all = append(s.all, cred)
		s.byID[cred.ID] = cred
		if cred.Use == UseChannel {
			s.channel = append(s.channel, cred)
		}
		if cred.PHC != "" {
			s.hashed = append(s.hashed, cred)
		}
	}
	slices.SortStableFunc(s.channel, func(a, b *credential) int {
		return cmp.Or(cmp.Compare(a.KDF, b.KDF), cmp.Compare(len(a.Salt), len(b.Salt)))
	})
	return s, s.checkKeys(policy)
}

func newCredential(e *Entry, allowShortKey bool) (*credential, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	cred := &credential{Entry: e.clone(), who: rpc.Identity{Name: e.Identity, Credential: e.ID}}
	switch e.Use {
	case UseAuthkey:
		if err := checkKey([]byte(e.Key), allowShortKey); err != nil {
			return nil, fmt.Errorf("key: %w", err)
		}
	case UseChannel:
		kdf, err := scram.ParseKDF(e.KDF)
		if err != nil {
			return nil, fmt.Errorf("kdf: %w", err)
		}
		cred.verifier = scram.Verifier{KDF: kdf, Salt: cred.Salt, StoredKey: cred.StoredKey, ServerKey: cred.ServerKey}
	}
	return cred, nil
}

// checkKeys holds the set to MaxKeys live authkeys, now and whenever another one
// begins its life: the rest would not be tried.
func (s *credentialSet) checkKeys(policy setPolicy) error {
	for i, cred := range s.all {
		if cred.Use != UseAuthkey {
			continue
		}
		at := cred.NotBefore
		if at.Before(policy.now) {
			at = policy.now
		}
		live := 0
		for _, other := range s.all {
			if other.Use == UseAuthkey && other.liveAt(at) {
				live++
			}
		}
		if live > MaxKeys {
			return fmt.Errorf("%s: with %s there are %d live authkeys at %s; want %d at most: remove some, or end their life by not_after",
				policy.where(i), cred.ID, live, at.UTC().Format(time.RFC3339), MaxKeys)
		}
	}
	return nil
}

// live returns the credential if it is there, for use, and in its life.
func (s *credentialSet) live(id string, use Use, now time.Time) *credential {
	cred := s.byID[id]
	if cred == nil || cred.Use != use || !cred.liveAt(now) {
		return nil
	}
	return cred
}

// untilTurn returns how long to wait until a life has begun or ended, maxTurn at
// most; false if none will.
func (s *credentialSet) untilTurn(now time.Time) (wait time.Duration, ok bool) {
	wait = maxTurn
	for _, cred := range s.all {
		for _, turn := range []time.Time{cred.NotBefore, cred.NotAfter} {
			if turn.After(now) {
				ok = true
				wait = min(wait, turn.Sub(now))
			}
		}
	}
	return wait, ok
}

const mockKeySize = 32 // bytes

// mockKey returns what the salts of unknown ids are made with if a file does not
// say it: the same as until now, or else a new one.
func (c *Credentials) mockKey() []byte {
	if key := c.current().mockKey; key != nil {
		return key
	}
	return newMockKey()
}

func newMockKey() []byte {
	key := make([]byte, mockKeySize)
	rand.Read(key)
	return key
}

// mock returns a verifier for an id that has none. Without it a stranger could
// tell ids that exist from others by asking for their salt. Its KDF and the
// length of its salt are those of a live entry, as likely as entries have them;
// since the entries are in order, changing one of many changes few of the mocks.
func (s *credentialSet) mock(id string, now time.Time) scram.Verifier {
	derive := func(label string) []byte {
		h := hmac.New(sha512.New, s.mockKey)
		h.Write([]byte(label + id))
		return h.Sum(nil)
	}
	live := 0
	for _, cred := range s.channel {
		if cred.liveAt(now) {
			live++
		}
	}
	v := scram.Verifier{
		KDF:       scram.DefaultKDF(),
		StoredKey: derive("stored:")[:scram.KeySize],
		ServerKey: derive("server:")[:scram.KeySize],
	}
	saltSize := scram.SaltSize
	// How many live ones come before the chosen one. Not a remainder, which would
	// be another one for nearly all ids as soon as there is one entry more.
	before := int(uint64(binary.BigEndian.Uint32(derive("kdf:"))) * uint64(live) >> 32)
	for _, cred := range s.channel {
		if !cred.liveAt(now) {
			continue
		}
		if before == 0 {
			v.KDF, saltSize = cred.verifier.KDF, len(cred.Salt)
		}
		before--
	}
	v.Salt = derive("salt:")[:saltSize]
	return v
}
