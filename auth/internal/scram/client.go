package scram

import (
	"crypto/hmac"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrRefused is the error of a client that the server does not let in.
	ErrRefused = errors.New("the server refused the login")
	// ErrServer is the error of a client whose server does not have the verifier
	// of its secret.
	ErrServer = errors.New("the server could not prove that it knows the credential: it may be another one")
)

// Client is the client's side of one login: First makes C1, Prove reads S1 and
// makes C2, Verify reads S2. Nothing is proved before Verify returns nil.
type Client struct {
	id        string
	raw       bool
	binding   Binding
	nonce     string
	salted    func(KDF, []byte) ([]byte, error)
	parseKDF  func(string) (KDF, error)
	signature []byte // the server's, to come; nil unless it is awaited
}

// NewClient returns the client's side of a login as id. The secret is a
// generated key if raw, a passphrase if not. salted is called at most once, with
// a KDF that passes Check and is for that kind of secret, and returns its Salted.
func NewClient(id string, raw bool, binding Binding, salted func(kdf KDF, salt []byte) ([]byte, error)) (*Client, error) {
	if !ids.MatchString(id) {
		return nil, errors.New("expected the id of a credential")
	}
	if err := binding.check(); err != nil {
		return nil, err
	}
	return &Client{id: id, raw: raw, binding: binding, nonce: newNonce(), salted: salted, parseKDF: parseWire}, nil
}

// First returns C1.
func (c *Client) First() []byte { return []byte(header(c.binding.Kind) + c.bare()) }

func (c *Client) bare() string { return "n=" + c.id + ",r=" + c.nonce }

// Prove reads S1 and returns C2.
func (c *Client) Prove(s1 []byte) ([]byte, error) {
	if err := refused(s1); err != nil {
		return nil, err
	}
	first, err := parseServerFirst(s1)
	if err != nil {
		return nil, fmt.Errorf("the server's first message: %w", err)
	}
	added, ok := strings.CutPrefix(first.nonce, c.nonce)
	if !ok {
		return nil, errors.New("the server's nonce does not begin with ours: it answers another login")
	}
	if len(added) < nonceSize || len(added) > maxNonce {
		return nil, fmt.Errorf("the server added a nonce of %d characters; want %d to %d", len(added), nonceSize, maxNonce)
	}
	kdf, err := c.parseKDF(first.tail)
	if err != nil {
		return nil, fmt.Errorf("the server asks for a key made in a way that is not used: %w", err)
	}
	if kdf.Raw != c.raw {
		if c.raw {
			return nil, fmt.Errorf("%w: the id is unknown there, revoked, or for another use (it asks for %v, and the secret is a generated key)", ErrRefused, kdf)
		}
		return nil, fmt.Errorf("%w: the id is unknown there, revoked, or for another use (it asks for a generated key, and the secret is a passphrase)", ErrRefused)
	}
	salted, err := c.salted(kdf, first.salt)
	if err != nil {
		return nil, err
	}
	k := keysOf(salted)
	bare := "c=" + c.binding.input() + ",r=" + first.nonce
	message := c.bare() + "," + string(s1) + "," + bare
	proof := mac(k.stored, message)
	subtle.XORBytes(proof, proof, k.client)
	c.signature = mac(k.server, message)
	return []byte(bare + ",p=" + base64.StdEncoding.EncodeToString(proof)), nil
}

// Verify reads S2, and returns nil if the server has the verifier of the secret,
// uses this channel and has let the client in. It does so once.
func (c *Client) Verify(s2 []byte) error {
	want := c.signature
	c.signature = nil
	if want == nil {
		return errors.New("no answer to a proof is awaited")
	}
	if err := refused(s2); err != nil {
		return err
	}
	got, err := parseServerFinal(s2)
	if err != nil {
		return fmt.Errorf("the server's last message: %w", err)
	}
	if !hmac.Equal(got, want) {
		return ErrServer
	}
	return nil
}

// refused returns ErrRefused for a message that says so. Its reason is of no
// use: a server of this kind gives the same for all.
func refused(message []byte) error {
	if strings.HasPrefix(string(message), "e=") {
		return ErrRefused
	}
	return nil
}
