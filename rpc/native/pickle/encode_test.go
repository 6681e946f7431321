package pickle

import (
	"errors"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// goldenEncodings are checked by CPython in peer_test.go as far as their values
// go; here the bytes are held fast.
var goldenEncodings = []struct {
	name     string
	v        any
	protocol int
	want     string
}{
	{"nil", nil, 4, "\x80\x04N."},
	{"int, smallest forms", []any{1, 256, 65536, -1, int64(1 << 31), int64(math.MinInt64)}, 2, "\x80\x02](K\x01M\x00\x01J\x00\x00\x01\x00J\xff\xff\xff\xff\x8a\x05\x00\x00\x00\x80\x00\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80e."},
	{"big integers", []any{bigFrom("0x8000000000000000"), bigFrom("-0x8000000000000001"), big.NewInt(5)}, 2, "\x80\x02](\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00\x8a\x09\xff\xff\xff\xff\xff\xff\xff\x7f\xffK\x05e."},
	{"floats", []float64{1.5}, 4, "\x80\x04](G?\xf8\x00\x00\x00\x00\x00\x00e."},
	{"ints", []int64{1, -1}, 4, "\x80\x04](K\x01J\xff\xff\xff\xffe."},
	{"text, 4", "é", 4, "\x80\x04\x8c\x02\xc3\xa9."},
	{"text, 2", "é", 2, "\x80\x02X\x02\x00\x00\x00\xc3\xa9."},
	{"bytes, 4", []byte{0xff}, 4, "\x80\x04C\x01\xff."},
	{"bytes, 2", []byte{0xff}, 2, "\x80\x02c_codecs\nencode\nq\x00X\x02\x00\x00\x00\xc3\xbfX\x06\x00\x00\x00latin1\x86R."},
	{"no bytes, 2", []byte{}, 2, "\x80\x02c__builtin__\nbytes\nq\x00)R."},
	{"bytearray, 5", value.ByteArray{1}, 5, "\x80\x05\x96\x01\x00\x00\x00\x00\x00\x00\x00\x01."},
	{"empty containers", []any{[]any{}, value.Tuple{}, map[string]any{}, value.Set{}}, 4, "\x80\x04](])}\x8fe."},
	{"tuples", value.Tuple{value.Tuple{1}, value.Tuple{1, 2}, value.Tuple{1, 2, 3}, value.Tuple{1, 2, 3, 4}}, 2, "\x80\x02(K\x01\x85K\x01K\x02\x86K\x01K\x02K\x03\x87(K\x01K\x02K\x03K\x04tt."},
	{"set, 2, class written once", []any{value.Set{Items: []any{1}}, value.Set{}}, 2, "\x80\x02](c__builtin__\nset\nq\x00](K\x01e\x85Rh\x00]\x85Re."},
	{"names written once", []any{map[string]any{"a": 1}, map[string]any{"a": "a"}}, 4, "\x80\x04](}(\x8c\x01a\x94K\x01u}(h\x00\x8c\x01aue."},
	{"table", []struct {
		A int    `rpc:"a"`
		B string `rpc:"b"`
	}{{1, "x"}, {2, "y"}}, 4, "\x80\x04\x8c\x01a\x940\x8c\x01b\x940](}(h\x00K\x01h\x01\x8c\x01xu}(h\x00K\x02h\x01\x8c\x01yue."},
	{"table, 2", []struct{ A int }{{1}, {2}}, 2, "\x80\x02X\x01\x00\x00\x00Aq\x000](}(h\x00K\x01u}(h\x00K\x02ue."},
	{"list as a key", value.Map{{Key: []any{1, []any{2}}, Value: []any{3}}}, 4, "\x80\x04}(K\x01K\x02\x85\x86](K\x03eu."},
	{"set within a set", value.Set{Items: []any{value.Set{Items: []any{1}}}}, 4, "\x80\x04\x8f((K\x01\x91\x90."},
	{"bytearray as a key", value.Map{{Key: value.ByteArray{1}, Value: nil}}, 4, "\x80\x04}(C\x01\x01Nu."},
	{"zone written once", []time.Time{time.Unix(0, 0).UTC(), time.Unix(1, 0).UTC()}, 3, "\x80\x03](cdatetime\ndatetime\nq\x00C\x0a\x07\xb2\x01\x01\x00\x00\x00\x00\x00\x00cdatetime\ntimezone\nq\x01cdatetime\ntimedelta\nq\x02K\x00K\x00K\x00\x87R\x85Rq\x03\x86Rh\x00C\x0a\x07\xb2\x01\x01\x00\x00\x01\x00\x00\x00h\x03\x86Re."},
	{"time, 2: naive, in UTC", time.Unix(0, 0).In(time.FixedZone("", 3600)), 2, "\x80\x02cdatetime\ndatetime\nq\x00c_codecs\nencode\nq\x01X\x0b\x00\x00\x00\x07\xc2\xb2\x01\x01\x00\x00\x00\x00\x00\x00X\x06\x00\x00\x00latin1\x86R\x85R."},
	{"exception, 2", NewException("ConnectionError", "x"), 2, "\x80\x02cexceptions\nOSError\nq\x00X\x01\x00\x00\x00x\x85R."},
	{"range, 2", value.Range{Stop: 3, Step: 1}, 2, "\x80\x02c__builtin__\nxrange\nq\x00K\x00K\x03K\x01\x87R."},
}

func TestAppendGolden(t *testing.T) {
	for _, test := range goldenEncodings {
		got, err := Append([]byte("before"), test.v, EncodeOptions{Protocol: test.protocol})
		if err != nil || string(got) != "before"+test.want {
			t.Errorf("%s: got %q, %v;\nwant %q", test.name, got, err, "before"+test.want)
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	cycle := []any{nil}
	cycle[0] = cycle
	for _, test := range []struct {
		name string
		v    any
		o    EncodeOptions
		want string
	}{
		{"text that is no UTF-8", "\xff", EncodeOptions{}, "expected text in UTF-8"},
		{"name that is no UTF-8", map[string]any{"\xff": 1}, EncodeOptions{}, "expected text in UTF-8"},
		{"protocol 1", nil, EncodeOptions{Protocol: 1}, "expected 2 to 5, got 1"},
		{"protocol 6", nil, EncodeOptions{Protocol: 6}, "expected 2 to 5, got 6"},
		{"negative depth", nil, EncodeOptions{MaxDepth: -1}, "MaxDepth: expected 0 or more"},
		{"list within itself", cycle, EncodeOptions{}, "more than 64 containers"},
		{"depth", []any{[]any{[]any{}}}, EncodeOptions{MaxDepth: 2}, "more than 2 containers"},
		{"map as a key", value.Map{{Key: map[string]any{}, Value: 1}}, EncodeOptions{}, "a map cannot be a key"},
		{"map in a set", value.Set{Items: []any{value.Tuple{map[string]any{}}}}, EncodeOptions{}, "a map cannot be a key"},
		{"Decimal that is none", value.Decimal("1/2"), EncodeOptions{}, "expected a decimal number"},
		{"range with step 0", value.Range{}, EncodeOptions{}, "a step other than 0"},
		{"year 0", time.Time{}.AddDate(-1, 0, 0), EncodeOptions{}, "expected a year from 1 to 9999"},
		{"year 10000", value.LocalTime{Time: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, EncodeOptions{}, "expected a year from 1 to 9999"},
		{"day that is none", Date{2023, 2, 29}, EncodeOptions{}, "expected a day"},
		{"25 hours", Clock{Hour: 25}, EncodeOptions{}, "expected a time of day"},
		{"Delta that is not normalized", Delta{Seconds: -1}, EncodeOptions{}, "expected a Delta"},
		{"exception that is not builtin", NewException("os.system", "x"), EncodeOptions{}, "builtin exceptions"},
		{"exception with a newline", NewException("A\nB", "x"), EncodeOptions{Protocol: 2}, "builtin exceptions"},
		{"UnicodeDecodeError without its arguments", NewException("UnicodeDecodeError", "x"), EncodeOptions{}, "the arguments that UnicodeDecodeError takes"},
		{"UnicodeEncodeError with bytes", &Exception{Class: "UnicodeEncodeError", Args: []any{"utf-8", []byte{1}, 0, 1, "x"}}, EncodeOptions{}, "the arguments that UnicodeEncodeError takes"},
		{"ExceptionGroup of texts", &Exception{Class: "ExceptionGroup", Args: []any{"x", []any{"y"}}}, EncodeOptions{}, "the arguments that ExceptionGroup takes"},
		{"function", func() {}, EncodeOptions{}, "cannot cross the wire"},
	} {
		got, err := Append([]byte("before"), test.v, test.o)
		if err == nil || !strings.HasPrefix(err.Error(), "pickle: ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got error %v; want one with %q", test.name, err, test.want)
		}
		if string(got) != "before" {
			t.Errorf("%s: got %q; want what was there before", test.name, got)
		}
	}
	if _, err := Append(nil, cycle, EncodeOptions{}); !errors.Is(err, ErrLimit) {
		t.Errorf("list within itself: got error %v; want one that is ErrLimit", err)
	}
}

// Decode of Append is identity, at each protocol.
func TestRoundTrip(t *testing.T) {
	for _, v := range peerValues {
		for protocol := 2; protocol <= MaxProtocol; protocol++ {
			if v.outward || v.aware && protocol == 2 {
				continue
			}
			data, err := Append(nil, v.want, EncodeOptions{Protocol: protocol})
			if err != nil {
				t.Errorf("%s: Append: %v", v.python, err)
				continue
			}
			got, info, err := Decode(data, Options{})
			if err != nil {
				t.Errorf("%s: Decode: %v", v.python, err)
				continue
			}
			if diff := difference(v.want, got); diff != "" {
				t.Errorf("%s: protocol %d (-want +got):\n%s", v.python, protocol, diff)
			}
			if info.Protocol != protocol {
				t.Errorf("%s: got protocol %d; want %d", v.python, info.Protocol, protocol)
			}
		}
	}
}

// More names than the memo takes, more memo entries than one byte numbers.
func TestManyNames(t *testing.T) {
	m := numbered(maxNames + 300)
	for protocol := 2; protocol <= MaxProtocol; protocol++ {
		v := []any{m, m}
		data, err := Append(nil, v, EncodeOptions{Protocol: protocol})
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := Decode(data, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, any(v)) {
			t.Errorf("protocol %d: got another value back", protocol)
		}
	}
}

func TestExceptionsWithTheirArguments(t *testing.T) {
	for _, e := range []*Exception{
		{Class: "UnicodeEncodeError", Args: []any{"utf-8", "x", 0, 1, "x"}},
		{Class: "UnicodeTranslateError", Args: []any{"x", 0, 1, "x"}},
		{Class: "SyntaxError", Args: []any{"x"}},
		{Class: "SyntaxError", Args: []any{"x", value.Tuple{"file", 1, 2, "text"}}},
		{Class: "ExceptionGroup", Args: []any{"x", value.Tuple{NewException("KeyError", "y")}}},
		{Class: "StandardError"},
	} {
		data, err := Append(nil, e, EncodeOptions{})
		if err != nil {
			t.Errorf("%v: %v", e, err)
			continue
		}
		want := e.Class
		if want == "StandardError" { // which Python 3 does not have
			want = "Exception"
		}
		if v, _, err := Decode(data, Options{}); err != nil || v.(*Exception).Class != want {
			t.Errorf("%v: got %v, %v back", e, v, err)
		}
	}
}

func TestAnswerProtocol(t *testing.T) {
	for protocol, want := range map[int]int{-1: 2, 0: 2, 1: 2, 2: 2, 3: 3, 4: 4, 5: 5, 9: 5} {
		if got := AnswerProtocol(protocol); got != want {
			t.Errorf("AnswerProtocol(%d): got %d; want %d", protocol, got, want)
		}
	}
}

func TestExceptionText(t *testing.T) {
	for _, test := range []struct {
		e    *Exception
		want string
	}{
		{NewException("ValueError", "no"), "ValueError: no"},
		{&Exception{Class: "ValueError"}, "ValueError"},
		{&Exception{Class: "OSError", Args: []any{int64(2), "No such file"}}, "OSError: [Errno 2] No such file"},
		{&Exception{Class: "TypeError", Args: []any{"a", int64(1)}}, "TypeError: a, 1"},
		{NewException("ValueError", "a\nb\x1b[31m"), `ValueError: a\nb\x1b[31m`},
	} {
		if got := test.e.Error(); got != test.want {
			t.Errorf("got %q; want %q", got, test.want)
		}
	}
}

func TestDeltaDuration(t *testing.T) {
	for _, d := range []time.Duration{0, time.Microsecond, -time.Microsecond, 36 * time.Hour, -36 * time.Hour, 250 * 365 * 24 * time.Hour} {
		delta := NewDelta(d)
		if got, ok := delta.Duration(); got != d || !ok || !delta.valid() {
			t.Errorf("NewDelta(%v) = %+v: got %v, %v back", d, delta, got, ok)
		}
	}
	if got := NewDelta(-1); got != (Delta{-1, 86399, 999999}) {
		t.Errorf("NewDelta(-1 ns): got %+v; want the microsecond before 0", got)
	}
	for _, d := range []Delta{{Days: 106_752}, {Days: -106_753}, {Days: maxDeltaDays}} {
		if got, ok := d.Duration(); ok {
			t.Errorf("%+v: got %v; want that it does not fit", d, got)
		}
	}
}

func TestDatesAsText(t *testing.T) {
	for _, test := range []struct {
		v    interface{ MarshalText() ([]byte, error) }
		want string
	}{
		{Date{2024, 2, 29}, "2024-02-29"},
		{Clock{1, 2, 3, 0}, "01:02:03"},
		{Clock{1, 2, 3, 45}, "01:02:03.000045"},
	} {
		text, err := test.v.MarshalText()
		if string(text) != test.want || err != nil {
			t.Errorf("got %q, %v; want %q", text, err, test.want)
		}
	}
	var d Date
	if err := d.UnmarshalText([]byte("2024-02-29")); err != nil || d != (Date{2024, 2, 29}) {
		t.Errorf("got %v, %v; want 2024-02-29", d, err)
	}
	var c Clock
	if err := c.UnmarshalText([]byte("01:02:03.000045")); err != nil || c != (Clock{1, 2, 3, 45}) {
		t.Errorf("got %v, %v; want 01:02:03.000045", c, err)
	}
	if err := d.UnmarshalText([]byte("2024-02-30")); err == nil {
		t.Error("February 30: got no error; want one")
	}
	if err := c.UnmarshalText([]byte("25:00:00")); err == nil {
		t.Error("25:00: got no error; want one")
	}
}
