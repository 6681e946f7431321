package auth

import (
	"context"
	"errors"
	"testing"

	"github.com/parley-rpc/parley/auth/internal/scram"
)

// BenchmarkLogin measures what a login costs each side, without the connection.
func BenchmarkLogin(b *testing.B) {
	key, _, entries := testSecrets(b)
	phrase, err := NewPassphrase("ann", testPassphrase)
	if err != nil {
		b.Fatal(err)
	}
	entries[1], err = phrase.Entry(UseChannel, "ann") // by argon2id as it is by default
	if err != nil {
		b.Fatal(err)
	}
	server := testCredentials(b, entries...)
	ends := tlsExports(1)

	for name, id := range map[string]string{"raw": "bot.k1", "argon2id": "ann", "unknown": "nobody"} {
		b.Run("server refuses "+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if o := script(server, ends, say("p=tls-exporter,,n="+id+",r="+nonce), wrongProofFor(ends)); !o.refused() {
					b.Fatal("let in")
				}
			}
		})
	}
	for name, secret := range map[string]*Secret{"raw": key, "argon2id": phrase} {
		// Challenges and answers that were recorded: the client makes its proof, and
		// then refuses the server's, whose nonce is that of another login.
		_, s := login(b, secret, server, ends, ends, nil)
		if s.err != nil {
			b.Fatal(s.err)
		}
		challenge := func(sent []string) string {
			r := valueOf(s.sent[0], "r")
			return "r=" + valueOf(sent[0], "r") + r[len(r)-24:] + s.sent[0][len("r=")+len(r):]
		}
		client := func(b *testing.B, secret *Secret) {
			b.Helper()
			if o := script(secret, ends, challenge, say(s.sent[1])); !errors.Is(o.err, scram.ErrServer) {
				b.Fatal(o.err)
			}
		}
		b.Run("client "+name+", first", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				client(b, newSecret(secret.id, secret.generated, secret.secret()))
			}
		})
		b.Run("client "+name+", again", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				client(b, secret)
			}
		})
		// Both sides, one after the other in each step: the server's share of a
		// login that succeeds is this without the client's.
		b.Run("both "+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := handInHand(secret, server, ends); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// handInHand is a login in one goroutine: the client speaks when the server
// listens.
func handInHand(secret *Secret, server *Credentials, ends exports) error {
	c, err := scram.NewClient(secret.id, secret.generated, scram.Binding{Kind: scram.Exporter, Data: ends[scram.Exporter]},
		func(k scram.KDF, salt []byte) ([]byte, error) { return secret.salted(context.Background(), k, salt) })
	if err != nil {
		return err
	}
	next := c.First()
	read := func() ([]byte, error) { return next, nil }
	write := func(b []byte) (err error) {
		if b[0] == 'r' {
			next, err = c.Prove(b)
			return err
		}
		return c.Verify(b)
	}
	_, err = server.Authenticate(context.Background(), ends.binding, read, write)
	return err
}
