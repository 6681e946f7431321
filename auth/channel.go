package auth

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/parley-rpc/parley/auth/internal/scram"
	"github.com/parley-rpc/parley/rpc"
)

var (
	errNoCredentials = errors.New("auth: there are no credentials")
	errEnded         = errors.New("the credential was revoked or changed during the login")
)

// loginError is the error of a login that is refused. The peer learns nothing of
// it.
type loginError struct {
	id         string // that the peer named; empty if it did not come that far
	unknown    bool   // there is no live credential with that id
	err        error
	wrongProof bool
}

func (e *loginError) Error() string {
	switch {
	case e.id == "":
		return "auth: login: " + e.err.Error()
	case e.unknown:
		return "auth: login as " + e.id + ": there is no live credential with this id for the channel: " + e.err.Error()
	}
	return "auth: login as " + e.id + ": " + e.err.Error()
}

func (e *loginError) Unwrap() error { return e.err }

// WrongProof reports whether the peer has shown that it does not have the secret:
// what counts as a guess.
func (e *loginError) WrongProof() bool { return e.wrongProof }

// Refused reports whether the server does not let this client in, whether it says
// so or answers as it does for an id that it does not know.
func (e *loginError) Refused() bool { return errors.Is(e.err, scram.ErrRefused) }

// Credential returns the id that the peer has named, and has not proved; empty if
// it did not come that far.
func (e *loginError) Credential() string { return e.id }

// Authenticate runs the server's side of a login on the native channel, protocol
// parley/1, as native.Authenticator says. It costs microseconds whatever the peer
// sends: what is costly about a passphrase is done by the client.
//
// An id that does not exist is refused after the same messages, of the same
// lengths and after the same work as a wrong proof for one that does. The reason
// of a refusal is in the error alone, which is for a log: the peer gets
// e=other-error. The error has a method WrongProof() bool, and a method
// Credential() string with the id that the peer has named.
func (c *Credentials) Authenticate(_ context.Context, binding func(kind string) ([]byte, error),
	read func() ([]byte, error), write func([]byte) error,
) (rpc.Identity, error) {
	if c == nil || c.current() == nil {
		return rpc.Identity{}, errNoCredentials
	}
	id, live := "", true
	refuse := func(err error) (rpc.Identity, error) {
		_ = write([]byte(scram.Refusal)) // a peer that is gone need not know
		return rpc.Identity{}, &loginError{id: id, unknown: !live, err: err, wrongProof: errors.Is(err, scram.ErrProof)}
	}
	broken := func(what string, err error) (rpc.Identity, error) {
		return rpc.Identity{}, &loginError{id: id, unknown: !live, err: fmt.Errorf("%s: %w", what, err)}
	}

	c1, err := read()
	if err != nil {
		return broken("waiting for the first message", err)
	}
	login, err := scram.Begin(c1)
	if err != nil {
		return refuse(err)
	}
	id = login.ID()
	// Asked for before the proof, so that one without TLS ends here.
	data, err := binding(login.Kind())
	if err != nil {
		return refuse(fmt.Errorf("channel binding %q: %w", login.Kind(), err))
	}
	var verifier scram.Verifier
	verifier, _, live = c.channel(id)
	if err := write(login.Challenge(verifier)); err != nil {
		return broken("challenge", err)
	}
	c2, err := read()
	if err != nil {
		return broken("waiting for the proof", err)
	}
	s2, err := login.Finish(c2, scram.Binding{Kind: login.Kind(), Data: data})
	if err != nil {
		return refuse(err)
	}
	// The client took its time; and who has proved the verifier of nobody is still
	// nobody.
	now, who, still := c.channel(id)
	if !still || !bytes.Equal(now.StoredKey, verifier.StoredKey) {
		return refuse(errEnded)
	}
	if err := write(s2); err != nil {
		return broken("last message", err)
	}
	return who, nil
}
