package scram

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"testing"
)

// conversation is one login whose nonces are fixed, so that each message of it is
// known.
type conversation struct {
	key      []byte
	verifier Verifier
	binding  Binding
}

func newConversation(t testing.TB) conversation {
	t.Helper()
	key := counted(KeySize)
	return conversation{key, testVerifier(t, KDF{Raw: true}, key), testBinding()}
}

func (v conversation) client(t testing.TB) *Client {
	t.Helper()
	c := testClient(t, true, v.binding, v.key)
	c.nonce = testClientNonce
	return c
}

// begin is Begin with a fixed nonce.
func (v conversation) begin(c1 []byte) (*Server, error) {
	s, err := Begin(c1)
	if err == nil {
		s.nonce = s.first.nonce + testServerNonce
	}
	return s, err
}

// run runs the login, and lets mix change messages on their way. It returns how
// it ended for both sides, and what each has sent.
func (v conversation) run(t testing.TB, mix func(name string, message []byte) []byte) (sent map[string][]byte, server, client error) {
	t.Helper()
	sent = map[string][]byte{}
	pass := func(name string, message []byte) []byte {
		sent[name] = bytes.Clone(message)
		return mix(name, bytes.Clone(message))
	}
	c := v.client(t)
	s, err := v.begin(pass("C1", c.First()))
	if err != nil {
		return sent, err, errNotAsked
	}
	c2, err := c.Prove(pass("S1", s.Challenge(v.verifier)))
	if err != nil {
		return sent, errNotAsked, err
	}
	s2, err := s.Finish(pass("C2", c2), v.binding)
	if err != nil {
		return sent, err, errNotAsked
	}
	return sent, nil, c.Verify(pass("S2", s2))
}

// errNotAsked is how a login ends for a side whose peer has left it.
var errNotAsked = errors.New("the peer is gone")

func untouched(_ string, message []byte) []byte { return message }

// No message can be changed in any byte: the server lets nobody in after one that
// it has sent or got, and the client believes nobody.
func TestChangedMessagesAreRefused(t *testing.T) {
	v := newConversation(t)
	sent, server, client := v.run(t, untouched)
	if server != nil || client != nil {
		t.Fatalf("unchanged: got %v and %v; want success", server, client)
	}
	tried := 0
	for name, message := range sent {
		for what, changed := range mutants(message) {
			tried++
			_, server, client := v.run(t, func(which string, m []byte) []byte {
				if which == name {
					return changed
				}
				return m
			})
			if server == nil && name != "S2" {
				t.Errorf("%s with %s: the server let somebody in: %q", name, what, changed)
			}
			if client == nil {
				t.Errorf("%s with %s: the client believed it: %q", name, what, changed)
			}
		}
	}
	if tried < 1000 {
		t.Errorf("got %d changes; want each byte of four messages", tried)
	}
}

// mutants returns messages that differ from one in a little.
func mutants(message []byte) map[string][]byte {
	out := map[string][]byte{
		"a comma more":   append(bytes.Clone(message), ','),
		"a field more":   append(bytes.Clone(message), ",x=y"...),
		"a newline more": append(bytes.Clone(message), '\n'),
		"a field before": append([]byte("m=x,"), message...),
		"itself behind":  append(bytes.Clone(message), message...),
	}
	for i := range message {
		for _, c := range []byte("\x00\n ,=Ab1\xff") {
			if message[i] == c {
				continue
			}
			m := bytes.Clone(message)
			m[i] = c
			out[fmt.Sprintf("%q at %d", c, i)] = m
		}
		flipped := bytes.Clone(message)
		flipped[i] ^= 1
		out[fmt.Sprintf("bit 0 at %d", i)] = flipped
		out[fmt.Sprintf("%d bytes", i)] = bytes.Clone(message[:i])
		out[fmt.Sprintf("none at %d", i)] = append(bytes.Clone(message[:i]), message[i+1:]...)
		out[fmt.Sprintf("two at %d", i)] = append(append(bytes.Clone(message[:i+1]), message[i]), message[i+1:]...)
	}
	return out
}

// FuzzServer sends anything to a server. It lets in only who sends, byte for
// byte, what a client with the key does.
func FuzzServer(f *testing.F) {
	v := newConversation(f)
	sent, _, _ := v.run(f, untouched)
	f.Add(sent["C1"], sent["C2"])
	f.Add(sent["S1"], sent["S2"])
	f.Add([]byte("n,,n=a,r=0123456789abcdef"), []byte("c=biws,r=x,p="+base64.StdEncoding.EncodeToString(counted(32))))
	f.Add([]byte("p=tls-server-end-point,,n=a,r=0123456789abcdef"), []byte("c=,r=,p="))
	f.Add([]byte("y,,n=a,r=0123456789abcdef"), []byte(",,,"))
	f.Add([]byte("p=tls-exporter,a=x,n=a,r=0123456789abcdef"), bytes.Repeat([]byte("c"), MaxMessage+1))
	f.Fuzz(func(t *testing.T, c1, c2 []byte) {
		s, err := v.begin(c1)
		if err != nil {
			return
		}
		if !ids.MatchString(s.ID()) || string(c1) != header(s.Kind())+"n="+s.ID()+",r="+s.first.nonce || len(c1) > MaxMessage {
			t.Fatalf("C1 %q was read as kind %q, id %q, nonce %q", c1, s.Kind(), s.ID(), s.first.nonce)
		}
		bound := Binding{Kind: s.Kind()}
		if s.Kind() != Unbound {
			bound.Data = v.binding.Data
		}
		s1 := s.Challenge(v.verifier)
		s2, err := s.Finish(c2, bound)
		if (err == nil) != (len(s2) > 0) {
			t.Fatalf("got %q, %v; want a message or an error", s2, err)
		}
		c, clientErr := NewClient(s.ID(), true, bound, testSalted(v.key))
		if clientErr != nil {
			t.Fatal(clientErr)
		}
		c.nonce = s.first.nonce
		want, clientErr := c.Prove(s1)
		if clientErr != nil {
			t.Fatal(clientErr)
		}
		if (err == nil) != bytes.Equal(c2, want) {
			t.Errorf("C1 %q: C2 %q: got %v; want success for %q alone", c1, c2, err, want)
		}
		if err == nil && c.Verify(s2) != nil {
			t.Errorf("the client does not take %q", s2)
		}
	})
}

// FuzzClient sends anything to a client. It takes only, byte for byte, what a
// server with the verifier sends.
func FuzzClient(f *testing.F) {
	v := newConversation(f)
	sent, _, _ := v.run(f, untouched)
	f.Add(sent["S1"], sent["S2"])
	f.Add([]byte(Refusal), []byte{})
	f.Add(sent["S1"], []byte(Refusal))
	f.Add(sent["C1"], sent["C2"])
	f.Add(bytes.Replace(sent["S1"], []byte("i=1,k=raw"), []byte("i=3,k=argon2id:19:65536:4"), 1), sent["S2"])
	f.Add(bytes.Replace(sent["S1"], []byte("i=1,k=raw"), []byte("i=3,k=argon2id:19:2147483648:4"), 1), sent["S2"])
	f.Add([]byte("r="+testClientNonce+",s=,i=,k="), []byte("v="))
	f.Add(sent["S1"], bytes.Repeat([]byte("v"), MaxMessage+1))
	f.Fuzz(func(t *testing.T, s1, s2 []byte) {
		c := v.client(t)
		var salt, salted []byte
		c.salted = func(k KDF, given []byte) (_ []byte, err error) {
			if k != (KDF{Raw: true}) {
				t.Fatalf("a generated key was to be used with %v", k)
			}
			salt = given
			salted, err = k.Salted(v.key, given)
			return salted, err
		}
		c2, err := c.Prove(s1)
		if err != nil {
			if c2 != nil || c.Verify(s2) == nil {
				t.Fatalf("S1 %q: got %q after %v; want nothing", s1, c2, err)
			}
			return
		}
		final, err := parseClientFinal(c2)
		if err != nil {
			t.Fatalf("S1 %q: the client sent %q: %v", s1, c2, err)
		}
		if want := "r=" + final.nonce + ",s=" + base64.StdEncoding.EncodeToString(salt) + ",i=1,k=raw"; string(s1) != want {
			t.Fatalf("S1 %q was taken for %q", s1, want)
		}
		signature := mac(keysOf(salted).server, c.bare()+","+string(s1)+","+final.bare)
		want := "v=" + base64.StdEncoding.EncodeToString(signature)
		if err := c.Verify(s2); (err == nil) != (string(s2) == want) {
			t.Errorf("S1 %q: S2 %q: got %v; want success for %q alone", s1, s2, err, want)
		}
	})
}

// FuzzKDF reads the two texts of a KDF: what is read is written again, and passes
// Check.
func FuzzKDF(f *testing.F) {
	for _, text := range []string{"raw", DefaultKDF().String(), cheapKDF().String(), "i=1,k=raw", DefaultKDF().wire(), "argon2id$v=19$m=1,t=1,p=1", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if k, err := ParseKDF(text); err == nil && (k.String() != text || k.Check() != nil) {
			t.Errorf("%q was read as %v, %v", text, k, k.Check())
		}
		if k, err := parseWire(text); err == nil && (k.wire() != text || k.Check() != nil) {
			t.Errorf("%q was read as %s, %v", text, k.wire(), k.Check())
		}
	})
}
