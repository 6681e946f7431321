package xmlvalue

import (
	"errors"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc/value"
)

// FuzzAppendRewritten: a response that is written anew says what it said before, or
// is refused because of an integer that the plain form does not have.
func FuzzAppendRewritten(f *testing.F) {
	for _, tt := range valueTests {
		f.Add([]byte(response(tt.xml)))
	}
	for _, tt := range faultTests {
		f.Add([]byte(faultDocument(tt.members)))
	}
	f.Add([]byte(response("<struct><member><value>1</value><name/></member><member><name>a</name><value/></member></struct>")))
	f.Fuzz(func(t *testing.T, doc []byte) {
		d, err := ReadResponse(doc, Options{})
		if err != nil {
			return
		}
		want := value.DecodeAny(d)
		isFault := d.fault.ok
		wantErr := d.Finish()
		again, _ := ReadResponse(doc, Options{})
		out, err := AppendRewritten([]byte("x"), again, Options{})
		if isFault {
			if wantErr = d.failure(); wantErr == nil {
				t.Fatal("a value beside a fault")
			}
		}
		switch {
		case isFault && err == nil:
		case err != nil && wantErr != nil:
			return
		case err != nil && strings.Contains(err.Error(), "does not fit <i8>"):
			var v *value.Error
			if !errors.As(err, &v) || string(out) != "x" {
				t.Fatalf("got %T, %q", err, out)
			}
			return
		case (err == nil) != (wantErr == nil):
			t.Fatalf("rewriting: %v; reading: %v", err, wantErr)
		}
		plain, err := ReadResponse(out[1:], Options{})
		if err != nil {
			t.Fatalf("what was rewritten cannot be read: %v\n%s", err, out)
		}
		if isFault {
			if code, message, ok := plain.Fault(); !ok || code != again.fault.code || message != strings.ToValidUTF8(strings.Map(carried, again.fault.message), "\uFFFD") {
				t.Fatalf("got the fault %d, %q; want %v", code, message, again.fault)
			}
			return
		}
		if got := value.DecodeAny(plain); plain.Finish() != nil || !same(got, want) {
			t.Fatalf("got %#v, %v; want %#v\n%s", got, plain.Finish(), want, out)
		}
	})
}
