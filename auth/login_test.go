package auth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/auth/internal/scram"
	"github.com/parley-rpc/parley/rpc"
)

// authenticator is native.Authenticator.
type authenticator interface {
	Authenticate(ctx context.Context, binding func(kind string) ([]byte, error),
		read func() ([]byte, error), write func([]byte) error) (rpc.Identity, error)
}

// exports are the channel bindings of one end of a connection, by kind.
type exports map[string][]byte

// tlsExports are those of a connection inside TLS whose exporter gives n.
func tlsExports(n byte) exports {
	return exports{
		scram.Exporter:    bytes.Repeat([]byte{n}, 32),
		scram.ServerPoint: bytes.Repeat([]byte{n + 1}, 32),
	}
}

// sameUser are those of a unix socket whose other end is the same user.
func sameUser() exports { return exports{scram.Unbound: nil} }

func (e exports) binding(kind string) ([]byte, error) {
	data, ok := e[kind]
	if !ok {
		return nil, errors.New("this connection has no binding of that kind")
	}
	return bytes.Clone(data), nil
}

// outcome is how one side of a login ended, and what it has sent.
type outcome struct {
	id   rpc.Identity
	err  error
	sent []string
}

// refused says whether the side has let nobody in.
func (o outcome) refused() bool { return o.err != nil && o.id == rpc.Identity{} }

// text is the error of the side.
func (o outcome) text() string { return fmt.Sprint(o.err) }

// wrongProof says whether the error counts as a guess.
func (o outcome) wrongProof() bool {
	var e interface{ WrongProof() bool }
	return errors.As(o.err, &e) && e.WrongProof()
}

// script runs one side of a login against a peer that sends these messages, and
// then closes. A message may use what the side has sent.
func script(a authenticator, e exports, messages ...func(sent []string) string) outcome {
	var o outcome
	read := func() ([]byte, error) {
		if len(messages) == 0 {
			return nil, io.EOF
		}
		b := []byte(messages[0](o.sent))
		messages = messages[1:]
		return b, nil
	}
	write := func(b []byte) error {
		o.sent = append(o.sent, string(b))
		return nil
	}
	o.id, o.err = a.Authenticate(context.Background(), e.binding, read, write)
	return o
}

// say is a message of a script that depends on nothing.
func say(text string) func([]string) string { return func([]string) string { return text } }

// login lets a client log in to a server over a connection in memory with these
// bindings at its ends. mix, if not nil, changes messages on their way: "C1" to
// "S2".
func login(t testing.TB, client, server authenticator, atClient, atServer exports, mix func(name, text string) string) (c, s outcome) {
	t.Helper()
	toServer, toClient := make(chan string, 4), make(chan string, 4)
	run := func(a authenticator, e exports, names string, in <-chan string, out chan<- string) outcome {
		defer close(out)
		var o outcome
		read := func() ([]byte, error) {
			text, ok := <-in
			if !ok {
				return nil, io.EOF
			}
			return []byte(text), nil
		}
		write := func(b []byte) error {
			text := string(b)
			o.sent = append(o.sent, text)
			if mix != nil {
				text = mix(names+string(rune('0'+len(o.sent))), text)
			}
			out <- text
			return nil
		}
		o.id, o.err = a.Authenticate(t.Context(), e.binding, read, write)
		return o
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s = run(server, atServer, "S", toServer, toClient)
	}()
	c = run(client, atClient, "C", toClient, toServer)
	<-done
	return c, s
}

// testSecrets are one of each kind, with what a server keeps of them. The
// argon2id is the cheapest that clients take.
func testSecrets(t testing.TB) (key, phrase *Secret, entries []Entry) {
	t.Helper()
	key, err := GenerateSecret("bot.k1")
	if err != nil {
		t.Fatal(err)
	}
	e, err := key.Entry(UseChannel, "bot")
	if err != nil {
		t.Fatal(err)
	}
	phrase, err = NewPassphrase("ann", testPassphrase)
	if err != nil {
		t.Fatal(err)
	}
	return key, phrase, []Entry{e, cheapEntry(t, "ann", testPassphrase)}
}

const testPassphrase = "correct horse battery staple"

// cheapEntry is what a server keeps of a passphrase, made with the least work.
func cheapEntry(t testing.TB, id, passphrase string) Entry {
	t.Helper()
	kdf := scram.KDF{Memory: 19456, Time: 2, Threads: 1}
	v, err := scram.NewVerifier(kdf, []byte("salt of 16 bytes"), []byte(passphrase))
	if err != nil {
		t.Fatal(err)
	}
	return entryOf(id, id, v)
}

func entryOf(id, identity string, v scram.Verifier) Entry {
	return Entry{ID: id, Identity: identity, Use: UseChannel, KDF: v.KDF.String(), Salt: v.Salt, StoredKey: v.StoredKey, ServerKey: v.ServerKey}
}

func testCredentials(t testing.TB, entries ...Entry) *Credentials {
	t.Helper()
	c, err := NewCredentials(entries, CredentialsConfig{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func wantLogin(t testing.TB, what string, c, s outcome, id, identity string) {
	t.Helper()
	if c.err != nil || c.id != (rpc.Identity{Name: id, Credential: id}) {
		t.Errorf("%s: the client: got %+v, %v; want the server of %s", what, c.id, c.err, id)
	}
	if s.err != nil || s.id != (rpc.Identity{Name: identity, Credential: id}) {
		t.Errorf("%s: the server: got %+v, %v; want %s by %s", what, s.id, s.err, identity, id)
	}
}

func wantRefused(t testing.TB, what string, outcomes ...outcome) {
	t.Helper()
	for i, o := range outcomes {
		if !o.refused() {
			t.Errorf("%s: outcome %d: got %+v, %v; want a refusal", what, i, o.id, o.err)
		}
	}
}

func TestLogin(t *testing.T) {
	key, phrase, entries := testSecrets(t)
	server := testCredentials(t, entries...)
	for name, ends := range map[string]exports{"TLS": tlsExports(1), "unix socket": sameUser()} {
		c, s := login(t, key, server, ends, ends, nil)
		wantLogin(t, name+", key", c, s, "bot.k1", "bot")
		c, s = login(t, phrase, server, ends, ends, nil)
		wantLogin(t, name+", passphrase", c, s, "ann", "ann")
		if len(c.sent) != 2 || len(s.sent) != 2 {
			t.Errorf("%s: got %d messages of the client and %d of the server; want 2 and 2", name, len(c.sent), len(s.sent))
		}
	}
}

// Who knows another secret for an id is refused, and it counts as a guess.
func TestWrongSecretIsRefused(t *testing.T) {
	_, _, entries := testSecrets(t)
	server := testCredentials(t, entries...)
	otherKey, err := GenerateSecret("bot.k1")
	if err != nil {
		t.Fatal(err)
	}
	otherPhrase, err := NewPassphrase("ann", testPassphrase+"r")
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := GenerateSecret("nobody")
	if err != nil {
		t.Fatal(err)
	}
	strangers := testCredentials(t, entries[0]) // mocks of raw
	for name, try := range map[string]struct {
		client *Secret
		server *Credentials
	}{
		"key": {otherKey, server}, "passphrase": {otherPhrase, server}, "unknown id": {stranger, strangers},
	} {
		c, s := login(t, try.client, try.server, tlsExports(1), tlsExports(1), nil)
		wantRefused(t, name, c, s)
		if !s.wrongProof() || !errors.Is(c.err, scram.ErrRefused) {
			t.Errorf("%s: got %v and %v; want a wrong proof that is refused", name, s.err, c.err)
		}
		if last := s.sent[len(s.sent)-1]; len(s.sent) != 2 || last != "e=other-error" {
			t.Errorf("%s: the server sent %q; want a challenge and e=other-error", name, s.sent)
		}
		if !strings.Contains(s.text(), try.client.ID()) || named(s.err) != try.client.ID() {
			t.Errorf("%s: got %v; want an error that names the credential", name, s.err)
		}
	}
}

// named is the credential that a refused peer has named.
func named(err error) string {
	var e interface{ Credential() string }
	if !errors.As(err, &e) {
		return ""
	}
	return e.Credential()
}

// A credential that ends while its holder logs in does not log in.
func TestRevokedDuringLogin(t *testing.T) {
	key, _, entries := testSecrets(t)
	again, err := GenerateSecret(key.ID())
	if err != nil {
		t.Fatal(err)
	}
	changed, err := again.Entry(UseChannel, "bot")
	if err != nil {
		t.Fatal(err)
	}
	renamed := entries[0]
	renamed.Identity = "robot"
	for name, test := range map[string]struct {
		after    []Entry
		identity string // empty: refused
	}{
		"revoked": {entries[1:], ""},
		"changed": {[]Entry{changed}, ""},
		"renamed": {[]Entry{renamed}, "robot"},
		"kept":    {entries, "bot"},
	} {
		server := testCredentials(t, entries...)
		c, s := login(t, key, server, tlsExports(1), tlsExports(1), func(message, text string) string {
			if message == "C2" {
				if err := server.Replace(test.after); err != nil {
					t.Error(err)
				}
			}
			return text
		})
		if test.identity != "" {
			wantLogin(t, name, c, s, "bot.k1", test.identity)
			continue
		}
		wantRefused(t, name, c, s)
		if s.wrongProof() || !errors.Is(s.err, errEnded) {
			t.Errorf("%s: got %v; want errEnded, which is no guess", name, s.err)
		}
	}
}

// What a connection fails with comes out, and what has ended before the proof is
// no guess.
func TestLoginThatBreaks(t *testing.T) {
	key, _, entries := testSecrets(t)
	server := testCredentials(t, entries...)
	broken := errors.New("broken")
	for side, a := range map[string]authenticator{"client": key, "server": server} {
		peer := authenticator(server)
		if side == "server" {
			peer = key
		}
		for failing := range 4 { // the operation that fails
			n := 0
			fails := func() bool { n++; return n == failing+1 }
			c, s := func() (outcome, outcome) {
				if side == "client" {
					return login(t, failAt{a, fails, broken}, peer, tlsExports(1), tlsExports(1), nil)
				}
				c, s := login(t, peer, failAt{a, fails, broken}, tlsExports(1), tlsExports(1), nil)
				return s, c
			}()
			if !errors.Is(c.err, broken) || c.wrongProof() || !c.refused() {
				t.Errorf("%s, operation %d: got %v; want the error of the connection", side, failing, c.err)
			}
			if s.wrongProof() {
				t.Errorf("%s, operation %d: the other side: got %v; want no guess", side, failing, s.err)
			}
		}
	}
}

// failAt makes reads and writes of a login fail.
type failAt struct {
	authenticator
	fails func() bool
	err   error
}

func (f failAt) Authenticate(ctx context.Context, binding func(string) ([]byte, error), read func() ([]byte, error), write func([]byte) error) (rpc.Identity, error) {
	return f.authenticator.Authenticate(ctx, binding, func() ([]byte, error) {
		if f.fails() {
			return nil, f.err
		}
		return read()
	}, func(b []byte) error {
		if f.fails() {
			return f.err
		}
		return write(b)
	})
}

func TestLoginWithNothing(t *testing.T) {
	for name, a := range map[string]authenticator{
		"no credentials": (*Credentials)(nil), "zero credentials": &Credentials{}, "no secret": (*Secret)(nil), "zero secret": &Secret{},
	} {
		if o := script(a, tlsExports(1)); !o.refused() || len(o.sent) != 0 {
			t.Errorf("%s: got %+v; want an error and no message", name, o)
		}
	}
	key, _, _ := testSecrets(t)
	if o := script(key, exports{}); !o.refused() || len(o.sent) != 0 {
		t.Errorf("no binding: got %+v; want an error and no message", o)
	}
}

// The costly key of a passphrase is made once for connections to the same
// server, and not at all for one that has ended.
func TestSaltedIsRemembered(t *testing.T) {
	salted := rememberSalted([]byte(testPassphrase))
	kdf := scram.KDF{Memory: 19456, Time: 2, Threads: 1}
	salt := []byte("salt of 16 bytes")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := salted(gone, kdf, salt); !errors.Is(err, context.Canceled) || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after the end: got %v; want context.Canceled, as a deadline", err)
	}
	first, err := salted(t.Context(), kdf, salt)
	if err != nil {
		t.Fatal(err)
	}
	again, err := salted(t.Context(), kdf, salt)
	if err != nil || &again[0] != &first[0] {
		t.Errorf("the same again: got another key, %v; want the one that was made", err)
	}
	for _, other := range []struct {
		name string
		kdf  scram.KDF
		salt []byte
	}{
		{"KDF", scram.KDF{Memory: 19456, Time: 2, Threads: 2}, salt},
		{"salt", scram.KDF{Memory: 19456, Time: 2, Threads: 2}, []byte("SALT of 16 bytes")},
	} {
		got, err := salted(t.Context(), other.kdf, other.salt)
		want, wantErr := other.kdf.Salted([]byte(testPassphrase), other.salt)
		if err != nil || wantErr != nil || !bytes.Equal(got, want) {
			t.Errorf("another %s: got %x, %v; want %x", other.name, got, err, want)
		}
	}
}
