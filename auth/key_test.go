package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

var quiet = slog.New(slog.DiscardHandler)

const testKey = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestKeyLength(t *testing.T) {
	for _, test := range []struct {
		key        string
		allowShort bool
		want       string // in the error; empty for none
	}{
		{testKey, false, ""},
		{testKey[:32], false, ""},
		{testKey[:31], false, "DangerouslyAllowShortKey"},
		{"12345", false, "got 5 bytes; want 32 or more"},
		{"12345", true, ""},
		{"", false, "empty"},
		{"", true, "empty"},
		{strings.Repeat("x", maxKeySize), false, ""},
		{strings.Repeat("x", maxKeySize+1), true, "at most"},
	} {
		k, err := NewKey([]byte(test.key), KeyConfig{DangerouslyAllowShortKey: test.allowShort})
		if test.want == "" {
			if err != nil || string(k.Reveal()) != test.key {
				t.Errorf("%d bytes, short allowed %v: got %v; want success", len(test.key), test.allowShort, err)
			}
			continue
		}
		if !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), test.want) || k != nil {
			t.Errorf("%d bytes, short allowed %v: got %v, %v; want an error with %q", len(test.key), test.allowShort, k, err, test.want)
		}
		if test.key != "" && strings.Contains(fmt.Sprint(err), test.key) {
			t.Errorf("the error shows the key: %v", err)
		}
	}
}

// A key that is written in place and cannot be used yields nothing, and says why.
func TestKeyInPlace(t *testing.T) {
	k := Key([]byte(testKey))
	if got := keysOf(k); k.Check() != nil || fmt.Sprint(got) != "[authkey/authkey="+testKey+"]" {
		t.Errorf("got %v, %v; want the key", got, k.Check())
	}
	for name, k := range map[string]*Authkey{"short": Key([]byte("12345")), "empty": Key(nil), "nil": nil, "zero": {}} {
		if got := keysOf(k); len(got) != 0 || !errors.Is(k.Check(), ErrKey) || k.AllowMD5() {
			t.Errorf("%s: got %v, %v; want no keys and a reason", name, got, k.Check())
		}
	}
}

func TestKeyIsCopied(t *testing.T) {
	b := []byte(testKey)
	k := Key(b)
	b[0] = 'X'
	k.Reveal()[1] = 'X'
	if got := string(k.Reveal()); got != testKey {
		t.Errorf("got %s; want the key as it was given", got)
	}
}

func TestGenerateKey(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		k := GenerateKey()
		text := string(k.Reveal())
		if len(text) != 64 || strings.Trim(text, "0123456789abcdef") != "" || k.Check() != nil {
			t.Fatalf("got %q, %v; want 64 hexadecimal digits", text, k.Check())
		}
		seen[text] = true
	}
	if len(seen) != 100 {
		t.Errorf("100 keys: got %d different ones", len(seen))
	}
}

func TestKeyConfig(t *testing.T) {
	k, err := NewKey([]byte(testKey), KeyConfig{Identity: "bot", Credential: "bot.k2", AllowMD5: true})
	if err != nil || !k.AllowMD5() || fmt.Sprint(keysOf(k)) != "[bot/bot.k2="+testKey+"]" {
		t.Errorf("got %v, MD5 %v, %v", keysOf(k), k.AllowMD5(), err)
	}
	strict, err := k.With(KeyConfig{Identity: "bot"})
	if err != nil || strict.AllowMD5() || fmt.Sprint(keysOf(strict)) != "[bot/bot="+testKey+"]" {
		t.Errorf("With: got %v, MD5 %v, %v", keysOf(strict), strict.AllowMD5(), err)
	}
}

// Whatever is printed, logged or marshalled, the key is not in it.
func TestKeyIsNeverShown(t *testing.T) {
	k := Key([]byte(testKey))
	ring, err := NewKeyring(k)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	values := []any{
		k, *k, &k,
		[]*Authkey{k},
		map[string]*Authkey{"k": k},
		[]Authkey{*k},
		struct{ Auth *Authkey }{k},
		struct{ auth *Authkey }{k},
		struct{ auth Authkey }{*k},
		&struct{ auth any }{*k},
		ring,
		struct{ auth *Keyring }{ring},
	}
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%U", "%p"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		if b, err := json.Marshal(v); err == nil {
			out.Write(b)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb+" "+verb, k, *k); got != redacted+" "+redacted {
			t.Errorf("%s: got %q; want %q twice", verb, got, redacted)
		}
	}
	shown := strings.ToLower(out.String())
	for _, form := range []string{
		testKey[:8], fmt.Sprintf("%x", testKey[:8]), strings.Trim(fmt.Sprint([]byte(testKey[:8])), "[]"),
		"0x30, 0x31, 0x32", "u+0030",
	} {
		if strings.Contains(shown, form) {
			t.Errorf("the key is shown as %q in\n%s", form, out.String())
		}
	}
	if !strings.Contains(shown, redacted) {
		t.Errorf("got no %q in\n%s", redacted, out.String())
	}
}
