package native

import (
	"bytes"
	"crypto/fips140"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"crypto/subtle"
	"fmt"
	"hash"
	"strings"

	"github.com/parley-rpc/parley/rpc/value"
)

// The authkey challenge of multiprocessing (CPython 3.13,
// Lib/multiprocessing/connection.py, "Authentication stuff"). Each side proves
// in turn that it has the key, the dialer first:
//
//	listener  "#CHALLENGE#" message
//	dialer    response: HMAC(key, message)
//	listener  "#WELCOME#", or "#FAILURE#" and the end
//	          ... and the same the other way round
//
// The message tells which HMAC, and the response is written to match:
//
//	message                              response
//	"{sha256}" and 40 random bytes       "{sha256}" and 32 bytes       3.12 and later
//	20 random bytes                      16 bytes, HMAC-MD5            3.11 and older
//	20 random bytes                      32 bytes, HMAC-SHA256         3.6 - 3.11 as patched by Red Hat
//
// The older ones answer every message in their own way. The digests sha384,
// sha3_256 and sha3_384 are understood too. Since all of the message is
// authenticated, its digest included, nobody in the middle can ask for a weaker
// one.
//
// Our own messages carry a tag behind the random bytes:
//
//	"#CHALLENGE#" "{sha256}" random[40] "parley/1 " role " " offer
//	role   "L", made by a listener, or "C", made by a dialer
//	offer  words separated by commas, "-" for none. "session": the sender can
//	       speak the session protocol. Unknown words are ignored.
//	What follows the offer after a further space is ignored as well.
//
// To Python the tag is more of the random bytes. It is authenticated like them,
// so that it can be neither stripped nor forged without the key. Two peers that
// both offer the session speak it after the last "#WELCOME#".
//
// The role closes reflection: a message made by a dialer is never answered by a
// dialer, nor one made by a listener by a listener.

const (
	challengePrefix = "#CHALLENGE#"
	welcome         = "#WELCOME#"
	failure         = "#FAILURE#"

	ownDigest      = "sha256"
	randomSize     = 40  // random bytes of a message with a digest
	legacySize     = 20  // length of a message without a digest
	maxHandshake   = 256 // bytes in one message of the handshake, as in CPython
	tagMark        = "parley/"
	tagVersion     = "1"
	sessionOffer   = "session"
	noOffer        = "-"
	md5Size        = md5.Size
	bareSHA256Size = sha256.Size
)

// role is the side of a connection, as the tag writes it.
type role byte

const (
	listenerRole role = 'L'
	dialerRole   role = 'C'
)

// digests are the ones that an HMAC may be asked for by name. It is only read.
var digests = map[string]func() hash.Hash{
	"md5":      md5.New,
	"sha256":   sha256.New,
	"sha384":   sha512.New384,
	"sha3_256": func() hash.Hash { return sha3.New256() },
	"sha3_384": func() hash.Hash { return sha3.New384() },
}

// tag is what a peer of our own kind says in its challenge.
type tag struct {
	role    role // 0 without a tag: a Python peer
	session bool
}

// appendChallenge appends a new message in the given role, challengePrefix not
// included.
func appendChallenge(dst []byte, r role, offerSession bool) []byte {
	dst = append(dst, "{"+ownDigest+"}"...)
	start := len(dst)
	dst = append(dst, make([]byte, randomSize)...)
	rand.Read(dst[start:])
	offer := noOffer
	if offerSession {
		offer = sessionOffer
	}
	return fmt.Appendf(dst, "%s%s %c %s", tagMark, tagVersion, r, offer)
}

// splitDigest returns the name in front of a message or a response and what
// follows it; name is empty if there is none that is known.
func splitDigest(b []byte) (name string, rest []byte) {
	if len(b) == 0 || b[0] != '{' {
		return "", b
	}
	inner, rest, ok := bytes.Cut(b[1:], []byte("}"))
	if _, known := digests[string(inner)]; !ok || !known {
		return "", b
	}
	return string(inner), rest
}

// parseTag returns the tag of a message; the zero tag if there is none.
func parseTag(message []byte) (tag, error) {
	_, rest := splitDigest(message)
	if len(rest) < randomSize {
		return tag{}, nil
	}
	text, ok := strings.CutPrefix(string(rest[randomSize:]), tagMark)
	if !ok {
		return tag{}, nil
	}
	fields := strings.Split(text, " ")
	if fields[0] != tagVersion {
		return tag{}, fmt.Errorf("%w: its tag has version \"%s\", and %s is understood here", ErrNoChallenge, value.Clip(fields[0], 16), tagVersion)
	}
	if len(fields) < 3 || fields[1] != string(listenerRole) && fields[1] != string(dialerRole) {
		return tag{}, fmt.Errorf("%w: its tag is malformed: expected role and offer, got \"%s\"", ErrNoChallenge, value.Clip(text, 64))
	}
	t := tag{role: role(fields[1][0])}
	for word := range strings.SplitSeq(fields[2], ",") {
		t.session = t.session || word == sessionOffer
	}
	return t, nil
}

// dialect is how a peer has shown that it speaks the challenge.
type dialect uint8

const (
	dialectUnknown dialect = iota
	dialectMD5             // bare HMAC-MD5: Python 3.11 and older
	dialectSHA256          // bare HMAC-SHA256: the same, patched by Red Hat
	dialectNamed           // the digest is named: Python 3.12 and later, and this package
)

// respond answers the message of a challenge. peer is what is known of the other
// side: the answer to a message without a digest depends on it.
func respond(key, message []byte, peer dialect, allowMD5 bool) (response []byte, d dialect, err error) {
	name, rest := splitDigest(message)
	if len(message) == legacySize && name == "" { // of 2^40 random ones, one begins with a name
		if peer == dialectSHA256 || !md5Allowed(allowMD5) && peer == dialectUnknown {
			// A listener that Red Hat patched looks like any old one, and
			// takes this; the others answer #FAILURE#.
			return mac(ownDigest, key, message), dialectSHA256, nil
		}
		if !md5Allowed(allowMD5) {
			return nil, 0, errMD5("challenge", "it asks for HMAC-MD5", allowMD5)
		}
		return mac("md5", key, message), dialectMD5, nil
	}
	switch {
	case len(message) < legacySize || name != "" && len(rest) < 16:
		return nil, 0, fmt.Errorf("the peer's challenge is %w: it is too short: %d bytes", ErrPolicy, len(message))
	case name == "":
		return nil, 0, fmt.Errorf("the peer's challenge is %w: it names no digest that is known here: \"%s\"", ErrPolicy, value.Clip(string(message), 16))
	case name == "md5" && !md5Allowed(allowMD5):
		return nil, 0, errMD5("challenge", "it asks for HMAC-MD5", allowMD5)
	}
	return append([]byte("{"+name+"}"), mac(name, key, message)...), dialectNamed, nil
}

// verify looks for the key that a response to our message was made with, and
// takes as long for each of them. It returns the index of the first that fits.
func verify(keys []authkey, message, response []byte, allowMD5 bool) (index int, d dialect, err error) {
	var name string
	got := response
	switch len(response) {
	case md5Size:
		name, d = "md5", dialectMD5
	case bareSHA256Size:
		name, d = ownDigest, dialectSHA256
	default:
		name, got = splitDigest(response)
		d = dialectNamed
		if name == "" || len(got) != digests[name]().Size() {
			return 0, 0, fmt.Errorf("%w: expected an answer to the challenge, got %s; is an authkey set there?", ErrNoChallenge, describe(response))
		}
	}
	if name == "md5" && !md5Allowed(allowMD5) {
		return 0, 0, errMD5("answer", "it was made with HMAC-MD5", allowMD5)
	}
	found := -1
	for i, k := range keys {
		equal := hmac.Equal(got, mac(name, k.key, message))
		first := subtle.ConstantTimeEq(int32(found), -1)
		found = subtle.ConstantTimeSelect(first&btoi(equal), i, found)
	}
	if found < 0 {
		return 0, 0, ErrUnproven
	}
	return found, d, nil
}

// mac returns the HMAC of message. MD5 is hashed only after md5Allowed: in FIPS
// 140-only mode it panics.
func mac(digest string, key, message []byte) []byte {
	h := hmac.New(digests[digest], key)
	h.Write(message)
	return h.Sum(nil)
}

func md5Allowed(policy bool) bool { return policy && !fips140.Enforced() }

// errMD5 refuses the peer's challenge or answer.
func errMD5(which, why string, policy bool) error {
	if policy {
		return fmt.Errorf("the peer's %s is %w: %s, which FIPS 140-only mode does not have; Python 3.12 and later use SHA-256", which, ErrPolicy, why)
	}
	return fmt.Errorf("the peer's %s is %w: %s: Python 3.11 and older need AllowMD5", which, ErrPolicy, why)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// describe says what came in place of a message of the handshake.
func describe(b []byte) string {
	switch {
	case len(b) == 0:
		return "an empty message"
	case b[0] == 0x80:
		return "a pickled object"
	case b[0] == '<':
		return "XML"
	case bytes.HasPrefix(b, []byte(challengePrefix)):
		return "a challenge (is the peer a listener as well?)"
	case string(b) == welcome || string(b) == failure:
		return string(b)
	}
	return fmt.Sprintf("%d bytes that are none", len(b))
}
