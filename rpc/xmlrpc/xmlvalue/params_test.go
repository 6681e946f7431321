package xmlvalue

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/rpc/value"
)

func readParams(doc string, o Options) (any, error) {
	d, err := ReadParams([]byte(doc), o)
	if err != nil {
		return nil, err
	}
	v := value.DecodeAny(d)
	return v, d.Finish()
}

func TestReadParams(t *testing.T) {
	for _, tt := range []struct {
		name, doc string
		want      []any
	}{
		{"one", "<params>\n<param>\n<value><int>1</int></value>\n</param>\n</params>\n", []any{int64(1)}},
		{"none", "<params></params>", []any{}},
		{"none, as an empty element", "<params/>", []any{}},
		{"several", "<params><param><value>a</value></param><param/><param><value><array><data><value><nil/></value></data></array></value></param></params>", []any{"a", nil, []any{nil}}},
		{"a declaration and comments", "<?xml version='1.0' encoding='iso-8859-1'?><!-- <params> --><params><param><value>\xE9</value></param></params><!-- -->", []any{"é"}},
	} {
		got, err := readParams(tt.doc, Options{})
		if diff := cmp.Diff(any(tt.want), got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", tt.name, err, diff)
		}
	}
}

func TestReadParamsRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, doc string
		code      int
	}{
		{"nothing", "", CodeNotWellFormed},
		{"text", "world", CodeNotWellFormed},
		{"another root", "<methodCall><methodName>f</methodName></methodCall>", CodeInvalidRequest},
		{"a fault", "<fault><value>x</value></fault>", CodeInvalidRequest},
		{"a call that is an empty element", "<methodCall/>", CodeInvalidRequest},
		{"no end", "<params><param><value>x</value></param>", CodeNotWellFormed},
		{"more behind", "<params></params><params></params>", CodeNotWellFormed},
		{"a document type", "<!DOCTYPE params><params></params>", CodeNotWellFormed},
		{"too deep", "<params><param><value><array><data><value><array/></value></data></array></value></param></params>", CodeOverLimit},
		{"too many", "<params><param/><param/><param/><param/></params>", CodeOverLimit},
	} {
		_, err := readParams(tt.doc, Options{MaxDepth: 1, MaxElements: 3})
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || syntax.Code != tt.code {
			t.Errorf("%s: got %v; want a *SyntaxError with code %d", tt.name, err, tt.code)
		}
	}
	if _, err := ReadParams(nil, Options{MaxDepth: -1}); err == nil {
		t.Error("MaxDepth -1: got no error; want one")
	}
}
