// Package scram is the login of the channel: SCRAM (RFC 5802, RFC 7677) with
// mandatory channel binding, and argon2id or a generated key in the place of
// PBKDF2. It knows messages and proofs, and neither files nor sockets.
package scram

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
)

const (
	// KeySize is the length of a generated key, and of every key made here, in
	// bytes.
	KeySize = sha256.Size
	// SaltSize is the length of a new salt, in bytes.
	SaltSize = minSalt

	minSalt, maxSalt = 16, 64
)

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
	salted, err := kdf.Salted(secret, salt)
	if err != nil {
		return Verifier{}, err
	}
	k := keysOf(salted)
	return Verifier{KDF: kdf, Salt: salt, StoredKey: k.stored, ServerKey: k.server}, nil
}

// Check returns why v is none that NewVerifier makes, nil if it may be one.
func (v Verifier) Check() error {
	if err := v.KDF.Check(); err != nil {
		return err
	}
	if err := checkSalt(v.Salt); err != nil {
		return err
	}
	if len(v.StoredKey) != KeySize || len(v.ServerKey) != KeySize {
		return fmt.Errorf("got keys of %d and %d bytes; want %d", len(v.StoredKey), len(v.ServerKey), KeySize)
	}
	return nil
}

func checkSalt(salt []byte) error {
	if len(salt) < minSalt || len(salt) > maxSalt {
		return fmt.Errorf("got a salt of %d bytes; want %d to %d", len(salt), minSalt, maxSalt)
	}
	return nil
}

// keys are the three of RFC 5802, section 3, that are made of a salted password.
type keys struct{ client, stored, server []byte }

func keysOf(salted []byte) keys {
	client := mac(salted, "Client Key")
	stored := sha256.Sum256(client)
	return keys{client: client, stored: stored[:], server: mac(salted, "Server Key")}
}

func mac(key []byte, message string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	return h.Sum(nil)
}
