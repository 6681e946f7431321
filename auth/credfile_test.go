package auth

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	keyLine    = `{"id":"a","identity":"bot","use":"authkey","key":"` + testKey + `"}`
	headerLine = `{"version":1,"mock_key":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}`
)

func TestCredentialsFile(t *testing.T) {
	with := func(more string) string { return strings.TrimSuffix(keyLine, "}") + `,` + more + `}` }
	for _, test := range []struct {
		name, text string
		entries    int
		want       string // in the error; empty for none
	}{
		{"entry", keyLine + "\n", 1, ""},
		{"no newline at the end", keyLine, 1, ""},
		{"header alone", headerLine + "\n", 0, ""},
		{"header without a key", `{"version":1}`, 0, ""},
		{"blank lines", "\n \t\r\n" + headerLine + "\n\n" + keyLine + "\r\n\n\n", 1, ""},
		{"spaces", ` { "id" : "a" , "identity":"bot","use":"authkey","key":"` + testKey + `" } `, 1, ""},
		{"escapes", strings.Replace(keyLine, "bot", `b\u006ft\ud83d\ude00`, 1), 1, ""},
		{"bounds", with(`"not_before":"2026-01-01T00:00:00Z","not_after":"2999-01-01T00:00:00.5+01:00"`), 1, ""},

		{"empty", "", 0, ":1: it is empty"},
		{"blank", "\n\n \n", 0, ":1: it is empty"},
		{"a key file", testKey + "\n", 0, ":1: byte"},
		{"two objects in a line", keyLine + keyLine, 0, ":1: byte 117: got what is no JSON"},
		{"cut off", keyLine[:len(keyLine)-1], 0, ":1: byte"},
		{"junk behind", keyLine + " x", 0, ":1: byte"},
		{"a comma at the end", strings.TrimSuffix(keyLine, "}") + ",}", 0, ":1: byte"},
		{"a comment", "# the bot\n" + keyLine, 0, ":1: byte 1: got what is no JSON"},
		{"a byte order mark", "\ufeff" + keyLine, 0, ":1: byte 1:"},
		{"an array", "[" + keyLine + "]", 0, ":1: byte 1: want a JSON object"},
		{"a string", `"a"`, 0, ":1: byte 1: want a JSON object"},
		{"null", "null", 0, ":1: byte 1: want a JSON object"},
		{"an object in two lines", strings.Replace(keyLine, ",", ",\n", 1), 0, ":1: byte"},
		{"the second line", keyLine + "\n{}\n", 0, ":2: id: got 0 bytes"},

		{"a name twice", with(`"key":"` + testKey + `x"`), 0, ":1: byte 116: got a name for the second time"},
		{"a name twice, escaped", with(`"ke\u0079":"` + testKey + `x"`), 0, "got a name for the second time"},
		{"an unknown name", with(`"password":"x"`), 0, ":1: field 5: got an unknown name; want id, identity"},
		{"a name in capitals", strings.Replace(keyLine, `"id"`, `"ID"`, 1), 0, ":1: field 1: got an unknown name"},
		{"null for a string", with(`"not_after":null`), 0, "want a string"},
		{"a bool", with(`"not_after":true`), 0, "want a string"},
		{"an object within", with(`"not_after":{}`), 0, "want a string"},
		{"an array within", with(`"salt":[1,2]`), 0, "want a string"},
		{"a number", with(`"not_after":1`), 0, ":1: field 5: got a number; want a string"},
		{"an empty string", with(`"phc":""`), 0, "got an empty string; leave the field out"},
		{"text that is not UTF-8", strings.Replace(keyLine, "bot", "b\xffot", 1), 0, "it is not UTF-8"},
		{"half a surrogate", strings.Replace(keyLine, "bot", `b\ud83dot`, 1), 0, "it is not UTF-8"},
		{"the wrong fields", with(`"salt":"AAAA"`), 0, ":1: got salt; an entry for authkey has key alone"},
		{"bad base64", with(`"salt":"AAA"`), 0, ":1: salt: it is not base64"},
		{"base64 with bits left over", with(`"salt":"AAB="`), 0, ":1: salt: it is not base64"},
		{"base64 with a newline", with(`"salt":"AA\nAA"`), 0, ":1: salt: it is not base64"},
		{"base64url", with(`"salt":"__8="`), 0, ":1: salt: it is not base64"},
		{"bad time", with(`"not_after":"2026-01-01"`), 0, ":1: not_after: want a time of RFC 3339"},
		{"the zero time", with(`"not_after":"0001-01-01T00:00:00Z"`), 0, ":1: not_after: want a time of RFC 3339"},
		{"an id twice", keyLine + "\n\n" + keyLine, 0, ":3: its id a is that of "},

		{"another version", `{"version":2}`, 0, ":1: version: want 1"},
		{"a version in quotes", `{"version":"1"}`, 0, ":1: version: want 1"},
		{"a version with a point", `{"version":1.0}`, 0, ":1: version: want 1"},
		{"header with more", `{"version":1,"id":"a"}`, 0, ":1: got an unknown field beside version"},
		{"header with a short key", `{"version":1,"mock_key":"AAAA"}`, 0, ":1: mock_key: got 3 bytes; want 32"},
		{"header with a bad key", `{"version":1,"mock_key":"?"}`, 0, ":1: mock_key: it is not base64"},
		{"header with a number for a key", `{"version":1,"mock_key":1}`, 0, ":1: got an unknown field beside version, or no string"},
		{"header behind an entry", keyLine + "\n" + headerLine, 0, ":2: field 1: got a number"},
		{"two headers", headerLine + "\n" + headerLine, 0, ":2: field 1: got a number"},
		{"a key without a version", `{"mock_key":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}`, 0, ":1: field 1: got an unknown name"},
		{"too large", keyLine + strings.Repeat("\n", 1<<20), 0, ": got more than 1048576 bytes"},
		{"too many entries", strings.Repeat(`{"id":"a"}`+"\n", 4097), 0, ":4097: got more than 4096 entries"},
	} {
		path := filepath.Join(t.TempDir(), "credentials")
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := LoadCredentials(path, CredentialsConfig{})
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.name, err)
		case test.want == "" && len(c.Entries()) != test.entries:
			t.Errorf("%s: got %d entries; want %d", test.name, len(c.Entries()), test.entries)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "auth: credentials: "+path+":")):
			t.Errorf("%s: got %v; want an error with %q", test.name, err, test.want)
		}
	}
}

func TestHeaderOfTheFile(t *testing.T) {
	set, err := parseCredentials("x", []byte(headerLine), setPolicy{})
	if err != nil || len(set.mockKey) != 32 || set.mockKey[31] != 31 {
		t.Errorf("got %v, %v; want 0 to 31", set.mockKey, err)
	}
	if set, err = parseCredentials("x", []byte(keyLine), setPolicy{}); err != nil || set.mockKey != nil {
		t.Errorf("got %v, %v; want none", set.mockKey, err)
	}
}

// Whatever a file says, it is no panic; and what can be read says the same once
// it is written again, and then again byte for byte.
func FuzzLoadCredentials(f *testing.F) {
	f.Add([]byte(headerLine + "\n" + keyLine + "\n"))
	f.Add([]byte(`{"version":1}` + "\n" + strings.Replace(keyLine, "bot", `b\u006f\u2028<&>`, 1)))
	f.Add([]byte(strings.TrimSuffix(keyLine, "}") + `,"not_before":"2026-01-01T00:00:00.000000001+23:59"}`))
	file := credentialFile{entries: []Entry{channelEntry("a"), rawEntry("b"), bearerEntry("c"), basicEntry("d"), authkeyEntry("e")}}
	file.entries[0].NotAfter = time.Unix(1<<31, 5)
	all, err := file.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(all)
	f.Add(bytes.ReplaceAll(all, []byte("\n"), []byte("\r\n\n")))
	f.Add(all[:len(all)/2])
	policy := setPolicy{allowShortKey: true, now: time.Unix(1<<31, 0)}
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := parseCredentials("file", data, policy)
		if err != nil {
			if text := err.Error(); !strings.HasPrefix(text, "file:") || len(text) > 512 {
				t.Fatalf("got %q; want an error that begins with the line, and quotes nothing long", text)
			}
			return
		}
		// Nothing that is asked of it panics.
		for _, id := range []string{"", "a", "b"} {
			set.live(id, UseChannel, policy.now)
			if v := set.mock(id, policy.now); v.Check() != nil {
				t.Fatalf("mock: %v", v.Check())
			}
		}
		set.untilTurn(policy.now)

		file := credentialFile{mockKey: set.mockKey, entries: set.entries()}
		written, err := file.encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseCredentials("file", written, policy)
		if err != nil || !sameEntries(again, file.entries) || !bytes.Equal(again.mockKey, set.mockKey) {
			t.Fatalf("written as %q: got %v, %v", written, again, err)
		}
		file = credentialFile{mockKey: again.mockKey, entries: again.entries()}
		if twice, err := file.encode(); err != nil || !bytes.Equal(twice, written) {
			t.Fatalf("got %q, %v; want %q", twice, err, written)
		}
	})
}

// The format is one that other programs write: this line is by hand.
func TestFileByHand(t *testing.T) {
	salt := base64.StdEncoding.EncodeToString([]byte("salt of sixteen."))
	key := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32))
	path := filepath.Join(t.TempDir(), "credentials")
	text := fmt.Sprintf(`{"id":"bot.k1","identity":"bot","use":"channel","kdf":"raw","salt":%q,"stored_key":%q,"server_key":%q,"not_after":"2999-12-31T23:59:59Z"}`, salt, key, key)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := LoadCredentials(path, CredentialsConfig{})
	if err != nil {
		t.Fatal(err)
	}
	v, who, ok := c.channel("bot.k1")
	if !ok || who.Name != "bot" || who.Credential != "bot.k1" || !v.KDF.Raw || string(v.Salt) != "salt of sixteen." || len(v.ServerKey) != 32 {
		t.Errorf("got %v, %v, %v; want the entry", v.KDF, who, ok)
	}
}
