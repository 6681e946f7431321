package auth

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc/native"
)

// What native asks for.
var (
	_ native.Auth = (*Authkey)(nil)
	_ native.Auth = (*Keyring)(nil)
)

// keysOf returns what native would get from a.
func keysOf(a native.Auth) (all []string) {
	for id, key := range a.Authkeys() {
		all = append(all, id.Name+"/"+id.Credential+"="+string(key))
	}
	return all
}

func newTestKey(t *testing.T, last string, cfg KeyConfig) *Authkey {
	t.Helper()
	k, err := NewKey([]byte(testKey+last), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestKeyring(t *testing.T) {
	a := newTestKey(t, "a", KeyConfig{Identity: "bot", Credential: "bot.k1"})
	b := newTestKey(t, "b", KeyConfig{Identity: "bot", Credential: "bot.k2"})
	weak := newTestKey(t, "c", KeyConfig{AllowMD5: true})
	var many []*Authkey
	for i := range MaxKeys + 1 {
		many = append(many, newTestKey(t, fmt.Sprint(i), KeyConfig{}))
	}
	for _, test := range []struct {
		name string
		keys []*Authkey
		want string
	}{
		{"none", nil, "1 to 16"},
		{"too many", many, "1 to 16"},
		{"nil", []*Authkey{a, nil}, "key 1"},
		{"short", []*Authkey{Key([]byte("12345"))}, "key 0"},
		{"twice", []*Authkey{a, b, a}, "0 (bot.k1) and 2 (bot.k1)"},
		{"two rules", []*Authkey{a, weak}, "MD5"},
	} {
		if _, err := NewKeyring(test.keys...); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v; want an error with %q", test.name, err, test.want)
		}
	}

	ring, err := NewKeyring(a)
	if err != nil {
		t.Fatal(err)
	}
	if err := ring.Replace(a, b); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("[bot/bot.k1=%sa bot/bot.k2=%[1]sb]", testKey)
	if got := fmt.Sprint(keysOf(ring)); got != want || ring.AllowMD5() {
		t.Errorf("got %s, MD5 %v; want %s", got, ring.AllowMD5(), want)
	}
	if err := ring.Replace(); err == nil {
		t.Error("Replace with nothing succeeded")
	}
	if got := fmt.Sprint(keysOf(ring)); got != want {
		t.Errorf("after an error: got %s; want %s", got, want)
	}
	if err := ring.Replace(weak); err != nil || !ring.AllowMD5() {
		t.Errorf("got %v, MD5 %v; want MD5 allowed", err, ring.AllowMD5())
	}
	for range ring.Authkeys() {
		break // leaving early is fine
	}
	var zero Keyring
	if got := keysOf(&zero); len(got) != 0 || zero.AllowMD5() {
		t.Errorf("the zero Keyring: got %v; want no keys", got)
	}
}

// Keys change while connections are made: old peers and new ones log in.
func TestKeyRotationAgainstAListener(t *testing.T) {
	ctx := t.Context()
	old := newTestKey(t, "old", KeyConfig{Identity: "bot", Credential: "bot.k1"})
	fresh := newTestKey(t, "new", KeyConfig{Identity: "bot", Credential: "bot.k2"})
	ring, err := NewKeyring(old)
	if err != nil {
		t.Fatal(err)
	}
	l, err := native.Listen("unix://"+t.TempDir()+"/s", native.ListenConfig{Auth: ring, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	login := func(k *Authkey, want string) {
		t.Helper()
		c, err := native.DialConn(ctx, l.Addr(), native.ConnConfig{Auth: k})
		if want == "" {
			if !errors.Is(err, native.ErrKeyRefused) {
				t.Errorf("got %v; want ErrKeyRefused", err)
			}
			return
		}
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		s, err := l.Accept(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if got := s.Peer().Credential; got != want {
			t.Errorf("credential: got %q; want %q", got, want)
		}
	}
	login(old, "bot.k1")
	login(fresh, "")
	if err := ring.Replace(old, fresh); err != nil {
		t.Fatal(err)
	}
	login(old, "bot.k1")
	login(fresh, "bot.k2")
	if err := ring.Replace(fresh); err != nil {
		t.Fatal(err)
	}
	login(old, "")
	login(fresh, "bot.k2")
}

// The reason why a key cannot be used reaches whoever starts a server.
func TestUnusableKeyIsExplained(t *testing.T) {
	_, err := native.Listen("tcp://127.0.0.1:0", native.ListenConfig{Auth: Key([]byte("12345"))})
	if !errors.Is(err, native.ErrNoKey) || !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), "got 5 bytes; want 32 or more") {
		t.Errorf("got %v; want ErrNoKey with the reason", err)
	}
}
