package value_test

import (
	"math"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc/value"
)

func TestFaultParts(t *testing.T) {
	for _, test := range []struct {
		code, message any
		wantCode      int
		want          string
	}{
		{int64(4), "no", 4, "no"},
		{nil, "no", 0, "no"},
		{int64(4), nil, 4, ""},
		{nil, nil, 0, ""},
		{" -4\n", "no", -4, "no"},
		{"", "no", 0, "no"},
		{"AccessError", "no", 0, "AccessError: no"},
		{"AccessError", nil, 0, "AccessError"},
		{4.0, "no", 4, "no"},
		{4.5, "no", 0, "4.5: no"},
		{math.NaN(), "no", 0, "NaN: no"},
		{true, "no", 0, "true: no"},
		{int64(4), []byte("\xC3\xA9\xFF"), 4, "é\uFFFD"},
		{int64(4), int64(5), 4, "5"},
	} {
		if code, text := value.FaultParts(test.code, test.message); code != test.wantCode || text != test.want {
			t.Errorf("%#v, %#v: got %d, %q; want %d, %q", test.code, test.message, code, text, test.wantCode, test.want)
		}
	}
}

func TestClipLines(t *testing.T) {
	for in, want := range map[string]string{
		"a\n\tb\r\n":              "a\n\tb\r\n",
		"é \"quoted\" \\":         "é \"quoted\" \\",
		"red \x1b[31m":            `red \x1b[31m`,
		strings.Repeat("x", 64):   strings.Repeat("x", 64),
		strings.Repeat("x\n", 33): strings.Repeat(`x\n`, 32) + "…",
	} {
		if got := value.ClipLines(in, 64); got != want {
			t.Errorf("%q: got %q; want %q", in, got, want)
		}
	}
}
