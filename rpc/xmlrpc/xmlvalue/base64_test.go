package xmlvalue

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// Every length, against the standard library, both ways and with white space
// wherever it can be.
func TestBase64AgainstTheStandardLibrary(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 400 {
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
		for _, every := range []int{1, 2, 3, 4, 5, 60, 76, 200, 300} {
			for _, end := range []string{"\n", "\r", "\r\n"} {
				var lines strings.Builder
				for i, c := range []byte(want) {
					if i > 0 && i%every == 0 {
						lines.WriteString(end)
					}
					lines.WriteByte(c)
				}
				forms = append(forms, lines.String())
			}
		}
		forms = append(forms, want[:n/2]+"\r\r\r\r"+want[n/2:])
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

// The vector code writes to its slice and not beyond it.
func TestBase64StaysWithinItsMemory(t *testing.T) {
	const guard = "guard of what follows, which is somebody else's"
	for n := range 500 {
		blob := bytes.Repeat([]byte{byte(n)}, n)
		want := base64.StdEncoding.EncodeToString(blob)
		out := []byte(strings.Repeat(".", len(want)) + guard)
		encodeBase64(out[:len(want)], blob)
		if string(out) != want+guard {
			t.Fatalf("%d bytes: encoded %q", n, out)
		}
		text := []byte(strings.TrimRight(want, "="))
		back := []byte(strings.Repeat(".", len(text)/4*3) + guard)
		if run, _ := decodeLine(back[:len(text)/4*3], text); !bytes.HasSuffix(back, []byte(guard)) || !bytes.Equal(back[:run/4*3], blob[:run/4*3]) {
			t.Fatalf("%d bytes: decoded %d characters into %q", n, run, back)
		}
	}
}

func FuzzBase64(f *testing.F) {
	f.Add(bytes.Repeat([]byte("QUJD"), 100))
	f.Add(append(bytes.Repeat([]byte("QUJD"), 60), "\r\n\r\rQUJD=="...))
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

// BenchmarkBase64 compares the standard library, the tables and what is used.
func BenchmarkBase64(b *testing.B) {
	tables := func(dst, src []byte) { decodeRun(dst, src) }
	used := func(dst, src []byte) {
		run, _ := decodeLine(dst, src)
		decodeRun(dst[run/4*3:], src[run:])
	}
	std := func(dst, src []byte) { _, _ = base64.StdEncoding.Decode(dst, src) }
	for _, size := range []int{30, 1 << 10, 1 << 20} {
		blob := bytes.Repeat([]byte("a"), size/3*3)
		text := []byte(base64.StdEncoding.EncodeToString(blob))
		out := make([]byte, len(text)+8)
		for _, way := range []struct {
			name string
			do   func(dst, src []byte)
			src  []byte
		}{
			{"encode/std", base64.StdEncoding.Encode, blob},
			{"encode/used", encodeBase64, blob},
			{"decode/std", std, text},
			{"decode/tables", tables, text},
			{"decode/used", used, text},
		} {
			b.Run(fmt.Sprintf("%s/%d", way.name, size), func(b *testing.B) {
				b.SetBytes(int64(len(blob)))
				for b.Loop() {
					way.do(out, way.src)
				}
			})
		}
	}
}
