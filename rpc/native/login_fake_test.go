package native

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/parley-rpc/parley/rpc"
)

// fakeLogin is an Authenticator of the shape of the real one: two messages of each
// side, the second ones proofs that are bound to the connection.
type fakeLogin struct {
	key     string
	name    string // whom it proves
	server  bool
	binding string // kind; of the client

	asked func(message int) error // if set, called before the client sends one
}

const fakeKey = "a key that both sides of a test have"

func loginOf(name string) *fakeLogin { return &fakeLogin{key: fakeKey, name: name, server: true} }
func serverLogin() *fakeLogin        { return loginOf("bot") }
func clientLogin() *fakeLogin {
	return &fakeLogin{key: fakeKey, name: "server", binding: "tls-exporter"}
}

// fakeWrong is a wrong proof.
type fakeWrong struct{}

func (fakeWrong) Error() string    { return "the proof is wrong" }
func (fakeWrong) WrongProof() bool { return true }

func (f *fakeLogin) proof(of string, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, []byte(f.key))
	h.Write([]byte(of))
	h.Write(bytes.Join(parts, []byte("|")))
	return h.Sum(nil)
}

func (f *fakeLogin) Authenticate(_ context.Context, binding func(string) ([]byte, error), read func() ([]byte, error), write func([]byte) error) (rpc.Identity, error) {
	id := rpc.Identity{Name: f.name, Credential: f.name + ".k1"}
	nonce := []byte(rand.Text())
	if f.server {
		hello, err := read()
		if err != nil {
			return id, err
		}
		kind, theirs, ok := bytes.Cut(hello, []byte(","))
		if !ok || !bytes.HasPrefix(kind, []byte("p=")) {
			return id, fmt.Errorf("expected a first message, got %.40q", hello)
		}
		theirs = bytes.Clone(theirs)
		cb, err := binding(string(kind[2:]))
		if err != nil {
			return id, errors.Join(err, write([]byte("e=other-error")))
		}
		if err := write(append([]byte("r="), nonce...)); err != nil {
			return id, err
		}
		proof, err := read()
		if err != nil {
			return id, err
		}
		if !hmac.Equal(proof, f.proof("client", cb, theirs, nonce)) {
			return id, errors.Join(fakeWrong{}, write([]byte("e=other-error")))
		}
		return id, write(append([]byte("v="), f.proof("server", cb, theirs, nonce)...))
	}
	cb, err := binding(f.binding)
	if err != nil {
		return id, err
	}
	ask := func(n int) error {
		if f.asked == nil {
			return nil
		}
		return f.asked(n)
	}
	if err := errors.Join(ask(1), write([]byte("p="+f.binding+","+string(nonce)))); err != nil {
		return id, err
	}
	theirs, err := read()
	if err != nil {
		return id, err
	}
	theirs, ok := bytes.CutPrefix(theirs, []byte("r="))
	if !ok {
		return id, fmt.Errorf("refused")
	}
	theirs = bytes.Clone(theirs)
	if err := errors.Join(ask(2), write(f.proof("client", cb, nonce, theirs))); err != nil {
		return id, err
	}
	verdict, err := read()
	if err != nil {
		return id, err
	}
	if bytes.HasPrefix(verdict, []byte("e=")) {
		return id, errors.New("the server answered " + string(verdict))
	}
	if !hmac.Equal(verdict, append([]byte("v="), f.proof("server", cb, nonce, theirs)...)) {
		return id, fakeWrong{}
	}
	return id, nil
}
