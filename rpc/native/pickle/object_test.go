package pickle

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/rpc/value"
)

// objectForms are the ways in which a message makes an object.
var objectForms = map[string]string{
	"NEWOBJ":         "\x80\x02cm\nC\n)\x81.",
	"NEWOBJ, state":  "\x80\x02cm\nC\n)\x81}X\x01\x00\x00\x00aK\x01sb.",
	"NEWOBJ, None":   "\x80\x02cm\nC\n)\x81Nb.",
	"NEWOBJ, tuple":  "\x80\x02cm\nC\nK\x01K\x02\x86\x81.",
	"NEWOBJ_EX":      "\x80\x04\x8c\x01m\x8c\x01C\x93K\x01\x85}\x8c\x01aK\x02s\x92.",
	"REDUCE":         "\x80\x02cm\nC\nK\x01\x85R.",
	"INST":           "(im\nC\n}X\x01\x00\x00\x00aK\x01sb.",
	"OBJ":            "(cm\nC\no.",
	"OBJ, arguments": "(cm\nC\nK\x01o.",
	"list items":     "\x80\x02cm\nC\n)\x81(K\x01K\x02e.",
	"dict items":     "\x80\x02cm\nC\n)\x81(K\x01K\x02K\x03]u.",
	"rebuilt":        "ccopy_reg\n_reconstructor\n(cm\nC\nc__builtin__\nlist\n(K\x01ltR.",
	"reference":      "cm\nC\n.",
	"within":         "\x80\x04\x8c\x01m\x8c\x03C.D\x93)\x81.",
	"getattr":        "c__builtin__\ngetattr\n(cm\nC\nX\x01\x00\x00\x00DtR.",
	"function":       "cos\nsystem\n(X\x04\x00\x00\x00truetR.",
}

// An Object comes back as the same, in all protocols that have a form for it.
func TestObjectForms(t *testing.T) {
	for name, data := range objectForms {
		var class *ClassError
		if v, _, err := Decode([]byte(data), Options{}); !errors.As(err, &class) {
			t.Errorf("%s: without Objects: got %v, %v; want a ClassError", name, v, err)
		}
		o := Options{Objects: true}
		want, _, err := Decode([]byte(data), o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, ok := want.(*Object); !ok {
			t.Errorf("%s: got %T; want an Object", name, want)
		}
		for protocol := 2; protocol <= MaxProtocol; protocol++ {
			if protocol < 4 && name == "NEWOBJ_EX" {
				continue
			}
			again, err := Append(nil, []any{want}, o.EncodeOptions(protocol))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			got, _, err := Decode(again, o)
			if diff := cmp.Diff(any([]any{want}), got, cmp.AllowUnexported(Object{})); err != nil || diff != "" {
				t.Errorf("%s, protocol %d: got error %v (-want +got):\n%s", name, protocol, err, diff)
			}
		}
		if _, err := Append(nil, want, EncodeOptions{}); err == nil || !strings.Contains(err.Error(), "EncodeOptions.Objects") {
			t.Errorf("%s: written without Objects: got error %v; want one that names the field", name, err)
		}
	}
}

func TestObjectsAreChecked(t *testing.T) {
	for _, test := range []struct {
		name     string
		o        Object
		protocol int
	}{
		{"no module", Object{Name: "C"}, 4},
		{"newline in the module", Object{Module: "m\nC", Name: "C"}, 4},
		{"newline in the name", Object{Module: "m", Name: "C\nx"}, 2},
		{"unknown How", Object{Module: "m", Name: "C", How: 9}, 4},
		{"rebuilt by hand", Object{Module: "m", Name: "C", How: Rebuilt, Args: value.Tuple{nil}}, 4},
		{"keywords before protocol 4", Object{Module: "m", Name: "C", Kwargs: map[string]any{"a": nil}}, 2},
		{"keywords of a call", Object{Module: "m", Name: "C", How: Call, Kwargs: map[string]any{"a": nil}}, 4},
		{"long name", Object{Module: strings.Repeat("m", 2000), Name: "C"}, 4},
	} {
		if data, err := Append(nil, &test.o, EncodeOptions{Objects: true, Protocol: test.protocol}); err == nil {
			t.Errorf("%s: got %q; want an error", test.name, data)
		}
	}
}

func TestBrokenObjects(t *testing.T) {
	for _, test := range []struct{ name, data, want string }{
		{"two states", "\x80\x02cm\nC\n)\x81}b}b.", "second state"},
		{"set items", "\x80\x04\x8c\x01m\x8c\x01C\x93)\x81(K\x01\x90.", "expected a set, got an instance of m.C"},
		{"keywords that are none", "\x80\x04\x8c\x01m\x8c\x01C\x93)]\x92.", "expected a dict of arguments"},
		{"keywords that are no text", "\x80\x04\x8c\x01m\x8c\x01C\x93)}K\x01K\x01s\x92.", "expected text as names"},
		{"base that is none", "ccopy_reg\n_reconstructor\n(cm\nC\nccollections\ndeque\n]tR.", "m.C is not plain data"},
		{"call of an object", "\x80\x02cm\nC\n)\x81)R.", "expected a class to call, got an instance of m.C"},
		{"name with a space", "c__builtin__\ngetattr\n(cm\nC\nX\x01\x00\x00\x00 tR.", "the name of an attribute"},
		{"long name", "c" + strings.Repeat("m", 2000) + "\nC\n.", "the name of a class"},
		{"getattr of a builtin", "c__builtin__\ngetattr\n(c__builtin__\nset\nX\x01\x00\x00\x00atR.", "class builtins.getattr is not plain data"},
	} {
		if v, _, err := Decode([]byte(test.data), Options{Objects: true}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, %v; want an error with %q", test.name, v, err, test.want)
		}
	}
}

// objectBombs want more than their size allows.
var objectBombs = []struct {
	name string
	data func() []byte
}{
	{"2^60 objects by sharing", func() []byte {
		b := []byte("\x80\x02cm\nC\n)\x81q\x00")
		for i := range byte(60) {
			b = append(b, "0cm\nC\n"...)
			b = append(b, opBinGet, i, opBinGet, i, opTuple2, opNewObj, opBinPut, i+1)
		}
		return append(b, opStop)
	}},
	{"16 M objects", func() []byte { return fill("\x80\x02cm\nC\nq\x00(", "h\x00)\x81", "l.") }},
	{"large state, again and again", func() []byte {
		return fill("\x80\x02("+strings.Repeat("K\x01N", 50_000)+"dq\x00cm\nC\nq\x01(", "h\x01)\x81h\x00b", "l.")
	}},
	{"large arguments, again and again", func() []byte {
		return fill("\x80\x02("+strings.Repeat("N", 100_000)+"tq\x00cm\nC\nq\x01(", "h\x01h\x00\x81", "l.")
	}},
	{"arguments of OBJ", func() []byte { return fill("(cm\nC\n", "N", "o.") }},
	{"keywords, again and again", func() []byte {
		return fill("\x80\x04("+strings.Repeat("K\x01N", 50_000)+"dq\x00cm\nC\nq\x01(", "h\x01)h\x00\x92", "l.")
	}},
	{"items one by one", func() []byte { return fill("\x80\x02cm\nC\n)\x81", "Na", ".") }},
	{"entries one by one", func() []byte { return fill("\x80\x02cm\nC\n)\x81", "NNs", ".") }},
	{"objects within each other", func() []byte { return fill("\x80\x02cm\nC\nq\x00N", "q\x010h\x00h\x01\x85\x81", ".") }},
	{"names by getattr", func() []byte {
		return fill("c__builtin__\ngetattr\nq\x00cm\n"+strings.Repeat("C", 1000)+"\nq\x01X\x0a\x00\x00\x00aaaaaaaaaaq\x02(", "h\x00h\x01h\x02\x86R", "l.")
	}},
}

// TestAllocationsOfObjectBombs: each is refused, and takes little memory until then.
func TestAllocationsOfObjectBombs(t *testing.T) {
	if raceEnabled {
		t.Skip("one goroutine reads for a long time: nothing that the race detector sees, and it counts allocations")
	}
	for _, o := range []Options{{Objects: true}, {Objects: true, Shared: true}} {
		for _, bomb := range objectBombs {
			data := bomb.data()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			v, _, err := Decode(data, o)
			runtime.ReadMemStats(&after)
			if !errors.Is(err, ErrLimit) {
				t.Errorf("%s: got %T, %v; want an error that is ErrLimit", bomb.name, v, err)
			}
			if taken := after.TotalAlloc - before.TotalAlloc; taken > maxTaken {
				t.Errorf("%s: took %d MiB of memory; want at most %d", bomb.name, taken>>20, maxTaken>>20)
			}
		}
	}
}
