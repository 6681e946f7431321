package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/parley-rpc/parley/auth/internal/scram"
)

// Use is what a credential is for. A secret of one use is never accepted for
// another.
type Use string

const (
	// UseChannel is the login of the native channel inside TLS.
	UseChannel Use = "channel"
	// UseHTTP is HTTP Basic, or a bearer key.
	UseHTTP Use = "http"
	// UseAuthkey is the challenge of the native channel without TLS.
	UseAuthkey Use = "authkey"
)

// Entry is one credential in a file of them: what a server keeps. But for the key
// of UseAuthkey, which the challenge needs as it is, nothing in it logs in.
//
// It prints and logs as its id, identity and use, and as JSON without what
// guesses could be tried on; EditCredentials writes all of it.
type Entry struct {
	// ID names the credential, and is the user name of HTTP Basic: 1 to 64 letters
	// a to z, digits, dots, underscores and hyphens, beginning with a letter or
	// digit. No two entries of a file share one.
	ID string `json:"id"`
	// Identity is whom it proves: what a Policy knows. Several entries may have
	// the same one, so that credentials can be changed without a pause. It has 1
	// to 256 bytes, all of them printable.
	Identity string `json:"identity"`
	Use      Use    `json:"use"`

	// KDF is how StoredKey was made: "raw", or "argon2id$v=19$m=65536,t=3,p=4"
	// with the memory in KiB, the passes and the threads. UseChannel has both,
	// UseHTTP "raw" or else a PHC.
	KDF       string `json:"kdf,omitempty"`
	Salt      []byte `json:"salt,omitempty"` // 16 to 64 bytes
	StoredKey []byte `json:"stored_key,omitempty"`
	ServerKey []byte `json:"server_key,omitempty"` // UseChannel alone
	// PHC is the argon2id hash of the password of HTTP Basic.
	PHC string `json:"phc,omitempty"`
	// Key is the authkey of UseAuthkey.
	Key string `json:"key,omitempty"`

	// NotBefore and NotAfter bound its life, the second excluded. Zero is no bound.
	NotBefore time.Time `json:"not_before,omitzero"`
	NotAfter  time.Time `json:"not_after,omitzero"`
}

const (
	maxIdentitySize          = 256 // bytes
	minCredSalt, maxCredSalt = 16, 64
)

// check looks at everything that an entry says by itself, but for the length of
// a Key, which is a matter of policy. Its errors quote nothing of it.
func (e *Entry) check() error {
	if err := checkID(e.ID); err != nil {
		return err
	}
	if err := checkText(e.Identity, maxIdentitySize); err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	if err := e.checkFields(); err != nil {
		return err
	}
	if e.KDF != "" {
		if err := e.checkKeys(); err != nil {
			return err
		}
	}
	if e.PHC != "" {
		if err := checkPHC(e.PHC); err != nil {
			return fmt.Errorf("phc: %w", err)
		}
	}
	if e.Key != "" {
		if err := checkText(e.Key, maxKeySize); err != nil {
			return fmt.Errorf("key: %w", err)
		}
	}
	return e.checkLife()
}

// checkFields looks whether the entry has the fields of its use, and no others.
func (e *Entry) checkFields() error {
	var want string
	switch {
	case e.Use == UseChannel:
		want = "kdf salt stored_key server_key"
	case e.Use == UseHTTP && e.KDF != "":
		want = "kdf salt stored_key"
	case e.Use == UseHTTP:
		want = "phc"
	case e.Use == UseAuthkey:
		want = "key"
	default:
		return fmt.Errorf("use: want %q, %q or %q", UseChannel, UseHTTP, UseAuthkey)
	}
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"kdf", e.KDF != ""},
		{"salt", len(e.Salt) > 0},
		{"stored_key", len(e.StoredKey) > 0},
		{"server_key", len(e.ServerKey) > 0},
		{"phc", e.PHC != ""},
		{"key", e.Key != ""},
	} {
		if has := strings.Contains(" "+want+" ", " "+field.name+" "); has && !field.set {
			return fmt.Errorf("%s is missing; an entry for %s has %s", field.name, e.Use, want)
		} else if !has && field.set {
			return fmt.Errorf("got %s; an entry for %s has %s alone", field.name, e.Use, want)
		}
	}
	return nil
}

// checkKeys looks at what StoredKey is and was made of.
func (e *Entry) checkKeys() error {
	kdf, err := scram.ParseKDF(e.KDF)
	switch {
	case err != nil:
		return fmt.Errorf("kdf: %w", err)
	case e.Use == UseHTTP && !kdf.Raw:
		return errors.New(`kdf: got argon2id; an entry for http has "raw", or the PHC of a password`)
	case len(e.Salt) < minCredSalt || len(e.Salt) > maxCredSalt:
		return fmt.Errorf("salt: got %d bytes; want %d to %d", len(e.Salt), minCredSalt, maxCredSalt)
	case len(e.StoredKey) != scram.KeySize:
		return fmt.Errorf("stored_key: got %d bytes; want %d", len(e.StoredKey), scram.KeySize)
	case e.Use == UseChannel && len(e.ServerKey) != scram.KeySize:
		return fmt.Errorf("server_key: got %d bytes; want %d", len(e.ServerKey), scram.KeySize)
	}
	return nil
}

func (e *Entry) checkLife() error {
	for name, t := range map[string]time.Time{"not_before": e.NotBefore, "not_after": e.NotAfter} {
		if _, err := t.MarshalText(); err != nil {
			return fmt.Errorf("%s: want a time of RFC 3339, as 2027-01-31T12:00:00Z", name)
		}
	}
	if !e.NotAfter.IsZero() && !e.NotBefore.Before(e.NotAfter) {
		return errors.New("not_after: want a time after not_before")
	}
	return nil
}

// checkText looks at a text that JSON has to carry without a change.
func checkText(s string, limit int) error {
	switch {
	case len(s) == 0 || len(s) > limit:
		return fmt.Errorf("got %d bytes; want 1 to %d", len(s), limit)
	case !utf8.ValidString(s) || strings.ContainsRune(s, utf8.RuneError):
		return errors.New("it is not UTF-8")
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return errors.New("it has a character that cannot be printed: a newline, for example")
	}
	return nil
}

// liveAt reports whether t is in the life of the entry.
func (e *Entry) liveAt(t time.Time) bool {
	return !t.Before(e.NotBefore) && (e.NotAfter.IsZero() || t.Before(e.NotAfter))
}

// sameSecret reports whether the same secret logs in as the same identity.
func (e *Entry) sameSecret(other *Entry) bool {
	return e.ID == other.ID && e.Identity == other.Identity && e.Use == other.Use && e.KDF == other.KDF &&
		bytes.Equal(e.Salt, other.Salt) && bytes.Equal(e.StoredKey, other.StoredKey) && bytes.Equal(e.ServerKey, other.ServerKey) &&
		e.PHC == other.PHC && e.Key == other.Key
}

// equal reports whether both entries say the same.
func (e *Entry) equal(other *Entry) bool {
	return e.sameSecret(other) && e.NotBefore.Equal(other.NotBefore) && e.NotAfter.Equal(other.NotAfter)
}

// clone returns a copy that shares nothing with e.
func (e *Entry) clone() Entry {
	c := *e
	c.Salt, c.StoredKey, c.ServerKey = bytes.Clone(e.Salt), bytes.Clone(e.StoredKey), bytes.Clone(e.ServerKey)
	return c
}

// shown returns the entry without what may not be shown.
func (e Entry) shown() Entry {
	return Entry{ID: e.ID, Identity: e.Identity, Use: e.Use, KDF: e.KDF, NotBefore: e.NotBefore, NotAfter: e.NotAfter}
}

// String returns "[bot.k1 of bot for channel]".
func (e Entry) String() string { return fmt.Sprintf("[%s of %s for %s]", e.ID, e.Identity, e.Use) }

// GoString is String.
func (e Entry) GoString() string { return e.String() }

// Format writes String for every verb.
func (e Entry) Format(s fmt.State, _ rune) { io.WriteString(s, e.String()) }

// LogValue is String.
func (e Entry) LogValue() slog.Value { return slog.StringValue(e.String()) }

// MarshalJSON writes the id, identity, use, KDF and life, for lists.
func (e Entry) MarshalJSON() ([]byte, error) { return json.Marshal(entryLine(e.shown())) }

// entryLine is an Entry as it stands in a file.
type entryLine Entry
