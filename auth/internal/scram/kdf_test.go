package scram

import (
	"strings"
	"testing"
)

func TestParseKDF(t *testing.T) {
	for _, test := range []struct{ text, err string }{
		{"raw", ""},
		{"argon2id$v=19$m=65536,t=3,p=4", ""},
		{"argon2id$v=19$m=19456,t=2,p=1", ""},
		{"argon2id$v=19$m=38912,t=1,p=1", ""},
		{"argon2id$v=19$m=262144,t=10,p=16", ""},
		{"argon2id$v=19$m=19455,t=10,p=1", "19456 to 262144"},
		{"argon2id$v=19$m=262145,t=1,p=1", "19456 to 262144"},
		{"argon2id$v=19$m=2147483648,t=1,p=1", "19456 to 262144"},
		{"argon2id$v=19$m=4294967296,t=1,p=1", "out of range"},
		{"argon2id$v=19$m=9999999999,t=1,p=1", "out of range"},
		{"argon2id$v=19$m=19456,t=1,p=1", "38912 KiB in all"},
		{"argon2id$v=19$m=38911,t=1,p=1", "38912 KiB in all"},
		{"argon2id$v=19$m=65536,t=11,p=4", "1 to 10"},
		{"argon2id$v=19$m=65536,t=3,p=17", "1 to 16"},
		{"argon2id$v=19$m=65536,t=3,p=257", "out of range"},
		{"argon2id$v=19$m=65536,t=3,p=0", "want"},
		{"argon2id$v=19$m=65536,t=0,p=4", "want"},
		{"argon2id$v=19$m=065536,t=3,p=4", "want"},
		{"argon2id$v=19$m=+65536,t=3,p=4", "want"},
		{"argon2id$v=16$m=65536,t=3,p=4", "want"},
		{"argon2i$v=19$m=65536,t=3,p=4", "want"},
		{"$argon2id$v=19$m=65536,t=3,p=4", "want"},
		{"argon2id$v=19$m=65536,t=3,p=4\n", "want"},
		{"argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA", "want"},
		{"argon2id$v=19$t=3,m=65536,p=4", "want"},
		{"argon2id", "want"},
		{"RAW", "want"},
		{" raw", "want"},
		{"", "want"},
	} {
		k, err := ParseKDF(test.text)
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%q: got %v, %v; want an error with %q", test.text, k, err, test.err)
			}
			continue
		}
		if err != nil || k.String() != test.text {
			t.Errorf("%q: got %v, %v; want it back", test.text, k, err)
		}
	}
}

func TestDefaultKDF(t *testing.T) {
	if got, want := DefaultKDF().String(), "argon2id$v=19$m=65536,t=3,p=4"; got != want || DefaultKDF().Check() != nil {
		t.Errorf("got %s, %v; want %s", got, DefaultKDF().Check(), want)
	}
}
