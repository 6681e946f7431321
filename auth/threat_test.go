package auth

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/auth/internal/scram"
	"github.com/parley-rpc/parley/rpc"
)

// ownClient is a client of one's own making: it uses another kind of binding, as
// one in Python does, or a key that comes from elsewhere, as an attacker would.
type ownClient struct {
	id     string
	kind   string // of binding
	raw    bool
	salted func(scram.KDF, []byte) ([]byte, error)
}

// pointClient logs in with a secret, bound to the certificate of the server.
func pointClient(s *Secret) ownClient {
	return ownClient{s.id, scram.ServerPoint, s.generated, func(k scram.KDF, salt []byte) ([]byte, error) { return k.Salted(s.secret(), salt) }}
}

func (o ownClient) Authenticate(_ context.Context, binding func(string) ([]byte, error), read func() ([]byte, error), write func([]byte) error) (id rpc.Identity, err error) {
	data, err := binding(o.kind)
	if err != nil {
		return id, err
	}
	c, err := scram.NewClient(o.id, o.raw, scram.Binding{Kind: o.kind, Data: data}, o.salted)
	if err != nil {
		return id, err
	}
	if err := write(c.First()); err != nil {
		return id, err
	}
	s1, err := read()
	if err != nil {
		return id, err
	}
	c2, err := c.Prove(s1)
	if err != nil {
		return id, err
	}
	if err := write(c2); err != nil {
		return id, err
	}
	s2, err := read()
	if err != nil {
		return id, err
	}
	if err := c.Verify(s2); err != nil {
		return id, err
	}
	return rpc.Identity{Name: o.id, Credential: o.id}, nil
}

// valueOf returns a field of a message.
func valueOf(message, name string) string {
	for part := range strings.SplitSeq(message, ",") {
		if value, ok := strings.CutPrefix(part, name+"="); ok {
			return value
		}
	}
	return ""
}

// replace changes one message of a login on its way.
func replace(message, old, by string) func(string, string) string {
	return func(name, text string) string {
		if name != message {
			return text
		}
		return strings.Replace(text, old, by, 1)
	}
}

// bound is the c of a C2.
func bound(header string, data []byte) string {
	return base64.StdEncoding.EncodeToString(append([]byte(header), data...))
}

// What was recorded of one login is of no use for another, on the same channel
// or on another one.
func TestReplayedLoginIsRefused(t *testing.T) {
	key, phrase, entries := testSecrets(t)
	server := testCredentials(t, entries...)
	for _, secret := range []*Secret{key, phrase} {
		c, s := login(t, secret, server, tlsExports(1), tlsExports(1), nil)
		if c.err != nil || s.err != nil {
			t.Fatal(c.err, s.err)
		}
		for name, ends := range map[string]exports{"same channel": tlsExports(1), "another": tlsExports(9)} {
			replayed := script(server, ends, say(c.sent[0]), say(c.sent[1]))
			wantRefused(t, name, replayed)
			if len(replayed.sent) != 2 || replayed.sent[1] != scram.Refusal {
				t.Errorf("%s: the server sent %q; want a challenge and %s", name, replayed.sent, scram.Refusal)
			}
			// With the nonce of the new challenge put in.
			wantRefused(t, name+", new nonce", script(server, ends, say(c.sent[0]), func(sent []string) string {
				return strings.Replace(c.sent[1], valueOf(s.sent[0], "r"), valueOf(sent[0], "r"), 1)
			}))
			// And the other way: a server that plays back what the real one said.
			wantRefused(t, name+", server", script(secret, ends, say(s.sent[0]), say(s.sent[1])))
			wantRefused(t, name+", server, new nonce", script(secret, ends, func(sent []string) string {
				return strings.Replace(s.sent[0], valueOf(c.sent[0], "r"), valueOf(sent[0], "r"), 1)
			}, say(s.sent[1])))
		}
	}
}

// Somebody in between, with a TLS connection to each side, passes all messages
// on: neither side logs in.
func TestRelayFailsOnTheBinding(t *testing.T) {
	key, phrase, entries := testSecrets(t)
	server := testCredentials(t, entries...)
	for name, test := range map[string]struct {
		client authenticator
		kind   string
	}{
		"exporter, key":                    {key, scram.Exporter},
		"exporter, passphrase":             {phrase, scram.Exporter},
		"tls-server-end-point, key":        {pointClient(key), scram.ServerPoint},
		"tls-server-end-point, passphrase": {pointClient(phrase), scram.ServerPoint},
	} {
		near, far := tlsExports(1), tlsExports(5)
		c, s := login(t, test.client, server, near, near, nil)
		if c.err != nil || s.err != nil {
			t.Fatalf("%s, nobody in between: got %v and %v; want success", name, c.err, s.err)
		}
		c, s = login(t, test.client, server, near, far, nil)
		wantRefused(t, name, c, s)
		if s.wrongProof() || !strings.Contains(s.text(), "another channel") {
			t.Errorf("%s: got %v; want an error about the channel, which is no guess", name, s.err)
		}
		// The one in between sets right what stands open in the message.
		header := "p=" + test.kind + ",,"
		c, s = login(t, test.client, server, near, far, replace("C2", bound(header, near[test.kind]), bound(header, far[test.kind])))
		wantRefused(t, name+", patched", c, s)
		if !s.wrongProof() {
			t.Errorf("%s, patched: got %v; want a wrong proof", name, s.err)
		}
	}
}

// A server without the verifier of a secret is not taken for the one that has it,
// and the client says nothing more to it.
func TestServerWithoutTheKeyLearnsNothing(t *testing.T) {
	key, phrase, entries := testSecrets(t)
	for i, secret := range []*Secret{key, phrase} {
		kdf, err := scram.ParseKDF(entries[i].KDF)
		if err != nil {
			t.Fatal(err)
		}
		s1 := func(sent []string) string {
			tail := "i=1,k=raw"
			if !kdf.Raw {
				tail = fmt.Sprintf("i=%d,k=argon2id:19:%d:%d", kdf.Time, kdf.Memory, kdf.Threads)
			}
			return "r=" + valueOf(sent[0], "r") + strings.Repeat("s", 24) + ",s=" + base64.StdEncoding.EncodeToString(entries[i].Salt) + "," + tail
		}
		for name, s2 := range map[string]func(sent []string) string{
			"zeros":           say("v=" + base64.StdEncoding.EncodeToString(make([]byte, 32))),
			"refusal":         say(scram.Refusal),
			"proof back":      func(sent []string) string { return "v=" + valueOf(sent[1], "p") },
			"stored key":      say("v=" + base64.StdEncoding.EncodeToString(entries[i].StoredKey)),
			"server key":      say("v=" + base64.StdEncoding.EncodeToString(entries[i].ServerKey)),
			"its own message": func(sent []string) string { return sent[1] },
			"challenge again": s1,
			"welcome":         say("#WELCOME#"),
			"empty":           say(""),
			"v alone":         say("v="),
		} {
			o := script(secret, tlsExports(1), s1, s2)
			wantRefused(t, secret.ID()+", "+name, o)
			if len(o.sent) != 2 {
				t.Errorf("%s, %s: the client sent %q; want two messages", secret.ID(), name, o.sent)
			}
		}
		// It has what a file for HTTP has, which lacks the server's key; and the
		// connection ends.
		half := entries[i]
		half.ServerKey = make([]byte, 32)
		c, _ := login(t, secret, testCredentials(t, half), tlsExports(1), tlsExports(1), nil)
		wantRefused(t, secret.ID()+", other server key", c)
		if !errors.Is(c.err, scram.ErrServer) || !c.wrongProof() {
			t.Errorf("%s: got %v; want ErrServer, a wrong proof", secret.ID(), c.err)
		}
		wantRefused(t, secret.ID()+", end", script(secret, tlsExports(1), s1))
	}
}

// What a side has sent is nothing that it takes itself.
func TestReflectionIsRefused(t *testing.T) {
	key, _, entries := testSecrets(t)
	server := testCredentials(t, entries...)
	back := func(n int) func([]string) string { return func(sent []string) string { return sent[n] } }
	wantRefused(t, "C1 to its client", script(key, tlsExports(1), back(0), back(0)))
	c, s := login(t, key, server, tlsExports(1), tlsExports(1), nil)
	if c.err != nil || s.err != nil {
		t.Fatal(c.err, s.err)
	}
	wantRefused(t, "S1 to a server", script(server, tlsExports(1), say(s.sent[0]), say(c.sent[1])))
	wantRefused(t, "S1 to its server", script(server, tlsExports(1), say(c.sent[0]), back(0)))
	wantRefused(t, "S2 to a server", script(server, tlsExports(1), say(s.sent[1])))
	c, s = login(t, key, key, tlsExports(1), tlsExports(1), nil)
	wantRefused(t, "two clients", c, s)
	// The proof of a client as the signature of its server, and a client that
	// gets its nonce back with nothing added.
	c, _ = login(t, key, server, tlsExports(1), tlsExports(1), func(message, text string) string {
		if message == "S1" {
			return strings.Replace(text, valueOf(text, "r"), valueOf(text, "r")[:24], 1)
		}
		return text
	})
	wantRefused(t, "nonce with nothing added", c)
}

// A server that asks for a key that is cheap to guess from, or costly to make,
// gets no proof and no memory.
func TestWeakKDFIsRefused(t *testing.T) {
	key, phrase, _ := testSecrets(t)
	asLongAsAKey, err := NewPassphrase("ann", "thirty-two bytes, as a key has:!")
	if err != nil || len(asLongAsAKey.secret()) != scram.KeySize {
		t.Fatal(err)
	}
	for _, test := range []struct {
		secret *Secret
		salt   int // bytes
		tail   string
	}{
		{asLongAsAKey, 16, "i=1,k=raw"},
		{phrase, 16, "i=1,k=raw"},
		{phrase, 16, "i=1,k=argon2id:19:19456:1"},
		{phrase, 16, "i=1,k=argon2id:19:38911:1"},
		{phrase, 16, "i=10,k=argon2id:19:8:1"},
		{phrase, 16, "i=10,k=argon2id:19:19455:1"},
		{phrase, 16, "i=3,k=argon2id:19:262145:4"}, // before those that would never end
		{phrase, 16, "i=1,k=argon2id:19:2147483648:1"},
		{phrase, 16, "i=1,k=argon2id:19:4294967295:1"},
		{phrase, 16, "i=1,k=argon2id:19:99999999999999999999:1"},
		{phrase, 16, "i=11,k=argon2id:19:65536:4"},
		{phrase, 16, "i=2147483648,k=argon2id:19:65536:4"},
		{phrase, 16, "i=3,k=argon2id:19:65536:17"},
		{phrase, 16, "i=3,k=argon2id:19:65536:255"},
		{phrase, 16, "i=0,k=argon2id:19:65536:4"},
		{phrase, 16, "i=3,k=argon2id:19:65536:0"},
		{phrase, 16, "i=3,k=argon2id:16:65536:4"},
		{phrase, 16, "i=3,k=argon2i:19:65536:4"},
		{phrase, 16, "i=4096"},
		{phrase, 16, "i=4096,k=pbkdf2"},
		{phrase, 15, "i=2,k=argon2id:19:19456:1"},
		{phrase, 65, "i=2,k=argon2id:19:19456:1"},
		{phrase, 0, "i=2,k=argon2id:19:19456:1"},
		{key, 16, "i=3,k=argon2id:19:65536:4"},
		{key, 16, "i=2,k=argon2id:19:19456:1"},
		{key, 16, "i=2,k=raw"},
		{key, 15, "i=1,k=raw"},
		{key, 65, "i=1,k=raw"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		o := script(test.secret, tlsExports(1), func(sent []string) string {
			salt := base64.StdEncoding.EncodeToString(make([]byte, test.salt))
			return "r=" + valueOf(sent[0], "r") + strings.Repeat("s", 24) + ",s=" + salt + "," + test.tail
		})
		runtime.ReadMemStats(&after)
		name := fmt.Sprintf("%s, salt of %d, %s", test.secret.ID(), test.salt, test.tail)
		wantRefused(t, name, o)
		if len(o.sent) != 1 {
			t.Fatalf("%s: the client sent %q; want no proof", name, o.sent)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
			t.Errorf("%s: took %d bytes of memory; want almost none", name, took)
		}
	}
}

// Nothing that a server keeps logs in to it: as a passphrase, as a key, or as
// what is made of them.
func TestStoredFieldsDoNotLogIn(t *testing.T) {
	_, phrase, entries := testSecrets(t)
	hashed, err := phrase.Entry(UseHTTP, "ann")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(hashed.PHC, "$")
	hash, err := base64.RawStdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(hash) != 32 {
		t.Fatalf("%s: got a hash of %d bytes, %v; want 32", hashed.PHC, len(hash), err)
	}
	server := testCredentials(t, entries...)
	web := testCredentials(t, hashed, entries[0])
	for _, e := range entries {
		for name, stored := range map[string][]byte{
			"salt": e.Salt, "stored_key": e.StoredKey, "server_key": e.ServerKey, "phc": []byte(hashed.PHC), "hash in phc": hash,
		} {
			key := append(stored, make([]byte, 32)...)[:32]
			ways := map[string]func(scram.KDF, []byte) ([]byte, error){
				"salted": func(scram.KDF, []byte) ([]byte, error) { return stored, nil },
				"secret": func(k scram.KDF, salt []byte) ([]byte, error) {
					if k.Raw {
						return k.Salted(key, salt)
					}
					return k.Salted(stored, salt)
				},
				"text": func(k scram.KDF, salt []byte) ([]byte, error) {
					if k.Raw {
						return k.Salted([]byte(hex.EncodeToString(key))[:32], salt)
					}
					return k.Salted([]byte(base64.StdEncoding.EncodeToString(stored)), salt)
				},
			}
			for way, salted := range ways {
				attacker := ownClient{e.ID, scram.Exporter, e.KDF == "raw", salted}
				c, s := login(t, attacker, server, tlsExports(1), tlsExports(1), nil)
				wantRefused(t, e.ID+": "+name+" as "+way, c, s)
				if !s.wrongProof() {
					t.Errorf("%s: %s as %s: got %v; want a wrong proof", e.ID, name, way, s.err)
				}
			}
		}
	}
	// The hash of a password for HTTP is what argon2id makes for the channel: it
	// would log in if the one were taken for the other.
	attacker := ownClient{"ann", scram.Exporter, true, func(scram.KDF, []byte) ([]byte, error) { return hash, nil }}
	_, s := login(t, attacker, web, tlsExports(1), tlsExports(1), nil)
	wantRefused(t, "an entry for HTTP", s)
}

// Without TLS, and nobody who vouches for the other end, there is no login; nor
// can somebody in between take the binding away.
func TestDowngradeToNoBinding(t *testing.T) {
	key, _, entries := testSecrets(t)
	server := testCredentials(t, entries...)
	const bare = "n=bot.k1,r=Y2xpZW50bm9uY2UtMjRieXRlcy0wMTIz"
	for header, ends := range map[string]exports{
		"n,,":                      tlsExports(1),
		"y,,":                      tlsExports(1),
		"p=tls-unique,,":           tlsExports(1),
		"p=,,":                     tlsExports(1),
		"n,a=ann,":                 sameUser(),
		"p=tls-exporter,a=ann,":    tlsExports(1),
		"p=tls-exporter,,":         {},
		"p=tls-server-end-point,,": {},
	} {
		for _, ends := range []exports{ends, {}, sameUser()} {
			if _, vouched := ends[scram.Unbound]; vouched && header == "n,," {
				continue
			}
			o := script(server, ends, say(header+bare))
			wantRefused(t, header, o)
			if len(o.sent) != 1 || o.sent[0] != scram.Refusal {
				t.Errorf("%s: the server sent %q; want %s alone", header, o.sent, scram.Refusal)
			}
		}
	}
	// A binding of no bytes binds nothing.
	empty := exports{scram.Exporter: nil, scram.ServerPoint: nil}
	if o := script(key, empty); !o.refused() || len(o.sent) != 0 {
		t.Errorf("an empty binding, client: got %+v; want an error and no message", o)
	}
	c, s := login(t, key, server, tlsExports(1), empty, replace("C2", bound("p=tls-exporter,,", tlsExports(1)[scram.Exporter]), bound("p=tls-exporter,,", nil)))
	wantRefused(t, "an empty binding, server", c, s)
	// A client inside TLS says n,, never.
	if o := script(key, exports{scram.ServerPoint: make([]byte, 32)}); !o.refused() || len(o.sent) != 0 {
		t.Errorf("no exporter: got %+v; want an error and no message", o)
	}
	// One in between who can log in without binding, or with a weaker one, cannot
	// have the client's proof for that.
	for name, test := range map[string]struct {
		to     string
		server exports
	}{
		"n,,":                      {"n,,", sameUser()},
		"p=tls-server-end-point,,": {"p=tls-server-end-point,,", tlsExports(1)},
	} {
		swap := replace("C1", "p=tls-exporter,,", test.to)
		c, s := login(t, key, server, tlsExports(1), test.server, swap)
		wantRefused(t, name, c, s)
		c, s = login(t, key, server, tlsExports(1), test.server, func(message, text string) string {
			var data []byte
			if test.to != "n,," {
				data = test.server[scram.ServerPoint]
			}
			text = swap(message, text)
			return replace("C2", bound("p=tls-exporter,,", tlsExports(1)[scram.Exporter]), bound(test.to, data))(message, text)
		})
		wantRefused(t, name+", patched", c, s)
		if !s.wrongProof() {
			t.Errorf("%s, patched: got %v; want a wrong proof", name, s.err)
		}
	}
}
