package scram

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	xdg "github.com/xdg-go/scram"
)

// SCRAM as RFC 7677 has it: PBKDF2 makes the key, and S1 ends in its passes.

func pbkdf2Tail(k KDF) string { return fmt.Sprintf("i=%d", k.Time) }

func parsePBKDF2Tail(text string) (KDF, error) {
	digits, ok := strings.CutPrefix(text, "i=")
	n, err := strconv.ParseUint(digits, 10, 32)
	if !ok || err != nil {
		return KDF{}, errors.New("no passes")
	}
	return KDF{Time: uint32(n)}, nil
}

func pbkdf2Salted(password string) func(KDF, []byte) ([]byte, error) {
	return func(k KDF, salt []byte) ([]byte, error) {
		return pbkdf2.Key(sha256.New, password, salt, int(k.Time), KeySize)
	}
}

func pbkdf2Verifier(t testing.TB, password string, salt []byte, passes uint32) Verifier {
	t.Helper()
	kdf := KDF{Time: passes}
	salted, err := pbkdf2Salted(password)(kdf, salt)
	if err != nil {
		t.Fatal(err)
	}
	k := keysOf(salted)
	return Verifier{KDF: kdf, Salt: salt, StoredKey: k.stored, ServerKey: k.server}
}

func pbkdf2Client(t testing.TB, user, password string) *Client {
	t.Helper()
	c, err := NewClient(user, false, Binding{}, pbkdf2Salted(password))
	if err != nil {
		t.Fatal(err)
	}
	c.parseKDF = parsePBKDF2Tail
	return c
}

// The example of RFC 7677, section 3.
func TestRFC7677(t *testing.T) {
	const (
		clientNonce = "rOprNGfwEbeRWgbNEkqO"
		bothNonces  = clientNonce + "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
		salt        = "W22ZaJ0SNY7soEsUEjb6gQ=="
	)
	saltBytes, err := base64.StdEncoding.DecodeString(salt)
	if err != nil {
		t.Fatal(err)
	}
	c := pbkdf2Client(t, "user", "pencil")
	c.nonce = clientNonce
	c1 := c.First()
	wantMessage(t, "C1", c1, "n,,n=user,r="+clientNonce)
	s, err := Begin(c1)
	if err != nil {
		t.Fatal(err)
	}
	s.nonce = bothNonces
	v := pbkdf2Verifier(t, "pencil", saltBytes, 4096)
	s1 := s.challenge(v, pbkdf2Tail(v.KDF))
	wantMessage(t, "S1", s1, "r="+bothNonces+",s="+salt+",i=4096")
	c2, err := c.Prove(s1)
	if err != nil {
		t.Fatal(err)
	}
	wantMessage(t, "C2", c2, "c=biws,r="+bothNonces+",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
	s2, err := s.Finish(c2, Binding{})
	if err != nil {
		t.Fatal(err)
	}
	wantMessage(t, "S2", s2, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
	if err := c.Verify(s2); err != nil {
		t.Errorf("the client: %v", err)
	}
}

// Another implementation of SCRAM-SHA-256 logs in here, and lets this one in.
func TestAnotherImplementation(t *testing.T) {
	for i, password := range []string{"pencil", testPassphrase, "x,y=z"} {
		for name, tried := range map[string]string{"right": password, "wrong": password + "!"} {
			salt := append(counted(16), byte(i))
			t.Run(fmt.Sprintf("its client, %s %d", name, i), func(t *testing.T) {
				theirs, err := xdg.SHA256.NewClient("user", tried, "")
				if err != nil {
					t.Fatal(err)
				}
				conversation := theirs.NewConversation()
				c1, err := conversation.Step("")
				if err != nil {
					t.Fatal(err)
				}
				s, err := Begin([]byte(c1))
				if err != nil {
					t.Fatal(err)
				}
				v := pbkdf2Verifier(t, password, salt, 4096)
				c2, err := conversation.Step(string(s.challenge(v, pbkdf2Tail(v.KDF))))
				if err != nil {
					t.Fatal(err)
				}
				s2, err := s.Finish([]byte(c2), Binding{})
				if name == "wrong" {
					if !errors.Is(err, ErrProof) {
						t.Errorf("got %v; want ErrProof", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if _, err := conversation.Step(string(s2)); err != nil || !conversation.Valid() {
					t.Errorf("the client: got %v; want a proof that it takes", err)
				}
			})
			t.Run(fmt.Sprintf("its server, %s %d", name, i), func(t *testing.T) {
				theirs, err := xdg.SHA256.NewServer(func(user string) (xdg.StoredCredentials, error) {
					v := pbkdf2Verifier(t, password, salt, 4096)
					return xdg.StoredCredentials{
						KeyFactors: xdg.KeyFactors{Salt: string(v.Salt), Iters: int(v.KDF.Time)},
						StoredKey:  v.StoredKey, ServerKey: v.ServerKey,
					}, nil
				})
				if err != nil {
					t.Fatal(err)
				}
				conversation := theirs.NewConversation()
				c := pbkdf2Client(t, "user", tried)
				s1, err := conversation.Step(string(c.First()))
				if err != nil {
					t.Fatal(err)
				}
				c2, err := c.Prove([]byte(s1))
				if err != nil {
					t.Fatal(err)
				}
				s2, err := conversation.Step(string(c2))
				if name == "wrong" {
					if err == nil || conversation.Valid() || !errors.Is(c.Verify([]byte(s2)), ErrRefused) {
						t.Errorf("got %q, %v; want a refusal", s2, err)
					}
					return
				}
				if err != nil || !conversation.Valid() || conversation.Username() != "user" {
					t.Errorf("the server: got %v; want a proof that it takes", err)
				}
				if err := c.Verify([]byte(s2)); err != nil {
					t.Errorf("the client: %v", err)
				}
			})
		}
	}
}
