package scram

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
)

// ErrProof is the error of a client that does not have the secret.
var ErrProof = errors.New("the proof is wrong")

// Server is the server's side of one login: Begin reads C1, Challenge makes S1,
// Finish reads C2 and makes S2.
type Server struct {
	first    clientFirst
	nonce    string // both
	verifier Verifier
	s1       string // empty unless a proof is awaited
}

// Begin reads C1. After an error the answer is Refusal.
func Begin(c1 []byte) (*Server, error) {
	first, err := parseClientFirst(c1)
	if err != nil {
		return nil, fmt.Errorf("the first message: %w", err)
	}
	return &Server{first: first, nonce: first.nonce + newNonce()}, nil
}

// ID returns the id of the credential that the client has named.
func (s *Server) ID() string { return s.first.id }

// Kind returns the kind of channel binding that the client has chosen.
func (s *Server) Kind() string { return s.first.kind }

// Challenge returns S1. The client is to prove that it has the secret of v.
func (s *Server) Challenge(v Verifier) []byte { return s.challenge(v, v.KDF.wire()) }

// challenge is Challenge with a text for the KDF.
func (s *Server) challenge(v Verifier, kdf string) []byte {
	s.verifier = v
	s.s1 = "r=" + s.nonce + ",s=" + base64.StdEncoding.EncodeToString(v.Salt) + "," + kdf
	return []byte(s.s1)
}

// Finish reads C2, and returns the S2 by which the server proves itself if the
// client has proved that it has the secret and uses this channel: binding is of
// the Kind that it has chosen. Otherwise the answer is Refusal, and the error is
// ErrProof if nothing but the proof was wrong. There is one attempt.
func (s *Server) Finish(c2 []byte, binding Binding) ([]byte, error) {
	s1 := s.s1
	s.s1 = ""
	if s1 == "" {
		return nil, errors.New("no proof is awaited")
	}
	final, err := parseClientFinal(c2)
	if err != nil {
		return nil, fmt.Errorf("the second message: %w", err)
	}
	if err := binding.check(); err != nil {
		return nil, err
	}
	switch {
	case binding.Kind != s.first.kind || !hmac.Equal([]byte(final.binding), []byte(binding.input())):
		return nil, errors.New("the client is bound to another channel: somebody may be in between")
	case final.nonce != s.nonce:
		return nil, errors.New("the nonces are not those of this login")
	}
	message := s.first.bare + "," + s1 + "," + final.bare
	key := mac(s.verifier.StoredKey, message)
	subtle.XORBytes(key, key, final.proof)
	stored := sha256.Sum256(key)
	signature := mac(s.verifier.ServerKey, message)
	if !hmac.Equal(stored[:], s.verifier.StoredKey) {
		return nil, ErrProof
	}
	return []byte("v=" + base64.StdEncoding.EncodeToString(signature)), nil
}
