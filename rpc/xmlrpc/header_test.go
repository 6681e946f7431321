package xmlrpc

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTimeoutHeader(t *testing.T) {
	const limit = 25 * time.Second
	for _, test := range []struct {
		given []string
		want  time.Duration
		bad   bool
	}{
		{nil, limit, false},
		{[]string{"1500"}, 1500 * time.Millisecond, false},
		{[]string{"0"}, 0, false},
		{[]string{"26000"}, limit, false},
		{[]string{"9223372036854775807"}, limit, false},
		{[]string{"9223372036854775808"}, 0, true},
		{[]string{"-1"}, 0, true},
		{[]string{"1.5"}, 0, true},
		{[]string{"5s"}, 0, true},
		{[]string{""}, 0, true},
		{[]string{"1", "2"}, 0, true},
	} {
		h := http.Header{}
		for _, v := range test.given {
			h.Add("Parley-Timeout-Ms", v)
		}
		got, err := timeoutFrom(h, limit)
		if got != test.want || (err != nil) != test.bad {
			t.Errorf("%q: got %v, %v; want %v", test.given, got, err, test.want)
		}
	}
	for _, test := range []struct {
		left time.Duration
		want string
	}{{time.Second, "1000"}, {1, "1"}, {-5, "1"}, {1500 * time.Microsecond, "2"}} {
		h := http.Header{}
		if setTimeout(h, test.left); h.Get("Parley-Timeout-Ms") != test.want {
			t.Errorf("%v: sent %q; want %q", test.left, h.Get("Parley-Timeout-Ms"), test.want)
		}
	}
}

func TestMetaHeaders(t *testing.T) {
	sent := map[string]string{"trace-id": "a b, c", "x_y.z9": "", "name": "grüß Gott"}
	h := http.Header{"Content-Type": {"text/xml"}}
	if err := setMeta(h, sent); err != nil {
		t.Fatal(err)
	}
	got, err := metaFrom(h)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sent, got); diff != "" {
		t.Errorf("metadata changed on its way (-sent +got):\n%s", diff)
	}
	for _, bad := range []map[string]string{
		{"": "x"},
		{"Trace": "x"},
		{"a b": "x"},
		{"a:b": "x"},
		{"ä": "x"},
		{"a\r\nb": "x"},
		{"a": "x\r\nInjected: y"},
		{"a": "x\x00"},
		{"a": " x"},
		{"a": "x "},
		{"a": "\x7f"},
		{"a": strings.Repeat("x", 4096)},
	} {
		if err := setMeta(http.Header{}, bad); err == nil {
			t.Errorf("%q was not refused", bad)
		}
	}
	if meta, err := metaFrom(http.Header{"Parley-Meta-": {"x"}, "Parley-Metal": {"y"}}); meta != nil || err != nil {
		t.Errorf("got %v, %v; want nothing", meta, err)
	}
	if _, err := metaFrom(http.Header{"Parley-Meta-A": {strings.Repeat("x", 4096)}}); err == nil {
		t.Error("more than 4 KiB was not refused")
	}
}

func TestHostName(t *testing.T) {
	for _, test := range []struct {
		host, want string
		ok         bool
	}{
		{"localhost", "localhost", true},
		{"LocalHost.:80", "localhost", true},
		{"a:", "a", true},
		{"[::1]:80", "::1", true},
		{"[::1]", "::1", true},
		{"[::ffff:127.0.0.1]", "127.0.0.1", true},
		{"[fe80::1%25eth0]", "fe80::1", true},
		{"", "", false},
		{":80", "", false},
		{"a:b", "", false},
		{"a:80:80", "", false},
		{"::1", "", false},
		{"[::1", "", false},
		{"[::1]x", "", false},
		{"[127.0.0.1]", "", false},
		{"[]", "", false},
		{".", "", false},
	} {
		got, ok := hostName(test.host)
		if got != test.want || ok != test.ok {
			t.Errorf("%q: got %q, %v; want %q, %v", test.host, got, ok, test.want, test.ok)
		}
	}
}
