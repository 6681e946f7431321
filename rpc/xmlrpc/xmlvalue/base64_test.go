package xmlvalue

import (
	"bytes"
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"testing"
)

// Every length, against the standard library, both ways and with white space
// wherever it can be.
func TestBase64AgainstTheStandardLibrary(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 200 {
		blob := make([]byte, n)
		for i := range blob {
			blob[i] = byte(rng.Uint32())
		}
		want := base64.StdEncoding.EncodeToString(blob)
		got := make([]byte, base64Len(n))
		encodeBase64(got, blob)
		if string(got) != want {
			t.Fatalf("%d bytes: encoded %s; want %s", n, got, want)
		}
		forms := []string{want, strings.TrimRight(want, "="), "\n" + want + " \t\r\n"}
		for range 20 {
			i := rng.IntN(len(want) + 1)
			forms = append(forms, want[:i]+" \n"+want[i:])
		}
		for _, every := range []int{1, 2, 3, 4, 5, 60, 76} {
			var lines strings.Builder
			for i, c := range []byte(want) {
				if i > 0 && i%every == 0 {
					lines.WriteByte('\n')
				}
				lines.WriteByte(c)
			}
			forms = append(forms, lines.String())
		}
		for _, form := range forms {
			back, bad := decodeBase64([]byte(form))
			if bad >= 0 || back == nil || !bytes.Equal(back, blob) {
				t.Fatalf("%d bytes: decoded %q as %x, bad at %d; want %x", n, form, back, bad, blob)
			}
		}
	}
}

// No byte beyond the alphabet, white space and padding is read over, at any place.
func TestBase64RefusesWhatIsNone(t *testing.T) {
	const good = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
	for i := range len(good) {
		for c := range 256 {
			in := []byte(good)
			in[i] = byte(c)
			want, err := base64.StdEncoding.DecodeString(string(in))
			got, bad := decodeBase64(in)
			switch {
			case strings.IndexByte(base64Alphabet, byte(c)) >= 0:
				if err != nil || bad >= 0 || !bytes.Equal(got, want) {
					t.Errorf("%q: got %q, bad at %d; want %q, %v", in, got, bad, want, err)
				}
			case c != '=' && !isSpace(byte(c)) && bad != i:
				t.Errorf("%q: got %q, bad at %d; want bad at %d", in, got, bad, i)
			}
		}
	}
	for in, at := range map[string]int{
		"A": 0, "AAAAA": 4, "=": 0, "A=": 1, "AAAA=": 4, "AA===": 4, "AA=A": 3, "AA=\n=x": 5, "AA.A": 2, "AAAAAAAA-": 8, "AAAA_AAA": 4, "AAA=AAAA": 4, "\u00e9": 0,
	} {
		if got, bad := decodeBase64([]byte(in)); bad != at {
			t.Errorf("%q: got %q, bad at %d; want bad at %d", in, got, bad, at)
		}
	}
	for in, want := range map[string]string{"": "", "QQ": "A", "QQ=": "A", "QQ==": "A", "QUI": "AB", "QUI=": "AB", "QUJD": "ABC", " Q Q = = ": "A"} {
		if got, bad := decodeBase64([]byte(in)); bad >= 0 || string(got) != want {
			t.Errorf("%q: got %q, bad at %d; want %q", in, got, bad, want)
		}
	}
}

func FuzzBase64(f *testing.F) {
	f.Add([]byte("eW91IGNhbid0"))
	f.Add([]byte("QQ=="))
	f.Add([]byte("AAAAAAAAAAAA\nAAAA AAA"))
	f.Fuzz(func(t *testing.T, in []byte) {
		got, bad := decodeBase64(in)
		stripped := strings.Map(func(r rune) rune {
			if r < 0x80 && isSpace(byte(r)) {
				return -1
			}
			return r
		}, string(in))
		want, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(stripped, "="))
		if bad < 0 && (err != nil || !bytes.Equal(got, want)) {
			t.Fatalf("%q: got %x; want %x, %v", in, got, want, err)
		}
		if std, err := base64.StdEncoding.DecodeString(stripped); err == nil && bad >= 0 {
			t.Fatalf("%q: bad at %d; want %x", in, bad, std)
		}
		out := make([]byte, base64Len(len(in)))
		encodeBase64(out, in)
		if want := base64.StdEncoding.EncodeToString(in); string(out) != want {
			t.Fatalf("%x: got %s; want %s", in, out, want)
		}
	})
}
