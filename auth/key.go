package auth

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"

	"github.com/parley-rpc/parley/rpc"
)

const (
	// MinKeySize is the length that a key must have, in bytes.
	MinKeySize = 32

	// maxKeySize bounds a key, in bytes.
	maxKeySize = 4096

	// defaultIdentity is whom a key proves if its KeyConfig does not say.
	defaultIdentity = "authkey"

	redacted = "[authkey]"
)

// ErrKey is what every error about a key or its file is, by errors.Is.
var ErrKey = errors.New("auth: authkey")

// ErrEmptyKey is the ErrKey of a key without a byte.
var ErrEmptyKey = fmt.Errorf("%w: it is empty, which to Python before 3.13 means no authentication", ErrKey)

// KeyConfig is the policy for a key. Its zero value is the strict one.
type KeyConfig struct {
	// Identity is the name of whoever proves the key: what a Policy knows, and
	// what a function finds in its Peer. Empty means "authkey".
	Identity string
	// Credential tells several keys of one identity apart, in logs: "bot.k2".
	// Empty means the same as Identity.
	Credential string
	// AllowMD5 permits HMAC-MD5 in the challenge. Python 3.11 and older know
	// nothing else.
	AllowMD5 bool
	// DangerouslyAllowShortKey accepts a key below MinKeySize. Somebody who has
	// seen one login can try out keys at leisure, and finds a short or guessable
	// one.
	DangerouslyAllowShortKey bool
}

// Authkey is a shared key with its policy. It does not change, is safe for
// concurrent use, and never shows its bytes but through Reveal: it prints, logs
// and marshals as "[authkey]".
type Authkey struct {
	key      func() []byte // a function, so that no printing of a struct around it reaches the bytes
	identity rpc.Identity
	allowMD5 bool
	err      error // why it cannot be used
}

// NewKey makes an Authkey of the bytes of a key, which it copies.
func NewKey(key []byte, cfg KeyConfig) (*Authkey, error) {
	k := newKey(key, cfg)
	if k.err != nil {
		return nil, k.err
	}
	return k, nil
}

// Key is NewKey with the strict policy, to be written in place. With a key that
// is too short, what it is given to fails when it is to be used: Check tells.
func Key(key []byte) *Authkey { return newKey(key, KeyConfig{}) }

func newKey(key []byte, cfg KeyConfig) *Authkey {
	if cfg.Identity == "" {
		cfg.Identity = defaultIdentity
	}
	if cfg.Credential == "" {
		cfg.Credential = cfg.Identity
	}
	key = bytes.Clone(key)
	return &Authkey{
		key:      func() []byte { return key },
		identity: rpc.Identity{Name: cfg.Identity, Credential: cfg.Credential},
		allowMD5: cfg.AllowMD5,
		err:      checkKey(key, cfg.DangerouslyAllowShortKey),
	}
}

func checkKey(key []byte, allowShort bool) error {
	switch {
	case len(key) == 0:
		return fmt.Errorf("%w; make one with GenerateKey", ErrEmptyKey)
	case len(key) < MinKeySize && !allowShort:
		return fmt.Errorf("%w: got %d bytes; want %d or more: make one with GenerateKey, or set DangerouslyAllowShortKey", ErrKey, len(key), MinKeySize)
	case len(key) > maxKeySize:
		return fmt.Errorf("%w: got %d bytes; want %d at most", ErrKey, len(key), maxKeySize)
	}
	return nil
}

// GenerateKey returns a new key under the strict policy: 32 random bytes,
// written as 64 hexadecimal digits. The digits are the key.
func GenerateKey() *Authkey {
	random := make([]byte, 32)
	rand.Read(random)
	return Key(hex.AppendEncode(nil, random))
}

// With returns the same key under another policy.
func (k *Authkey) With(cfg KeyConfig) (*Authkey, error) { return NewKey(k.Reveal(), cfg) }

// Reveal returns a copy of the bytes of the key.
func (k *Authkey) Reveal() []byte {
	if k == nil || k.key == nil {
		return nil
	}
	return bytes.Clone(k.key())
}

// Check returns why the key cannot be used, nil if it can.
func (k *Authkey) Check() error {
	if k == nil || k.key == nil {
		return fmt.Errorf("%w: there is none", ErrKey)
	}
	return k.err
}

// Authkeys yields the key, unless it cannot be used.
func (k *Authkey) Authkeys() iter.Seq2[rpc.Identity, []byte] {
	return func(yield func(rpc.Identity, []byte) bool) {
		if k.Check() == nil {
			yield(k.identity, k.key())
		}
	}
}

// AllowMD5 reports whether HMAC-MD5 may be used.
func (k *Authkey) AllowMD5() bool { return k != nil && k.allowMD5 }

// String returns "[authkey]".
func (k Authkey) String() string { return redacted }

// GoString returns "[authkey]".
func (k Authkey) GoString() string { return redacted }

// Format writes "[authkey]" for every verb.
func (k Authkey) Format(s fmt.State, _ rune) { io.WriteString(s, redacted) }

// MarshalText returns "[authkey]".
func (k Authkey) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns "[authkey]".
func (k Authkey) LogValue() slog.Value { return slog.StringValue(redacted) }
