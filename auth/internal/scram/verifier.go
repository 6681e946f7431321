// Package scram is the login of the channel: SCRAM (RFC 5802, RFC 7677) with
// mandatory channel binding, and argon2id or a generated key in the place of
// PBKDF2. It knows messages and proofs, and neither files nor sockets.
package scram

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"

	"golang.org/x/crypto/argon2"
)

// KeySize is the length of a generated key, and of every key made here, in bytes.
const KeySize = sha256.Size

// rawInfo separates what is made of a generated key here from all else that is.
const rawInfo = "parley/1 raw salted-password"

// KDF says how the salted password is made of a secret: by argon2id of a
// passphrase, or by HKDF of a generated key if Raw.
type KDF struct {
	Raw     bool
	Memory  uint32 // KiB
	Time    uint32 // passes
	Threads uint8
}

// Verifier is what a server keeps of a secret. It does not log in: the keys of a
// proof cannot be made of it.
type Verifier struct {
	KDF       KDF
	Salt      []byte // 16 to 64 bytes
	StoredKey []byte // SHA-256 of the client's key
	ServerKey []byte // with which the server proves itself
}

// NewVerifier makes the Verifier of a secret: a passphrase, or KeySize bytes if
// kdf is raw.
func NewVerifier(kdf KDF, salt, secret []byte) (Verifier, error) {
	salted, err := kdf.salted(secret, salt)
	if err != nil {
		return Verifier{}, err
	}
	stored := sha256.Sum256(mac(salted, "Client Key"))
	return Verifier{KDF: kdf, Salt: salt, StoredKey: stored[:], ServerKey: mac(salted, "Server Key")}, nil
}

// salted returns the SaltedPassword of RFC 5802, section 3.
func (k KDF) salted(secret, salt []byte) ([]byte, error) {
	if !k.Raw {
		return argon2.IDKey(secret, salt, k.Time, k.Memory, k.Threads, KeySize), nil
	}
	if len(secret) != KeySize {
		return nil, fmt.Errorf("a generated key has %d bytes, got %d", KeySize, len(secret))
	}
	return hkdf.Key(sha256.New, secret, salt, rawInfo, KeySize)
}

func mac(key []byte, message string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	return h.Sum(nil)
}
