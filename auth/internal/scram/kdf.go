package scram

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"golang.org/x/crypto/argon2"
)

// The bounds of argon2id. A client holds to them whatever the server asks for:
// below, a server that is not the real one could try out passphrases cheaply
// with the proof it gets; above, it could have the client's memory and time.
const (
	minMemory, maxMemory = 19456, 262144 // KiB: 19 MiB to 256 MiB
	maxTime              = 10            // passes
	maxThreads           = 16
	minWork              = 2 * minMemory // memory times passes, in KiB
)

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

// DefaultKDF is the second choice of RFC 9106, section 4: 64 MiB, three passes,
// four threads. It is the same on every machine.
func DefaultKDF() KDF { return KDF{Memory: 64 << 10, Time: 3, Threads: 4} }

// Check returns why k is not used with a secret, nil if it is: too cheap, or too
// costly.
func (k KDF) Check() error {
	switch {
	case k.Raw && k != KDF{Raw: true}:
		return errors.New("got argon2id and raw at the same time")
	case k.Raw:
		return nil
	case k.Memory < minMemory || k.Memory > maxMemory:
		return fmt.Errorf("argon2id with %d KiB of memory; want %d to %d", k.Memory, minMemory, maxMemory)
	case k.Time < 1 || k.Time > maxTime:
		return fmt.Errorf("argon2id with %d passes; want 1 to %d", k.Time, maxTime)
	case k.Threads < 1 || k.Threads > maxThreads:
		return fmt.Errorf("argon2id with %d threads; want 1 to %d", k.Threads, maxThreads)
	case uint64(k.Memory)*uint64(k.Time) < minWork:
		return fmt.Errorf("argon2id with %d KiB in %d passes; want %d KiB in all at least", k.Memory, k.Time, minWork)
	}
	return nil
}

// rawName is the KDF of generated keys, in files and in messages.
const rawName = "raw"

// String returns the KDF as it stands in a file: "raw", or
// "argon2id$v=19$m=65536,t=3,p=4".
func (k KDF) String() string {
	if k.Raw {
		return rawName
	}
	return fmt.Sprintf("argon2id$v=%d$m=%d,t=%d,p=%d", argon2.Version, k.Memory, k.Time, k.Threads)
}

// fileKDF is what String writes for argon2id; the numbers have no zeros in front.
var fileKDF = regexp.MustCompile(`\Aargon2id\$v=19\$m=([1-9][0-9]{0,9}),t=([1-9][0-9]{0,9}),p=([1-9][0-9]{0,9})\z`)

// ParseKDF reads what String writes, and nothing else. The KDF passes Check.
func ParseKDF(text string) (KDF, error) {
	if text == rawName {
		return KDF{Raw: true}, nil
	}
	m := fileKDF.FindStringSubmatch(text)
	if m == nil {
		return KDF{}, errors.New(`want "raw", or "argon2id$v=19$m=65536,t=3,p=4" with the memory in KiB, the passes and the threads`)
	}
	return newArgon2id(m[1], m[2], m[3])
}

// newArgon2id makes a KDF that passes Check of decimal numbers.
func newArgon2id(memory, time, threads string) (KDF, error) {
	m, errM := strconv.ParseUint(memory, 10, 32)
	t, errT := strconv.ParseUint(time, 10, 32)
	p, errP := strconv.ParseUint(threads, 10, 8)
	if err := errors.Join(errM, errT, errP); err != nil {
		return KDF{}, fmt.Errorf("argon2id with numbers out of range: want memory of %d to %d KiB, 1 to %d passes, 1 to %d threads", minMemory, maxMemory, maxTime, maxThreads)
	}
	k := KDF{Memory: uint32(m), Time: uint32(t), Threads: uint8(p)}
	return k, k.Check()
}

// Salted returns the SaltedPassword of RFC 5802, section 3, of a passphrase, or
// of KeySize bytes if k is raw.
func (k KDF) Salted(secret, salt []byte) ([]byte, error) {
	if err := k.Check(); err != nil {
		return nil, err
	}
	if err := checkSalt(salt); err != nil {
		return nil, err
	}
	if !k.Raw {
		return argon2.IDKey(secret, salt, k.Time, k.Memory, k.Threads, KeySize), nil
	}
	if len(secret) != KeySize {
		return nil, fmt.Errorf("got a generated key of %d bytes; want %d", len(secret), KeySize)
	}
	return hkdf.Key(sha256.New, secret, salt, rawInfo, KeySize)
}
