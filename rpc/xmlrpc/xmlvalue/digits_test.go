package xmlvalue

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// Numbers mean what strconv says they mean, wherever they end.
func TestNumbersAreStrconvs(t *testing.T) {
	check := func(text string) {
		t.Helper()
		checkNumber(t, text, "")
		checkNumber(t, text, "</int></value>")
		for _, behind := range []string{"/", ":", ".", " ", "e", "\xff\xff\xff", "\x00\x00\x00\x00\x00\x00\x00\x00"} {
			checkNumber(t, text, behind)
		}
	}
	for _, text := range []string{
		"", "-", "+", "+1", "0", "-0", "-0.0", ".5", "5.", "-.5", ".", "-.", "1e3", "1_0", "0x10", "0x1p4", "1.5.5", "--1", "nan", "inf", "-inf",
		"1" + strings.Repeat("0", 14), "1" + strings.Repeat("0", 15), "9007199254740993", "0.1", "0.3", "123456789012.345", "1234567890123.456",
		"0.000000000000001", "0.0000000000000001", "5e-324", "1.7976931348623157e308", "2e308", "4.35", "79.375", "00000000000000000001", "0000000.5",
	} {
		check(text)
	}
	for n := range 20 {
		check(strings.Repeat("9", n))
		check("-" + strings.Repeat("1", n))
		check("0." + strings.Repeat("7", n))
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		check(strconv.FormatInt(int64(r.Uint64())>>r.UintN(64), 10))
		check(strconv.FormatFloat(math.Ldexp(r.NormFloat64(), r.IntN(100)-50), 'f', r.IntN(18)-1, 64))
	}
}

func checkNumber(t *testing.T, text, behind string) {
	t.Helper()
	b := []byte(text + behind)
	got, err := parseFloat(b)
	want, wantErr := strconv.ParseFloat(string(b), 64)
	if (err == nil) != (wantErr == nil) || math.Float64bits(got) != math.Float64bits(want) {
		t.Errorf("parseFloat(%q): got %v, %v; want %v, %v", b, got, err, want, wantErr)
	}
	const most = 18
	length := 0
	for length < len(b) && (b[length]-'0' <= 9 || length == 0 && b[0] == '-') {
		length++
	}
	length = min(length, most)
	if string(b[:length]) == "-" {
		length = 0
	}
	n, size := digits(b, most)
	whole, _ := strconv.ParseInt(string(b[:length]), 10, 64)
	if n != whole || size != length {
		t.Errorf("digits(%q): got %d, %d; want %d, %d", b, n, size, whole, length)
	}
	if n, size := digits(b, 3); size > 3 {
		t.Errorf("digits(%q, 3): got %d, %d", b, n, size)
	}
}
