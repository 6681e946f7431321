package scram

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// The messages of a login, each in printable ASCII without spaces, and in this
// order of fields (RFC 5802, section 7, without its optional ones):
//
//	C1  p=tls-exporter,,n=<id>,r=<client nonce>
//	S1  r=<client nonce><server nonce>,s=<salt>,i=<passes>,k=argon2id:19:<KiB>:<threads>
//	    or, for a generated key, ...,i=1,k=raw
//	C2  c=<header and binding>,r=<both nonces>,p=<proof>
//	S2  v=<server signature>, or e=other-error
//
// c, s, p and v are base64. The header is what stands before n in C1.

// MaxMessage is the length of the longest message, in bytes.
const MaxMessage = 4096

// Refusal is the S2 of every login that fails, and comes in the place of S1 too.
const Refusal = "e=other-error"

const (
	nonceBytes = 18 // random bytes of a nonce
	nonceSize  = 24 // the same as text, and what a server has to add to a client's
	minNonce   = 16 // characters of a client's
	maxNonce   = 128
)

// Kinds of channel binding.
const (
	Exporter    = "tls-exporter"         // RFC 9266
	ServerPoint = "tls-server-end-point" // RFC 5929, section 4: all that Python's ssl can do
	Unbound     = ""                     // where no channel can be in between
)

// Binding ties a login to its channel.
type Binding struct {
	Kind string
	Data []byte // none if Unbound
}

// header is the gs2-header of RFC 5802, section 7.
func header(kind string) string {
	if kind == Unbound {
		return "n,,"
	}
	return "p=" + kind + ",,"
}

func (b Binding) check() error {
	if b.Kind != Exporter && b.Kind != ServerPoint && b.Kind != Unbound {
		return errors.New("a channel binding of an unknown kind")
	}
	if (b.Kind == Unbound) != (len(b.Data) == 0) {
		return fmt.Errorf("a channel binding of kind %q with %d bytes", b.Kind, len(b.Data))
	}
	return nil
}

// input is the value of c in C2.
func (b Binding) input() string {
	return base64.StdEncoding.EncodeToString(append([]byte(header(b.Kind)), b.Data...))
}

// clientFirst is C1.
type clientFirst struct {
	kind  string // of channel binding
	id    string
	nonce string
	bare  string // without the header
}

var ids = regexp.MustCompile(`\A[a-z0-9][a-z0-9._-]{0,63}\z`)

func parseClientFirst(message []byte) (m clientFirst, err error) {
	text, err := textOf(message)
	if err != nil {
		return m, err
	}
	found := false
	for _, kind := range []string{Exporter, ServerPoint, Unbound} {
		if bare, ok := strings.CutPrefix(text, header(kind)); ok {
			m.kind, m.bare, found = kind, bare, true
		}
	}
	switch {
	case found:
	case strings.HasPrefix(text, "y,"):
		return m, errors.New("the client believes that channel binding is not known here, and it is: somebody may have changed what it was told")
	case strings.HasPrefix(text, "p=") || strings.HasPrefix(text, "n,"):
		return m, errors.New("expected a binding of tls-exporter or tls-server-end-point and no other name to act for")
	default:
		return m, errors.New("expected the begin of a login, got something else")
	}
	values, err := fields(m.bare, "nr")
	if err != nil {
		return m, err
	}
	m.id, m.nonce = values[0], values[1]
	if !ids.MatchString(m.id) {
		return m, errors.New("n: expected the id of a credential")
	}
	if len(m.nonce) < minNonce || len(m.nonce) > maxNonce {
		return m, fmt.Errorf("r: got a nonce of %d characters; want %d to %d", len(m.nonce), minNonce, maxNonce)
	}
	return m, nil
}

// serverFirst is S1.
type serverFirst struct {
	nonce string // both
	salt  []byte
	tail  string // i and k: what tells the KDF
}

func parseServerFirst(message []byte) (m serverFirst, err error) {
	text, err := textOf(message)
	if err != nil {
		return m, err
	}
	front := strings.SplitN(text, ",", 3)
	if len(front) != 3 {
		return m, fmt.Errorf("expected the fields r, s and what tells the KDF, got %d fields", len(front))
	}
	values, err := fields(front[0]+","+front[1], "rs")
	if err != nil {
		return m, err
	}
	m.nonce, m.tail = values[0], front[2]
	if m.salt, err = decode('s', values[1]); err != nil {
		return m, err
	}
	return m, checkSalt(m.salt)
}

// clientFinal is C2.
type clientFinal struct {
	binding string // as base64
	nonce   string // both
	proof   []byte
	bare    string // without the proof
}

func parseClientFinal(message []byte) (m clientFinal, err error) {
	text, err := textOf(message)
	if err != nil {
		return m, err
	}
	values, err := fields(text, "crp")
	if err != nil {
		return m, err
	}
	m.binding, m.nonce = values[0], values[1]
	m.bare = text[:strings.LastIndexByte(text, ',')]
	m.proof, err = decodeKey('p', values[2])
	return m, err
}

// parseServerFinal returns the signature in S2.
func parseServerFinal(message []byte) ([]byte, error) {
	text, err := textOf(message)
	if err != nil {
		return nil, err
	}
	values, err := fields(text, "v")
	if err != nil {
		return nil, err
	}
	return decodeKey('v', values[0])
}

// wire returns the KDF as it stands in S1.
func (k KDF) wire() string {
	if k.Raw {
		return "i=1,k=" + rawName
	}
	return fmt.Sprintf("i=%d,k=argon2id:19:%d:%d", k.Time, k.Memory, k.Threads)
}

var wireKDF = regexp.MustCompile(`\Ai=([1-9][0-9]{0,9}),k=argon2id:19:([1-9][0-9]{0,9}):([1-9][0-9]{0,9})\z`)

// parseWire reads what wire writes. The KDF passes Check.
func parseWire(text string) (KDF, error) {
	if raw := (KDF{Raw: true}); text == raw.wire() {
		return raw, nil
	}
	m := wireKDF.FindStringSubmatch(text)
	if m == nil {
		return KDF{}, errors.New("expected i and k with argon2id, version 19, or with a generated key")
	}
	return newArgon2id(m[2], m[1], m[3])
}

// textOf returns a message as text if it has the length and the characters of
// one.
func textOf(message []byte) (string, error) {
	if len(message) == 0 || len(message) > MaxMessage {
		return "", fmt.Errorf("got %d bytes; want 1 to %d", len(message), MaxMessage)
	}
	for i, c := range message {
		if c <= ' ' || c > '~' {
			return "", fmt.Errorf("got the byte 0x%02x at %d; want printable ASCII without spaces", c, i)
		}
	}
	return string(message), nil
}

// fields returns the values of a text that has exactly the fields of these
// names, each with a value.
func fields(text, names string) ([]string, error) {
	values := strings.Split(text, ",")
	if len(values) != len(names) {
		return nil, fmt.Errorf("got %d fields; want %d", len(values), len(names))
	}
	for i := range values {
		value, ok := strings.CutPrefix(values[i], names[i:i+1]+"=")
		if !ok || value == "" {
			return nil, fmt.Errorf("expected %c= and a value in field %d", names[i], i+1)
		}
		values[i] = value
	}
	return values, nil
}

func decode(name byte, text string) ([]byte, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%c: expected base64: %w", name, err)
	}
	return b, nil
}

func decodeKey(name byte, text string) ([]byte, error) {
	b, err := decode(name, text)
	if err == nil && len(b) != KeySize {
		return nil, fmt.Errorf("%c: got %d bytes; want %d", name, len(b), KeySize)
	}
	return b, err
}

func newNonce() string {
	var b [nonceBytes]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}
