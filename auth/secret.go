package auth

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/parley-rpc/parley/auth/internal/scram"
)

const (
	minPassphrase, maxPassphrase = 8, 1024 // bytes

	// maxSecretFile is the length of the longest text of a secret, in bytes.
	maxSecretFile = 2048

	redactedSecret = "[secret]"
)

// ErrSecret is what every error about a Secret or its file is, by errors.Is. None
// of them shows what the secret was read from.
var ErrSecret = errors.New("auth: secret")

// Secret is what a client logs in with: a passphrase, or a generated key, and the
// id of its credential. It is what the field Login of native's client side takes,
// and that of an xmlrpc.Client.
//
// A generated key is the better choice where nobody has to remember it: nothing
// about it can be guessed, and its login costs microseconds, where the one with a
// passphrase takes 64 MiB and a tenth of a second of the client.
//
// A Secret does not change, is safe for concurrent use, and never shows what it
// holds but through Reveal: it prints, logs and marshals as "[secret]".
type Secret struct {
	id        string
	generated bool
	// secret is the passphrase, or the bytes of the key. A function, so that no
	// printing of a struct around it reaches them; and so is salted.
	secret func() []byte
	salted saltedFunc
}

// NewPassphrase returns the Secret of a passphrase for the credential id, which
// is of the form that Entry tells. The passphrase has 8 to 1024 bytes of UTF-8
// without control characters, and is taken byte for byte.
func NewPassphrase(id, passphrase string) (*Secret, error) {
	if err := checkSecretID(id); err != nil {
		return nil, err
	}
	switch {
	case len(passphrase) < minPassphrase || len(passphrase) > maxPassphrase:
		return nil, fmt.Errorf("%w: got a passphrase of %d bytes; want %d to %d", ErrSecret, len(passphrase), minPassphrase, maxPassphrase)
	case !utf8.ValidString(passphrase):
		return nil, fmt.Errorf("%w: the passphrase is not UTF-8", ErrSecret)
	case strings.ContainsFunc(passphrase, unicode.IsControl):
		return nil, fmt.Errorf("%w: the passphrase has a control character; does a line end belong to it?", ErrSecret)
	case looksLikeKey(passphrase):
		return nil, fmt.Errorf("%w: the passphrase is the text of a generated key; give that alone, without an id", ErrSecret)
	}
	return newSecret(id, false, []byte(passphrase)), nil
}

// GenerateSecret returns a new key for the credential id: 32 random bytes.
func GenerateSecret(id string) (*Secret, error) {
	if err := checkSecretID(id); err != nil {
		return nil, err
	}
	key := make([]byte, scram.KeySize)
	rand.Read(key)
	return newSecret(id, true, key), nil
}

func newSecret(id string, generated bool, secret []byte) *Secret {
	return &Secret{
		id:        id,
		generated: generated,
		secret:    func() []byte { return secret },
		salted:    rememberSalted(secret),
	}
}

// checkSecretID is checkID without the ids that could be taken for a key.
func checkSecretID(id string) error {
	if err := checkID(id); err != nil {
		return fmt.Errorf("%w: %w", ErrSecret, err)
	}
	if looksLikeKey(id) {
		return fmt.Errorf("%w: an id does not begin with %s, as the text of a key does", ErrSecret, keyPrefix)
	}
	return nil
}

// LoadSecret reads what ParseSecret reads from a file that nobody else can read,
// by the rules of LoadKey; one newline at its end does not count. A file that is
// not there is fs.ErrNotExist as well.
func LoadSecret(path string) (*Secret, error) {
	text, err := readSecretFile(path, maxSecretFile)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSecret, err)
	}
	s, err := ParseSecret(string(text))
	if err != nil {
		return nil, fmt.Errorf("%w (in %s)", err, path)
	}
	return s, nil
}

// WriteFile writes what Reveal returns and a newline to a new file with mode
// 0600, which appears at path complete or not at all. A file that is there is
// never replaced: the error is fs.ErrExist then.
func (s *Secret) WriteFile(path string) error {
	if err := s.check(); err != nil {
		return err
	}
	if err := writeNew(path, []byte(s.Reveal()+"\n")); err != nil {
		return fmt.Errorf("%w: write: %w", ErrSecret, err)
	}
	return nil
}

// ID returns the id of the credential.
func (s *Secret) ID() string {
	if s == nil {
		return ""
	}
	return s.id
}

// Generated reports whether it is a generated key and not a passphrase.
func (s *Secret) Generated() bool { return s != nil && s.generated }

// Reveal returns the text that ParseSecret reads.
func (s *Secret) Reveal() string {
	switch {
	case s.check() != nil:
		return ""
	case s.generated:
		return keyText(s.id, s.secret())
	}
	return s.id + ":" + string(s.secret())
}

// check returns why the secret cannot be used, nil if it can.
func (s *Secret) check() error {
	if s == nil || s.secret == nil {
		return fmt.Errorf("%w: there is none", ErrSecret)
	}
	return nil
}

// Entry returns what a server keeps to know the secret, with a new salt.
// Nothing in it logs in. It is for UseChannel or UseHTTP, and takes 64 MiB and a
// tenth of a second for a passphrase.
func (s *Secret) Entry(use Use, identity string) (Entry, error) {
	if err := s.check(); err != nil {
		return Entry{}, err
	}
	if identity == "" {
		return Entry{}, fmt.Errorf("%w: an entry needs the name of whom it proves", ErrSecret)
	}
	e := Entry{ID: s.id, Identity: identity, Use: use}
	if use != UseChannel && use != UseHTTP {
		return Entry{}, fmt.Errorf("%w: got the use %q; want %s or %s, the others know the key itself", ErrSecret, use, UseChannel, UseHTTP)
	}
	if use == UseHTTP && !s.generated {
		phc, err := hashPassword(string(s.secret()))
		if err != nil {
			return Entry{}, fmt.Errorf("%w: %w", ErrSecret, err)
		}
		e.PHC = phc
		return e, nil
	}
	kdf := scram.DefaultKDF()
	if s.generated {
		kdf = scram.KDF{Raw: true}
	}
	e.Salt = make([]byte, scram.SaltSize)
	rand.Read(e.Salt)
	v, err := scram.NewVerifier(kdf, e.Salt, s.secret())
	if err != nil {
		return Entry{}, fmt.Errorf("%w: %w", ErrSecret, err)
	}
	e.KDF, e.StoredKey = kdf.String(), v.StoredKey
	if use == UseChannel {
		e.ServerKey = v.ServerKey
	}
	return e, nil
}

// Authorization returns the value of the HTTP header of that name: Bearer for a
// generated key, Basic for a passphrase. It holds the secret.
func (s *Secret) Authorization() (string, error) {
	if err := s.check(); err != nil {
		return "", err
	}
	if s.generated {
		return "Bearer " + s.Reveal(), nil
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(s.Reveal())), nil
}

// String returns "[secret]".
func (s Secret) String() string { return redactedSecret }

// GoString returns "[secret]".
func (s Secret) GoString() string { return redactedSecret }

// Format writes "[secret]" for every verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redactedSecret) }

// MarshalText returns "[secret]".
func (s Secret) MarshalText() ([]byte, error) { return []byte(redactedSecret), nil }

// LogValue returns "[secret]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(redactedSecret) }
