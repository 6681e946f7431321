package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"regexp"
	"sync"

	"github.com/parley-rpc/parley/auth/internal/scram"
	"github.com/parley-rpc/parley/rpc"
)

func checkID(id string) error {
	if !regexp.MustCompile(`\A[a-z0-9][a-z0-9._-]{0,63}\z`).MatchString(id) {
		return errors.New("bad id")
	}
	return nil
}

func hashPassword(string) (string, error) { return "", errors.New("not here") }

func readSecretFile(path string, max int) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|openFlags, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := checkAccess(path, info); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(f, int64(max)+2))
}

type CredentialsConfig struct{}

type Credentials struct {
	mu      sync.Mutex
	entries []Entry
}

func NewCredentials(entries []Entry, _ CredentialsConfig) (*Credentials, error) {
	return &Credentials{entries: entries}, nil
}

func (c *Credentials) Replace(entries []Entry) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries = entries
	return nil
}

func (c *Credentials) channel(id string) (scram.Verifier, rpc.Identity, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := func(label string) []byte {
		h := hmac.New(sha256.New, []byte("mock"))
		h.Write([]byte(label + id))
		return h.Sum(nil)
	}
	v := scram.Verifier{KDF: scram.KDF{Raw: true}, Salt: m("salt")[:16], StoredKey: m("stored"), ServerKey: m("server")}
	for _, e := range c.entries {
		if e.Use != UseChannel {
			continue
		}
		kdf, _ := scram.ParseKDF(e.KDF)
		if e.ID == id {
			return scram.Verifier{KDF: kdf, Salt: e.Salt, StoredKey: e.StoredKey, ServerKey: e.ServerKey}, rpc.Identity{Name: e.Identity, Credential: e.ID}, true
		}
		v.KDF = kdf
	}
	return v, rpc.Identity{}, false
}
