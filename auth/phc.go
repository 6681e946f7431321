package auth

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/alexedwards/argon2id"

	"github.com/parley-rpc/parley/auth/internal/scram"
)

// A PHC string is what a server keeps of a password of HTTP Basic:
//
//	$argon2id$v=19$m=65536,t=3,p=4$<salt>$<hash>
//
// The salt and the hash are base64 without padding. The library that computes
// it takes any memory that a string asks for, panics at none of passes or
// threads, and reads over what stands behind the numbers; checkPHC comes first.

const (
	phcHashSize = 32
	minPHCTime  = 2 // passes, with 19 MiB or more: what OWASP asks for at least
)

// phcParams is the second choice of RFC 9106, section 4. It does not depend on
// the machine, and its work is that of the channel's default.
func phcParams() *argon2id.Params {
	kdf := scram.DefaultKDF()
	return &argon2id.Params{Memory: kdf.Memory, Iterations: kdf.Time, Parallelism: kdf.Threads, SaltLength: minCredSalt, KeyLength: phcHashSize}
}

// hashPassword returns the PHC string of a password under a new salt. It takes
// 64 MiB and a good part of a second.
func hashPassword(password string) (string, error) {
	if password == "" {
		return "", errors.New("the password is empty")
	}
	return argon2id.CreateHash(password, phcParams())
}

// verifyPHC reports whether phc is the hash of password. It takes the memory
// that phc asks for, which checkPHC bounds.
func verifyPHC(password, phc string) (bool, error) {
	if err := checkPHC(phc); err != nil {
		return false, err
	}
	return argon2id.ComparePasswordAndHash(password, phc)
}

// checkPHC accepts the one form that a hash has here, and numbers within bounds.
// Its errors quote nothing of it.
func checkPHC(phc string) error {
	part := strings.Split(phc, "$")
	if len(part) != 6 || part[0] != "" {
		return errors.New("want $argon2id$v=19$m=65536,t=3,p=4$<salt>$<hash>: make it anew")
	}
	kdf, err := scram.ParseKDF(strings.Join(part[1:4], "$"))
	if err != nil {
		return err
	}
	if kdf.Time < minPHCTime {
		return fmt.Errorf("argon2id with %d passes; want %d or more", kdf.Time, minPHCTime)
	}
	salt, err := decodeBase64(base64.RawStdEncoding, part[4])
	if err != nil {
		return fmt.Errorf("salt: %w", err)
	}
	if len(salt) < minCredSalt || len(salt) > maxCredSalt {
		return fmt.Errorf("salt: got %d bytes; want %d to %d", len(salt), minCredSalt, maxCredSalt)
	}
	hash, err := decodeBase64(base64.RawStdEncoding, part[5])
	if err != nil {
		return fmt.Errorf("hash: %w", err)
	}
	if len(hash) != phcHashSize {
		return fmt.Errorf("hash: got %d bytes; want %d", len(hash), phcHashSize)
	}
	return nil
}

// decodeBase64 reads what enc writes, and nothing else: encoding/base64 reads
// over newlines, and over bits that belong to no byte.
func decodeBase64(enc *base64.Encoding, text string) ([]byte, error) {
	b, err := enc.DecodeString(text)
	if err != nil || enc.EncodeToString(b) != text {
		return nil, errors.New("it is not base64 as RFC 4648, section 4, writes it")
	}
	return b, nil
}
