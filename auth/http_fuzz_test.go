package auth

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// FuzzAuthorization: whatever a client sends is refused with a short error, or is
// a login that a credential can have, which its own text gives again.
func FuzzAuthorization(f *testing.F) {
	for _, seed := range []string{
		"", "Basic", "Basic ", "Bearer ", basic("ann", httpPassword), basic("ann", ":a:b"), basic("ann", ""), basic("", "x"), basic("ann", "\x00"),
		basic("bot.k_1", testKeyText), basic("ann", testKeyText), "Bearer " + testKeyText, "bearer  " + testKeyText, "Bearer " + testKeyText + "x",
		"Digest x", "Basic YW5uOnh=", "Basic\tYW5uOng=", "Basic YW5u\nOng=", "Negotiate", strings.Repeat("Basic ", 500),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, refused := parseAuthorization(text)
		if refused != nil {
			if s, _ := refused.HTTPStatus(); s != 401 || len(refused.Error()) > 200 || !utf8.ValidString(refused.Error()) || l.id != "" {
				t.Errorf("%q: got status %d, %q, %+v", text, s, refused, l)
			}
			return
		}
		if checkID(l.id) != nil {
			t.Errorf("%q: got the id %q", text, l.id)
		}
		switch {
		case l.key != nil:
			if again, refused := parseAuthorization("Bearer " + keyText(l.id, l.key)); refused != nil || again.id != l.id || string(again.key) != string(l.key) {
				t.Errorf("%q: got another login from the same key: %v", text, refused)
			}
		case l.password == "" || len(l.password) > maxPassphrase || !utf8.ValidString(l.password) || strings.ContainsFunc(l.password, unicode.IsControl):
			t.Errorf("%q: got the password %q", text, l.password)
		default:
			if again, refused := parseAuthorization(basic(l.id, l.password)); refused != nil || again.id != l.id || again.password != l.password {
				t.Errorf("%q: got another login from the same text: %v", text, refused)
			}
		}
	})
}
