package auth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/parley-rpc/parley/auth/internal/scram"
	"github.com/parley-rpc/parley/rpc"
)

// Authenticate runs the client's side of a login on the native channel, protocol
// parley/1, as native.Authenticator says. Before it returns without an error the
// server has proved that it knows the credential, and that nobody is in between;
// its Identity is then the id of the credential: the holder of what Entry made.
//
// A server that is not the real one gets a proof before it fails to give its own.
// It can try out passphrases with that, each for the cost of argon2id, and since it
// has chosen the salt, that cost can be paid beforehand, once for all whom it
// deceives: a pin or a certificate that is verified keeps it from getting any. With
// a generated key it can do nothing. The error of such a server has a method
// WrongProof() bool that returns true.
func (s *Secret) Authenticate(ctx context.Context, binding func(kind string) ([]byte, error),
	read func() ([]byte, error), write func([]byte) error,
) (rpc.Identity, error) {
	fail := func(err error) (rpc.Identity, error) {
		return rpc.Identity{}, &loginError{id: s.ID(), err: err, wrongProof: errors.Is(err, scram.ErrServer)}
	}
	if err := s.check(); err != nil {
		return rpc.Identity{}, err
	}
	bound, err := clientBinding(binding)
	if err != nil {
		return fail(err)
	}
	login, err := scram.NewClient(s.id, s.generated, bound, func(kdf scram.KDF, salt []byte) ([]byte, error) {
		return s.salted(ctx, kdf, salt)
	})
	if err != nil {
		return fail(err)
	}
	if err := write(login.First()); err != nil {
		return fail(err)
	}
	s1, err := read()
	if err != nil {
		return fail(fmt.Errorf("waiting for the challenge: %w", err))
	}
	c2, err := login.Prove(s1)
	if err != nil {
		return fail(err)
	}
	if err := write(c2); err != nil {
		return fail(err)
	}
	s2, err := read()
	if err != nil {
		return fail(fmt.Errorf("waiting for the proof of the server: %w", err))
	}
	if err := login.Verify(s2); err != nil {
		return fail(err)
	}
	return rpc.Identity{Name: s.id, Credential: s.id}, nil
}

// clientBinding returns the binding to use: that of TLS, and none only where the
// transport vouches for the other end.
func clientBinding(binding func(kind string) ([]byte, error)) (scram.Binding, error) {
	data, err := binding(scram.Exporter)
	if err == nil {
		return scram.Binding{Kind: scram.Exporter, Data: data}, nil
	}
	if _, none := binding(scram.Unbound); none == nil {
		return scram.Binding{Kind: scram.Unbound}, nil
	}
	return scram.Binding{}, fmt.Errorf("channel binding: %w", err)
}

// saltedFunc returns what scram.KDF.Salted makes of a secret.
type saltedFunc func(ctx context.Context, kdf scram.KDF, salt []byte) ([]byte, error)

// rememberSalted returns a saltedFunc for secret that remembers its last result:
// to connect again then costs nothing, and many connections at a time take the
// memory of argon2id once. When its time is over it fails as the connection does:
// to try again may be of use.
func rememberSalted(secret []byte) saltedFunc {
	var (
		last   scram.KDF // what salted was made of
		with   []byte
		salted []byte
		turn   = make(chan struct{}, 1) // whose holder may use these
	)
	return func(ctx context.Context, kdf scram.KDF, salt []byte) ([]byte, error) {
		late := func() ([]byte, error) {
			return nil, fmt.Errorf("%w: %w", os.ErrDeadlineExceeded, context.Cause(ctx))
		}
		select {
		case turn <- struct{}{}:
		case <-ctx.Done():
			return late()
		}
		if ctx.Err() != nil {
			<-turn
			return late()
		}
		if salted != nil && kdf == last && bytes.Equal(salt, with) {
			defer func() { <-turn }()
			return salted, nil
		}
		// argon2id cannot be interrupted, and the server says how long it takes: some
		// seconds at most. Whoever has no more time leaves it behind; it has the turn
		// until it ends, so that there is one at a time.
		type result struct {
			salted []byte
			err    error
		}
		done := make(chan result, 1)
		salt = bytes.Clone(salt)
		go func() {
			made, err := kdf.Salted(secret, salt)
			if err == nil {
				last, with, salted = kdf, salt, made
			}
			<-turn
			done <- result{made, err}
		}()
		select {
		case r := <-done:
			return r.salted, r.err
		case <-ctx.Done():
			return late()
		}
	}
}
