package scram

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

const (
	testID          = "deploy-bot.k1"
	testPassphrase  = "correct horse battery staple"
	testClientNonce = "Y2xpZW50bm9uY2UtMjRieXRlcy0wMTIz"
	testServerNonce = "c2VydmVybm9uY2UtMjRieXRlcy00NTY3"
)

func counted(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// testBinding is what both sides of a channel export.
func testBinding() Binding { return Binding{Exporter, bytes.Repeat([]byte{0x42}, 32)} }

// cheapKDF is the least that a client takes.
func cheapKDF() KDF { return KDF{Memory: minMemory, Time: 2, Threads: 1} }

// testSalted makes keys of one secret.
func testSalted(secret []byte) func(KDF, []byte) ([]byte, error) {
	return func(k KDF, salt []byte) ([]byte, error) { return k.Salted(secret, salt) }
}

func testVerifier(t testing.TB, kdf KDF, secret []byte) Verifier {
	t.Helper()
	v, err := NewVerifier(kdf, counted(16), secret)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func testClient(t testing.TB, raw bool, b Binding, secret []byte) *Client {
	t.Helper()
	c, err := NewClient(testID, raw, b, testSalted(secret))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The whole of two logins, byte for byte, as docs/wire-login.md shows them too. The
// figures were computed with Go and with Python, independently of this package.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile("../../../docs/wire-login.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := func(name string, message []byte) {
		t.Helper()
		if line := name + " " + string(message) + "\n"; !strings.Contains(string(text), "\n"+line) {
			t.Errorf("docs/wire-login.md does not have %s", line)
		}
	}
	for _, test := range []struct {
		name             string
		kdf              KDF
		secret           []byte
		salted, tail     string
		proof, signature string
	}{
		{
			"argon2id", DefaultKDF(), []byte(testPassphrase),
			"853b272a44db1421c02962669a55eb0994f3cab385ed1c4c79253eee19bab49e",
			"i=3,k=argon2id:19:65536:4",
			"5VpoencGbGFr2V2E18Zmh7K8Wwq2I1pvl/UV8rmMj/4=",
			"J8NsEpShfCNq5VqVOXhD9gyviu2XYxcTwHbpGVUNRrk=",
		},
		{
			"raw",
			KDF{Raw: true},
			unhex(t, "8f3c1d2e4b5a69788796a5b4c3d2e1f000112233445566778899aabbccddeeff"),
			"76cbd935e32f0cf1a96958857bd4c881c8b49bfe5ae24335b5b8bc8f23bddc5d",
			"i=1,k=raw",
			"WQII1btf0X0w589o/Huo/HiBVgxEutqkg0YGnOZ3wJw=",
			"RaHcBMJCu8/jkeSbroEDtZULsQzlZEuynetH1LLTzx8=",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			salted, err := test.kdf.Salted(test.secret, counted(16))
			if err != nil || hex.EncodeToString(salted) != test.salted {
				t.Fatalf("salted password: got %x, %v; want %s", salted, err, test.salted)
			}
			k := keysOf(salted)
			v := Verifier{KDF: test.kdf, Salt: counted(16), StoredKey: k.stored, ServerKey: k.server}

			c := testClient(t, test.kdf.Raw, testBinding(), nil)
			c.nonce = testClientNonce
			c.salted = func(KDF, []byte) ([]byte, error) { return salted, nil }
			c1 := c.First()
			wantMessage(t, "C1", c1, "p=tls-exporter,,n="+testID+",r="+testClientNonce)

			s, err := Begin(c1)
			if err != nil {
				t.Fatal(err)
			}
			s.nonce = testClientNonce + testServerNonce
			s1 := s.Challenge(v)
			wantMessage(t, "S1", s1, "r="+testClientNonce+testServerNonce+",s=AAECAwQFBgcICQoLDA0ODw==,"+test.tail)

			c2, err := c.Prove(s1)
			if err != nil {
				t.Fatal(err)
			}
			binding := base64.StdEncoding.EncodeToString(append([]byte("p=tls-exporter,,"), testBinding().Data...))
			wantMessage(t, "C2", c2, "c="+binding+",r="+testClientNonce+testServerNonce+",p="+test.proof)

			s2, err := s.Finish(c2, testBinding())
			if err != nil {
				t.Fatal(err)
			}
			wantMessage(t, "S2", s2, "v="+test.signature)
			if err := c.Verify(s2); err != nil {
				t.Errorf("the client: %v", err)
			}
			documented("SaltedPassword", []byte(test.salted))
			for i, message := range [][]byte{c1, s1, c2, s2} {
				documented([]string{"C1", "S1", "C2", "S2"}[i], message)
			}
		})
	}
}

func wantMessage(t testing.TB, name string, got []byte, want string) {
	t.Helper()
	if string(got) != want {
		t.Errorf("%s: got %s; want %s", name, got, want)
	}
}

// login runs a login, and returns the errors of the server and of the client.
func login(c *Client, v Verifier, b Binding) (server, client error) {
	s, err := Begin(c.First())
	if err != nil {
		return err, c.Verify([]byte(Refusal))
	}
	c2, err := c.Prove(s.Challenge(v))
	if err != nil {
		return nil, err
	}
	s2, err := s.Finish(c2, b)
	if err != nil {
		return err, c.Verify([]byte(Refusal))
	}
	return nil, c.Verify(s2)
}

func TestLogin(t *testing.T) {
	key := counted(KeySize)
	other := counted(KeySize)
	other[31]++
	passphrase := []byte(testPassphrase)
	bindings := []Binding{testBinding(), {ServerPoint, counted(32)}, {}}
	for _, b := range bindings {
		server, client := login(testClient(t, true, b, key), testVerifier(t, KDF{Raw: true}, key), b)
		if server != nil || client != nil {
			t.Errorf("binding %q: got %v and %v; want success", b.Kind, server, client)
		}
		for _, wrong := range bindings {
			if wrong.Kind == b.Kind {
				continue
			}
			server, client := login(testClient(t, true, b, key), testVerifier(t, KDF{Raw: true}, key), wrong)
			if server == nil || errors.Is(server, ErrProof) || !errors.Is(client, ErrRefused) {
				t.Errorf("bindings %q and %q: got %v and %v; want a refusal", b.Kind, wrong.Kind, server, client)
			}
		}
	}
	b := testBinding()
	server, client := login(testClient(t, false, b, passphrase), testVerifier(t, cheapKDF(), passphrase), b)
	if server != nil || client != nil {
		t.Errorf("a passphrase: got %v and %v; want success", server, client)
	}
	server, client = login(testClient(t, true, b, other), testVerifier(t, KDF{Raw: true}, key), b)
	if !errors.Is(server, ErrProof) || !errors.Is(client, ErrRefused) {
		t.Errorf("another key: got %v and %v; want ErrProof and ErrRefused", server, client)
	}
}

// A proof is looked at once, and an answer to one too.
func TestOneAttempt(t *testing.T) {
	key := counted(KeySize)
	c := testClient(t, true, testBinding(), key)
	s, err := Begin(c.First())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Finish([]byte("c=x"), testBinding()); err == nil {
		t.Error("a proof before the challenge: success")
	}
	if err := c.Verify([]byte("v=AAAA")); err == nil {
		t.Error("an answer before the proof: success")
	}
	c2, err := c.Prove(s.Challenge(testVerifier(t, KDF{Raw: true}, key)))
	if err != nil {
		t.Fatal(err)
	}
	wrong := bytes.Clone(c2)
	wrong[len(wrong)-3] ^= 1
	if _, err := s.Finish(wrong, testBinding()); err == nil {
		t.Error("a wrong proof: success")
	}
	if _, err := s.Finish(c2, testBinding()); err == nil {
		t.Error("the right proof behind it: success")
	}
	if err := c.Verify([]byte("v=" + base64.StdEncoding.EncodeToString(counted(32)))); !errors.Is(err, ErrServer) {
		t.Errorf("a wrong answer: got %v; want ErrServer", err)
	}
	if err := c.Verify([]byte("v=" + base64.StdEncoding.EncodeToString(counted(32)))); err == nil || errors.Is(err, ErrServer) {
		t.Errorf("another one behind it: got %v; want an error", err)
	}
}

// A message is bounded before anything is made of it.
func TestMessageIsBounded(t *testing.T) {
	for name, parse := range map[string]func([]byte) error{
		"C1": func(b []byte) error { _, err := parseClientFirst(b); return err },
		"S1": func(b []byte) error { _, err := parseServerFirst(b); return err },
		"C2": func(b []byte) error { _, err := parseClientFinal(b); return err },
		"S2": func(b []byte) error { _, err := parseServerFinal(b); return err },
	} {
		for _, size := range []int{0, MaxMessage + 1, 1 << 20} {
			want := fmt.Sprintf("got %d bytes; want 1 to 4096", size)
			if err := parse(bytes.Repeat([]byte("x"), size)); err == nil || err.Error() != want {
				t.Errorf("%s: got %v; want %s", name, err, want)
			}
		}
	}
}
