package auth

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/auth/internal/scram"
)

// testKeyText is the key 00 01 .. 1f of bot.k_1.
const testKeyText = "parley1_bot.k_1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8_356f0fb8"

func TestParseSecret(t *testing.T) {
	for text, want := range map[string]struct {
		id        string
		generated bool
		secret    string
	}{
		testKeyText:                           {"bot.k_1", true, "\x00\x01\x02"},
		"ann:correct horse":                   {"ann", false, "correct horse"},
		"ann:12345678":                        {"ann", false, "12345678"},
		"ann::colons: are : part:":            {"ann", false, ":colons: are : part:"},
		"0.a_b-c: spaces count ":              {"0.a_b-c", false, " spaces count "},
		"ann:пароль, ünïcödé":                 {"ann", false, "пароль, ünïcödé"},
		"ann:" + strings.Repeat("x", 8):       {"ann", false, strings.Repeat("x", 8)},
		"ann:" + strings.Repeat("é", 512):     {"ann", false, strings.Repeat("é", 512)},
		strings.Repeat("a", 64) + ":12345678": {strings.Repeat("a", 64), false, "12345678"},
	} {
		s, err := ParseSecret(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if s.ID() != want.id || s.Generated() != want.generated || !strings.HasPrefix(string(s.secret()), want.secret) {
			t.Errorf("%q: got %q, generated %v, %q; want %+v", text, s.ID(), s.Generated(), s.secret(), want)
		}
		if got := s.Reveal(); got != text {
			t.Errorf("%q: Reveal: got %q; want it back", text, got)
		}
	}
}

// The text of a secret that was damaged is refused with a hint, and the error
// shows nothing of it.
func TestDamagedSecretIsNotShown(t *testing.T) {
	summed := func(text string) string {
		return fmt.Sprintf("%s_%08x", text, crc32.ChecksumIEEE([]byte(text)))
	}
	key43 := testKeyText[16 : 16+keyChars]
	for _, test := range []struct{ text, want string }{
		{"", "want a generated key"},
		{"hunter2hunter2", "want a generated key"},
		{":hunter2hunter2", "before the colon"},
		{"Hunter2:hunter2hunter2", "before the colon"},
		{"hunter 2:hunter2hunter2", "before the colon"},
		{"-hunter2:hunter2hunter2", "before the colon"},
		{strings.Repeat("hunter2x", 8) + "x:hunter2hunter2", "before the colon"},
		{"hunter2", "want a generated key"},
		{"ann:hunter2", "got a passphrase of 7 bytes; want 8 to 1024"},
		{"ann:" + strings.Repeat("hunter2!", 129), "want 8 to 1024"},
		{"ann:hunter2\xffhunter2", "UTF-8"},
		{"ann:hunter2hunter2\r", "control character"},
		{"ann:hunter2\x00hunter2", "control character"},
		{"ann:hunter2\u0085hunter2", "control character"},
		{"bot:" + testKeyText, "without an id"},
		{"bot:" + strings.ToUpper(testKeyText), "without an id"},
		{"parley1_bot:hunter2hunter2", "a character that none has"},

		{testKeyText + " ", "white space"},
		{" " + testKeyText, "white space"},
		{testKeyText + "\r", "line end"},
		{"\"" + testKeyText + "\"", "quotation mark"},
		{"'" + testKeyText + "'", "quotation mark"},
		{strings.Replace(testKeyText, "_AAE", "_AAé", 1), "a character that none has"},
		{strings.ToUpper(testKeyText), "small letters"},
		{"Parley1_" + testKeyText[8:], "small letters"},
		{testKeyText[:len(testKeyText)-1], "not complete"},
		{testKeyText[:len(testKeyText)-9], "not complete"},
		{testKeyText[:30], "not complete"},
		{"parley1_", "not complete"},
		{"parley1_" + testKeyText[16:], "not complete"},
		{testKeyText + "0", "not complete"},
		{strings.Replace(testKeyText, "bot", "Bot", 1), "not complete"},
		{strings.Replace(testKeyText, "AAECA", "AAECB", 1), "checksum"},
		{strings.Replace(testKeyText, "bot", "bob", 1), "checksum"},
		{strings.ToLower(testKeyText), "checksum"},
		{testKeyText[:len(testKeyText)-8] + strings.ToUpper(testKeyText[len(testKeyText)-8:]), "checksum"},
		{summed("parley1_bot_" + key43[:42] + "."), "no key in it"},
		{summed("parley1_bot_" + key43[:42] + "9"), "no key in it"}, // bits behind the last byte
		{summed("parley1_parley1_x_" + key43), "an id does not begin with"},
	} {
		s, err := ParseSecret(test.text)
		if !errors.Is(err, ErrSecret) || s != nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: got %v, %v; want an error with %q", test.text, s, err, test.want)
			continue
		}
		shown := strings.ToLower(err.Error())
		for _, part := range []string{"hunter", "aaeca", key43[:8], "bot", "ann", testKeyText[len(testKeyText)-8:]} {
			if strings.Contains(shown, strings.ToLower(part)) {
				t.Errorf("%q: the error shows %q: %v", test.text, part, err)
			}
		}
	}
	if _, err := NewPassphrase("parley1_x", testPassphrase); !errors.Is(err, ErrSecret) {
		t.Errorf("an id like a key: got %v; want ErrSecret", err)
	}
	if _, err := GenerateSecret("Bot"); !errors.Is(err, ErrSecret) {
		t.Errorf("no id: got %v; want ErrSecret", err)
	}
}

// Every character of the text of a key counts.
func TestChangedKeyTextIsRefused(t *testing.T) {
	for i := range len(testKeyText) {
		for _, c := range []byte("aZ09_-.") {
			text := []byte(testKeyText)
			if text[i] == c {
				continue
			}
			text[i] = c
			if s, err := ParseSecret(string(text)); err == nil {
				t.Errorf("%s with %c at %d: got %s; want an error", testKeyText, c, i, s.Reveal())
			}
		}
	}
}

func TestGenerateSecret(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		s, err := GenerateSecret("bot.k1")
		if err != nil || !s.Generated() {
			t.Fatalf("got %v, %v; want a generated key", s, err)
		}
		seen[s.Reveal()] = true
		again, err := ParseSecret(s.Reveal())
		if err != nil || !bytes.Equal(again.secret(), s.secret()) || again.ID() != s.ID() {
			t.Fatalf("%s: got %v, %v; want it back", s.Reveal(), again, err)
		}
	}
	if len(seen) != 100 {
		t.Errorf("100 keys: got %d different ones", len(seen))
	}
}

func TestSecretFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secret")
	s, err := ParseSecret(testKeyText)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v; want mode 0600", info, err)
	}
	if got, err := LoadSecret(path); err != nil || got.Reveal() != testKeyText {
		t.Errorf("read back: got %v; want the key", err)
	}
	if err := s.WriteFile(path); !errors.Is(err, fs.ErrExist) || !errors.Is(err, ErrSecret) {
		t.Errorf("over a file: got %v; want fs.ErrExist", err)
	}
	if _, err := LoadSecret(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, ErrSecret) {
		t.Errorf("no file: got %v; want fs.ErrNotExist", err)
	}
	for _, test := range []struct {
		content string
		mode    fs.FileMode
		want    string // in the error; empty for none
	}{
		{"ann:" + testPassphrase, 0o600, ""},
		{"ann:" + testPassphrase + "\n", 0o400, ""},
		{"ann:" + testPassphrase + "\n\n", 0o600, "control character"},
		{"ann:" + testPassphrase + "\r\n", 0o600, "control character"},
		{"ann:" + testPassphrase, 0o644, "chmod 600"},
		{"ann:" + testPassphrase, 0o602, "chmod 600"},
		{"", 0o600, "want a generated key"},
		{"ann:" + strings.Repeat("x", 1<<20), 0o600, "secret"},
	} {
		path := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, test.mode); err != nil {
			t.Fatal(err)
		}
		s, err := LoadSecret(path)
		if test.want == "" {
			if err != nil || s.Reveal() != "ann:"+testPassphrase {
				t.Errorf("%.40q: got %v; want success", test.content, err)
			}
			continue
		}
		if !errors.Is(err, ErrSecret) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "correct") {
			t.Errorf("%.40q, mode %o: got %v; want an error with %q and the file", test.content, test.mode, err, test.want)
		}
	}
}

func TestSecretEntry(t *testing.T) {
	key, _, _ := testSecrets(t)
	phrase, err := NewPassphrase("ann", "thirty-two bytes, as a key has:!")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Secret{key, phrase} {
		e, err := s.Entry(UseChannel, "bot")
		if err != nil {
			t.Fatal(err)
		}
		kdf, err := scram.ParseKDF(e.KDF)
		if err != nil || kdf.Raw != s.Generated() {
			t.Errorf("KDF: got %s, %v", e.KDF, err)
		}
		if !kdf.Raw && e.KDF != "argon2id$v=19$m=65536,t=3,p=4" {
			t.Errorf("KDF: got %s; want the default", e.KDF)
		}
		v, err := scram.NewVerifier(kdf, e.Salt, s.secret())
		want := entryOf(s.ID(), "bot", v)
		if err != nil || len(e.Salt) != 16 || !reflect.DeepEqual(e, want) {
			t.Errorf("got %+v, %v; want %+v", e, err, want)
		}
		if _, err := s.Entry(UseAuthkey, "bot"); !errors.Is(err, ErrSecret) {
			t.Errorf("an authkey: got %v; want ErrSecret", err)
		}
		if _, err := s.Entry(UseChannel, ""); !errors.Is(err, ErrSecret) {
			t.Errorf("nobody: got %v; want ErrSecret", err)
		}
	}
	a, errA := key.Entry(UseHTTP, "bot")
	b, errB := key.Entry(UseHTTP, "bot")
	if errA != nil || errB != nil || a.KDF != "raw" || a.ServerKey != nil || a.PHC != "" || len(a.StoredKey) != 32 || bytes.Equal(a.Salt, b.Salt) {
		t.Errorf("a key for HTTP: got %+v and %+v, %v, %v; want raw, with a salt of its own and without a server key", a, b, errA, errB)
	}
	e, err := phrase.Entry(UseHTTP, "ann")
	if err != nil || !strings.HasPrefix(e.PHC, "$argon2id$v=19$m=65536,t=3,p=4$") || e.KDF != "" || e.Salt != nil || e.StoredKey != nil {
		t.Errorf("a passphrase for HTTP: got %+v, %v; want a PHC and nothing else", e, err)
	}
	if _, err := (*Secret)(nil).Entry(UseChannel, "bot"); !errors.Is(err, ErrSecret) {
		t.Errorf("no secret: got %v; want ErrSecret", err)
	}
}

func TestAuthorization(t *testing.T) {
	for text, want := range map[string]string{
		testKeyText:          "Bearer " + testKeyText,
		"ann:pass: wörd":     "Basic " + base64.StdEncoding.EncodeToString([]byte("ann:pass: wörd")),
		"aladdin:opensesame": "Basic YWxhZGRpbjpvcGVuc2VzYW1l",
	} {
		s, err := ParseSecret(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Authorization(); err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", text, got, err, want)
		}
	}
	if _, err := (*Secret)(nil).Authorization(); !errors.Is(err, ErrSecret) {
		t.Errorf("no secret: got %v; want ErrSecret", err)
	}
}

// Whatever is printed, logged or marshalled, the secret is not in it.
func TestSecretIsNeverShown(t *testing.T) {
	const phrase = "0123456789abcdef"
	bytesOfKey := []byte("01234567\x80\x81\x8289abcdef0123456789012")
	p, err := NewPassphrase("ann", phrase)
	if err != nil {
		t.Fatal(err)
	}
	k := newSecret("bot", true, bytesOfKey[:32])
	if _, err := k.salted(t.Context(), scram.KDF{Raw: true}, []byte("salt of 16 bytes")); err != nil { // remembered now
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, s := range []*Secret{p, k} {
		for _, v := range []any{
			s, *s, &s,
			[]*Secret{s},
			map[string]*Secret{"s": s},
			[]Secret{*s},
			struct{ Login *Secret }{s},
			struct{ login *Secret }{s},
			struct{ login Secret }{*s},
			&struct{ login any }{*s},
		} {
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
			if got := fmt.Sprintf(verb+" "+verb, s, *s); got != redactedSecret+" "+redactedSecret {
				t.Errorf("%s: got %q; want %q twice", verb, got, redactedSecret)
			}
		}
	}
	shown := strings.ToLower(out.String())
	for _, form := range []string{
		phrase[:8], fmt.Sprintf("%x", phrase[:8]), strings.Trim(fmt.Sprint([]byte(phrase[:8])), "[]"),
		"0x30, 0x31, 0x32", "u+0030", strings.ToLower(base64.RawStdEncoding.EncodeToString([]byte(phrase[:6]))),
	} {
		if strings.Contains(shown, form) {
			t.Errorf("the secret is shown as %q in\n%s", form, out.String())
		}
	}
	if !strings.Contains(shown, redactedSecret) {
		t.Errorf("got no %q in\n%s", redactedSecret, out.String())
	}
}
