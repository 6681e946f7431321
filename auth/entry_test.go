package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// testPHC is the hash of "correct horse battery staple".
const testPHC = "$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$"

// Entries of each form. Their keys are those of no secret.
func channelEntry(id string) Entry {
	return Entry{
		ID: id, Identity: "bot", Use: UseChannel, KDF: "argon2id$v=19$m=65536,t=3,p=4",
		Salt: []byte("salt of sixteen."), StoredKey: bytes.Repeat([]byte{1}, 32), ServerKey: bytes.Repeat([]byte{2}, 32),
	}
}

func rawEntry(id string) Entry {
	e := channelEntry(id)
	e.KDF = "raw"
	return e
}

func bearerEntry(id string) Entry {
	e := rawEntry(id)
	e.Use, e.ServerKey = UseHTTP, nil
	return e
}

func basicEntry(id string) Entry {
	return Entry{ID: id, Identity: "bot", Use: UseHTTP, PHC: testPHC + strings.Repeat("A", 43)}
}

func authkeyEntry(id string) Entry {
	return Entry{ID: id, Identity: "bot", Use: UseAuthkey, Key: testKey + id}
}

func newTestCredentials(t *testing.T, entries ...Entry) *Credentials {
	t.Helper()
	c, err := NewCredentials(entries, CredentialsConfig{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEntryHasTheFieldsOfItsUse(t *testing.T) {
	change := func(e Entry, change func(*Entry)) Entry {
		change(&e)
		return e
	}
	long := time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name  string
		entry Entry
		want  string // in the error; empty for none
	}{
		{"channel", channelEntry("a"), ""},
		{"channel, raw", rawEntry("a"), ""},
		{"http, bearer", bearerEntry("a"), ""},
		{"http, basic", basicEntry("a"), ""},
		{"authkey", authkeyEntry("a"), ""},
		{"longest", change(rawEntry(strings.Repeat("a", 64)), func(e *Entry) {
			e.Identity, e.Salt = strings.Repeat("x", 256), make([]byte, 64)
		}), ""},

		{"no id", rawEntry(""), "id: got 0 bytes"},
		{"long id", rawEntry(strings.Repeat("a", 65)), "id: got 65 bytes; want 1 to 64"},
		{"no identity", change(rawEntry("a"), func(e *Entry) { e.Identity = "" }), "identity: got 0 bytes"},
		{"long identity", change(rawEntry("a"), func(e *Entry) { e.Identity = strings.Repeat("x", 257) }), "identity: got 257 bytes"},
		{"identity of two lines", change(rawEntry("a"), func(e *Entry) { e.Identity = "a\nb" }), "identity: it has a character"},
		{"identity that is not UTF-8", change(rawEntry("a"), func(e *Entry) { e.Identity = "a\xff" }), "identity: it is not UTF-8"},
		{"no use", change(rawEntry("a"), func(e *Entry) { e.Use = "" }), `use: want "channel", "http" or "authkey"`},
		{"another use", change(rawEntry("a"), func(e *Entry) { e.Use = "Channel" }), "use: want"},

		{"channel without a KDF", change(rawEntry("a"), func(e *Entry) { e.KDF = "" }), "kdf is missing"},
		{"channel without a salt", change(rawEntry("a"), func(e *Entry) { e.Salt = nil }), "salt is missing"},
		{"channel without a stored key", change(rawEntry("a"), func(e *Entry) { e.StoredKey = nil }), "stored_key is missing"},
		{"channel without a server key", change(rawEntry("a"), func(e *Entry) { e.ServerKey = nil }), "server_key is missing"},
		{"channel with a PHC", change(rawEntry("a"), func(e *Entry) { e.PHC = basicEntry("a").PHC }), "got phc; an entry for channel"},
		{"channel with a key", change(rawEntry("a"), func(e *Entry) { e.Key = testKey }), "got key; an entry for channel"},
		{"a PHC alone for the channel", change(basicEntry("a"), func(e *Entry) { e.Use = UseChannel }), "kdf is missing"},
		{"http with both", change(bearerEntry("a"), func(e *Entry) { e.PHC = basicEntry("a").PHC }), "got phc; an entry for http"},
		{"http with a server key", change(rawEntry("a"), func(e *Entry) { e.Use = UseHTTP }), "got server_key; an entry for http"},
		{"http with a passphrase of the channel", change(bearerEntry("a"), func(e *Entry) { e.KDF = channelEntry("a").KDF }), "kdf: got argon2id"},
		{"http with nothing", change(basicEntry("a"), func(e *Entry) { e.PHC = "" }), "phc is missing"},
		{"authkey without a key", change(authkeyEntry("a"), func(e *Entry) { e.Key = "" }), "key is missing"},
		{"authkey with a salt", change(authkeyEntry("a"), func(e *Entry) { e.Salt = make([]byte, 16) }), "got salt; an entry for authkey has key alone"},

		{"unknown KDF", change(rawEntry("a"), func(e *Entry) { e.KDF = "pbkdf2" }), "kdf: want"},
		{"cheap KDF", change(rawEntry("a"), func(e *Entry) { e.KDF = "argon2id$v=19$m=19456,t=1,p=1" }), "kdf: argon2id with 19456 KiB in 1 passes"},
		{"costly KDF", change(rawEntry("a"), func(e *Entry) { e.KDF = "argon2id$v=19$m=262145,t=3,p=4" }), "kdf: argon2id with 262145 KiB"},
		{"short salt", change(rawEntry("a"), func(e *Entry) { e.Salt = make([]byte, 15) }), "salt: got 15 bytes; want 16 to 64"},
		{"long salt", change(rawEntry("a"), func(e *Entry) { e.Salt = make([]byte, 65) }), "salt: got 65 bytes; want 16 to 64"},
		{"short stored key", change(rawEntry("a"), func(e *Entry) { e.StoredKey = make([]byte, 31) }), "stored_key: got 31 bytes; want 32"},
		{"long server key", change(rawEntry("a"), func(e *Entry) { e.ServerKey = make([]byte, 33) }), "server_key: got 33 bytes; want 32"},
		{"bad PHC", change(basicEntry("a"), func(e *Entry) { e.PHC += "x" }), "phc: hash"},
		{"short key", change(authkeyEntry("a"), func(e *Entry) { e.Key = "12345" }), "DangerouslyAllowShortKey"},
		{"long key", change(authkeyEntry("a"), func(e *Entry) { e.Key = strings.Repeat("x", 4097) }), "key: got 4097 bytes"},
		{"key with its newline", change(authkeyEntry("a"), func(e *Entry) { e.Key += "\n" }), "key: it has a character that cannot be printed: a newline"},

		{"life", change(rawEntry("a"), func(e *Entry) { e.NotBefore, e.NotAfter = time.Unix(1, 0), time.Unix(2, 0) }), ""},
		{"no life", change(rawEntry("a"), func(e *Entry) { e.NotBefore, e.NotAfter = time.Unix(2, 0), time.Unix(2, 0) }), "not_after: want a time after not_before"},
		{"life that cannot be written", change(rawEntry("a"), func(e *Entry) { e.NotAfter = long }), "not_after: want a time of RFC 3339"},
	} {
		c, err := NewCredentials([]Entry{test.entry}, CredentialsConfig{})
		if test.want == "" {
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "auth: credentials: entry 0: ") {
			t.Errorf("%s: got %v, %v; want an error with %q", test.name, c, err, test.want)
		}
	}
}

func TestCheckID(t *testing.T) {
	for id, ok := range map[string]bool{
		"a": true, "0": true, "deploy-bot.k1": true, "a_b": true, "a-": true, "a..b": true,
		"": false, ".a": false, "-a": false, "_a": false, "A": false, "aB": false, "a b": false, "a:b": false,
		"a/b": false, "ä": false, "a\x00": false, "a\n": false, " a": false,
	} {
		err := checkID(id)
		if (err == nil) != ok {
			t.Errorf("%q: got %v; want ok %v", id, err, ok)
		}
		if err != nil && len(id) > 2 && strings.Contains(err.Error(), id) {
			t.Errorf("%q: the error quotes it: %v", id, err)
		}
	}
}

func TestSetsOfEntries(t *testing.T) {
	var keys []Entry
	for i := range MaxKeys + 1 {
		keys = append(keys, authkeyEntry(fmt.Sprint("k", i)))
	}
	later := time.Now().Add(time.Hour)
	over := append([]Entry(nil), keys...)
	over[0].NotAfter = time.Now().Add(-time.Hour)
	turns := append([]Entry(nil), keys...)
	turns[0].NotAfter, turns[16].NotBefore = later, later
	meet := append([]Entry(nil), keys...)
	meet[0].NotAfter, meet[16].NotBefore = later.Add(time.Second), later
	twin := authkeyEntry("b")
	twin.Key = authkeyEntry("a").Key
	for _, test := range []struct {
		name    string
		entries []Entry
		want    string
	}{
		{"none", nil, ""},
		{"all forms", []Entry{channelEntry("a"), rawEntry("b"), bearerEntry("c"), basicEntry("d"), authkeyEntry("e")}, ""},
		{"twice the same id", []Entry{rawEntry("a"), basicEntry("b"), authkeyEntry("a")}, "entry 2: its id a is that of entry 0"},
		{"as many keys as are tried", keys[:MaxKeys], ""},
		{"more keys than are tried", keys, "there are 17 live authkeys"},
		{"one of them is over", over, ""},
		{"one ends as another begins", turns, ""},
		{"more keys than are tried, later", meet, "entry 16: with k16 there are 17 live authkeys"},
		{"the same key twice", []Entry{authkeyEntry("a"), twin}, "entry 1: the key of b is that of entry 0"},
		{"too many", make([]Entry, maxEntries+1), "got 4097 entries; want 4096 at most"},
	} {
		if _, err := NewCredentials(test.entries, CredentialsConfig{}); test.want == "" && err != nil ||
			test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: got %v; want %q", test.name, err, test.want)
		}
	}
}

// What is given to NewCredentials, and what Entries returns, can be changed
// without an effect.
func TestEntriesAreCopied(t *testing.T) {
	e := rawEntry("a")
	c := newTestCredentials(t, e)
	e.Salt[0], e.StoredKey[0] = 'X', 'X'
	c.Entries()[0].ID = "b"
	if v, _, ok := c.channel("a"); !ok || v.Salt[0] == 'X' || v.StoredKey[0] == 'X' {
		t.Errorf("got %v, %v; want the entry as it was", v.Salt, ok)
	}
}

// Whatever is printed, logged, marshalled or complained about, no key is in it,
// nor what guesses could be tried on.
func TestCredentialsAreNeverShown(t *testing.T) {
	const canary = "canary-of-32-bytes-that-is-secret"
	channel, basic, authkey := channelEntry("a"), basicEntry("b"), authkeyEntry("c")
	channel.StoredKey, channel.ServerKey, channel.Salt = []byte(canary)[:32], []byte(canary)[:32], []byte(canary)
	basic.PHC = testPHC + "canaryofthirtytwobytesthatmustnotbeshownAAA"
	authkey.Key = canary
	entries := []Entry{channel, basic, authkey}
	c := newTestCredentials(t, entries...)
	path := filepath.Join(t.TempDir(), "credentials")
	if err := EditCredentials(path, func([]Entry) ([]Entry, error) { return entries, nil }); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	values := []any{
		c,
		struct{ Login any }{c},
		struct{ login *Credentials }{c},
		[]*Credentials{c},
		channel, basic, authkey, &authkey, entries,
		[]*Entry{&basic},
		map[string]Entry{"x": authkey},
		struct{ E Entry }{authkey},
		&struct{ E *Entry }{&channel}, c.Entries(),
	}
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Error(err)
		}
		out.Write(b)
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got, want := fmt.Sprintf(verb+" "+verb, c, authkey), "[credentials] [c of bot for authkey]"; got != want {
			t.Errorf("%s: got %q; want %q", verb, got, want)
		}
	}

	// The same secret in places where it makes a file wrong.
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for i, bad := range []string{
		canary, `"` + canary + `"`, `{"` + canary + `":"x"}`, `{"id":"` + canary + `!"}`, `{"id":"` + strings.ToUpper(canary) + `"}`,
		`{"id":"x","identity":"` + canary + `","use":"` + canary + `"}`,
		`{"id":"x","identity":"y","use":"authkey","key":"` + canary[:31] + `"}`,
		`{"id":"x","identity":"y","use":"authkey","key":"` + canary + `\u0000"}`,
		`{"id":"x","identity":"y","use":"channel","kdf":"` + canary + `","salt":"` + canary + `"}`,
		`{"id":"x","identity":"y","use":"http","phc":"` + canary + `"}`,
		`{"id":"x","identity":"y","use":"http","phc":"$argon2id$v=19$m=1,t=1,p=1$` + canary + `$` + canary + `"}`,
		`{"id":"x","not_after":"` + canary + `"}`,
		lines[3], strings.Replace(lines[3], `"c"`, `"d"`, 1), lines[3][:len(lines[3])-2], `{"mock_key":"` + canary + `","version":1}`,
	} {
		name := filepath.Join(t.TempDir(), "credentials")
		if err := os.WriteFile(name, []byte(string(text)+bad), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := LoadCredentials(name, CredentialsConfig{})
		if err == nil || !strings.Contains(err.Error(), name+":5: ") {
			t.Errorf("bad line %d: got %v; want an error at line 5", i, err)
		}
		errEdit := EditCredentials(name, func(all []Entry) ([]Entry, error) { return all, errors.New("too late") })
		if shortKey := i == 6; strings.Contains(fmt.Sprint(errEdit), "too late") != shortKey { // which is for a server to decide
			t.Errorf("bad line %d: got %v; want no edit", i, errEdit)
		}
		fmt.Fprintf(&out, "%v\n%v\n", err, errEdit)
	}

	shown := strings.ToLower(out.String())
	for _, form := range []string{
		"canary", "y2fuyxj5", "nhbmfye", "jyw5hcn", fmt.Sprintf("%x", "canary"), "99 97 110 97", "0x63, 0x61, 0x6e",
	} {
		if at := strings.Index(shown, form); at >= 0 {
			t.Errorf("a secret is shown as %q: …%s…", form, out.String()[max(0, at-200):min(len(shown), at+100)])
		}
	}
	for _, want := range []string{"[credentials]", "[a of bot for channel]", `"v":"[c of bot for authkey]"`, `{"id":"c","identity":"bot","use":"authkey"}`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got no %s", want)
		}
	}
}
