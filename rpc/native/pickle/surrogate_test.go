package pickle

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc/value"
)

func TestSurrogates(t *testing.T) {
	const lone = "a\xed\xa0\x80é"
	for _, test := range []struct {
		name, data      string
		replaced, bytes any
	}{
		{"BINUNICODE", "X\x06\x00\x00\x00" + lone + ".", "a\uFFFDé", []byte(lone)},
		{"UNICODE", "Va\\ud800\xe9\n.", "a\uFFFDé", []byte(lone)},
		{"key", "}X\x06\x00\x00\x00" + lone + "Ns.", map[string]any{"a\uFFFDé": nil}, value.Map{{Key: []byte(lone), Value: nil}}},
		{"two that are no pair", "V\\udc00\\ud800\n.", "\uFFFD\uFFFD", []byte("\xed\xb0\x80\xed\xa0\x80")},
	} {
		if v, _, err := Decode([]byte(test.data), Options{}); err == nil || !strings.Contains(err.Error(), "lone surrogate") {
			t.Errorf("%s: refused: got %v, %v; want an error that says so", test.name, v, err)
		}
		got, _, err := Decode([]byte(test.data), Options{Surrogates: ReplaceSurrogates})
		if diff := cmp.Diff(test.replaced, got); err != nil || diff != "" {
			t.Errorf("%s: replaced: got error %v (-want +got):\n%s", test.name, err, diff)
		}
		got, _, err = Decode([]byte(test.data), Options{Surrogates: SurrogatesAsBytes})
		if diff := cmp.Diff(test.bytes, got); err != nil || diff != "" {
			t.Errorf("%s: as bytes: got error %v (-want +got):\n%s", test.name, err, diff)
		}
	}
	for _, s := range []Surrogates{RefuseSurrogates, ReplaceSurrogates, SurrogatesAsBytes} {
		if v, _, err := Decode([]byte("X\x04\x00\x00\x00\xed\xa0\x80\xff."), Options{Surrogates: s}); err == nil {
			t.Errorf("%d: bytes that are no str of Python either: got %v; want an error", s, v)
		}
	}
	if _, _, err := Decode([]byte("N."), Options{Surrogates: 3}); err == nil {
		t.Error("policy 3: got no error; want one")
	}
	if _, err := Append(nil, nil, EncodeOptions{Surrogates: 3}); err == nil {
		t.Error("policy 3, encoding: got no error; want one")
	}
}

func TestLiveSurrogates(t *testing.T) {
	python := peertest.Python(t)
	const lone = "a\xed\xa0\x80\xed\xb0\x81"
	if _, err := Append(nil, lone, EncodeOptions{}); err == nil {
		t.Error("refused: got no error; want one")
	}
	if _, err := Append(nil, "\xff", EncodeOptions{Surrogates: SurrogatesAsBytes}); err == nil {
		t.Error("bytes that are no text: got no error; want one")
	}
	for _, test := range []struct {
		s          Surrogates
		text, want string
	}{
		{ReplaceSurrogates, lone, `'a\ufffd\ufffd'`},
		{ReplaceSurrogates, "a\xffb\xed", `'a\ufffdb\ufffd'`},
		{SurrogatesAsBytes, lone, `'a\ud800\udc01'`},
	} {
		data, err := Append(nil, test.text, EncodeOptions{Surrogates: test.s})
		if err != nil {
			t.Fatal(err)
		}
		out := peertest.RunPython(t, t.Context(), python, fmt.Sprintf("import pickle\nprint(ascii(pickle.loads(bytes.fromhex('%x'))))", data))
		if strings.TrimSpace(out) != test.want {
			t.Errorf("%d, %q: got %s; want %s", test.s, test.text, out, test.want)
		}
	}
}
