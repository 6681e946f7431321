package xmlvalue_test

import (
	"log/slog"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/rpc/value"
	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

// everything has a field for each kind of destination.
type everything struct {
	Bool  bool
	Text  string
	Int   int
	Int8  int8
	Uint  uint16
	Float float64
	Short float32
	Bytes []byte
	Time  time.Time
	Wall  value.LocalTime
	Big   big.Int
	Ints  []int
	Longs []int64
	Nums  []float64
	Texts []string
	Pair  [2]int
	Map   map[string]int
	Pairs value.Map
	Inner struct{ A, B int }
	Addr  netip.Addr
	Level slog.Level // takes no empty text
	// Pointers
	BoolPointer *bool
	TextPointer *string
	TimePointer *time.Time
	BigPointer  *big.Int
	Next        *everything
	// What takes whatever comes
	Any     any
	Later   value.Deferred
	Ignored value.Void
}

// decodeMembers reads a struct each of whose members, one for each field of
// everything, is content.
func decodeMembers(t *testing.T, content string, o xmlvalue.Options) (dst everything, err error) {
	t.Helper()
	var b strings.Builder
	b.WriteString("<methodResponse><params><param><value><struct>")
	for f := range reflect.TypeFor[everything]().Fields() {
		b.WriteString("<member><name>" + f.Name + "</name><value>" + content + "</value></member>")
	}
	b.WriteString("</struct></value></param></params></methodResponse>")
	d, err := xmlvalue.ReadResponse([]byte(b.String()), o)
	if err != nil {
		t.Fatal(err)
	}
	value.Decode(d, &dst)
	return dst, d.Finish()
}

func TestFalseIsZero(t *testing.T) {
	got, err := decodeMembers(t, "<boolean>0</boolean>", xmlvalue.Options{FalseIsZero: true})
	if err != nil {
		t.Fatal(err)
	}
	if got.BoolPointer == nil || *got.BoolPointer || got.Any != false || got.Later.Value() != false {
		t.Errorf("got %v, %v, %v; want false to stay false in *bool, any and Deferred", got.BoolPointer, got.Any, got.Later)
	}
	var later string
	if err := got.Later.Convert(&later); err != nil {
		t.Errorf("a Deferred that was read with FalseIsZero: %v", err)
	}
	got.BoolPointer, got.Any, got.Later = nil, nil, value.Deferred{}
	if !reflect.DeepEqual(got, everything{}) {
		t.Errorf("got %+v; want all fields zero", got)
	}
}

// TestFalseIsZeroOfOne: each destination by itself, first with a true, then
// without the option.
func TestFalseIsZeroOfOne(t *testing.T) {
	for f := range reflect.TypeFor[everything]().Fields() {
		takes := f.Type == reflect.TypeFor[bool]() || f.Type == reflect.TypeFor[*bool]() || f.Type.Kind() == reflect.Interface ||
			f.Type == reflect.TypeFor[value.Void]() || f.Type == reflect.TypeFor[value.Deferred]()
		for _, test := range []struct {
			content string
			o       xmlvalue.Options
			want    bool
		}{
			{"<boolean>1</boolean>", xmlvalue.Options{FalseIsZero: true}, takes},
			{"<boolean>0</boolean>", xmlvalue.Options{}, takes},
			{"<boolean>0</boolean>", xmlvalue.Options{FalseIsZero: true}, true},
			{"<boolean>2</boolean>", xmlvalue.Options{FalseIsZero: true}, f.Type == reflect.TypeFor[value.Void]()},
		} {
			document := "<methodResponse><params><param><value>" + test.content + "</value></param></params></methodResponse>"
			d, err := xmlvalue.ReadResponse([]byte(document), test.o)
			if err != nil {
				t.Fatal(err)
			}
			dst := reflect.New(f.Type)
			value.Decode(d, dst.Interface())
			err = d.Finish()
			if (err == nil) != test.want {
				t.Errorf("%s into %s, FalseIsZero %v: got %v; want accepted %v", test.content, f.Type, test.o.FalseIsZero, err, test.want)
			}
			if err == nil && !takes && !dst.Elem().IsZero() {
				t.Errorf("%s into %s: got %v; want zero", test.content, f.Type, dst.Elem())
			}
		}
	}
}

// TestFalseIsZeroWithin: in lists and maps, beside values that are there.
func TestFalseIsZeroWithin(t *testing.T) {
	const no = "<value><boolean>0</boolean></value>"
	list := "<array><data><value><int>1</int></value>" + no + "<value><int>3</int></value></data></array>"
	records := "<array><data><value><struct><member><name>A</name><value><int>1</int></value></member><member><name>B</name>" + no + "</member></struct></value>" + no + "</data></array>"
	type record struct{ A, B int }
	for _, test := range []struct {
		content string
		want    any
	}{
		{list, []int{1, 0, 3}},
		{list, []int64{1, 0, 3}},
		{list, []float64{1, 0, 3}},
		{list, []any{int64(1), false, int64(3)}},
		{list, [3]int{1, 0, 3}},
		{records, []record{{A: 1}, {}}},
		{records, []*record{{A: 1}, nil}},
		{"<struct><member><name>k</name>" + no + "</member></struct>", map[string]string{"k": ""}},
	} {
		d, err := xmlvalue.ReadResponse([]byte("<methodResponse><params><param><value>"+test.content+"</value></param></params></methodResponse>"), xmlvalue.Options{FalseIsZero: true})
		if err != nil {
			t.Fatal(err)
		}
		got := reflect.New(reflect.TypeOf(test.want))
		value.Decode(d, got.Interface())
		if err := d.Finish(); err != nil {
			t.Errorf("%T: %v", test.want, err)
		} else if diff := cmp.Diff(test.want, got.Elem().Interface()); diff != "" {
			t.Errorf("%T (-want +got):\n%s", test.want, diff)
		}
	}
}
