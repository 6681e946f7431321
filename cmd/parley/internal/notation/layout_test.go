package notation

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
)

func TestLayJSON(t *testing.T) {
	for _, tt := range []struct {
		text  string
		width int
		want  string
	}{
		{`8`, 10, `8`},
		{`-1.5e+30`, 3, `-1.5e+30`},
		{`null`, 10, `null`},
		{`"a"`, 10, `"a"`},
		{`"[{\"\\"`, 10, `"[{\"\\"`},
		{`[]`, 1, `[]`},
		{`{}`, 1, `{}`},
		{`[1,2,3]`, 8, `[1,2,3]`},
		{`[1,2,3]`, 7, "[\n  1,\n  2,\n  3\n]"},
		{`{"a":1}`, 80, `{"a":1}`},
		{`{"a":1,"b":[1,2]}`, 13, "{\n  \"a\": 1,\n  \"b\": [1,2]\n}"},
		{`{"a":1,"b":[1,2]}`, 12, "{\n  \"a\": 1,\n  \"b\": [\n    1,\n    2\n  ]\n}"},
		{`[{"a":"x]y"},{"a":[]}]`, 15, "[\n  {\"a\":\"x]y\"},\n  {\"a\":[]}\n]"},
		{`["日本"]`, 9, `["日本"]`},
		{`["日本"]`, 8, "[\n  \"日本\"\n]"},
	} {
		if got := string(Layout(terminal.Painter{}, []byte(tt.text), tt.width)); got != tt.want {
			t.Errorf("%s in %d columns: got\n%s\nwant\n%s", tt.text, tt.width, got, tt.want)
		}
	}
	got := string(Layout(terminal.Painter{On: true}, []byte(`{"a":"b","c":1}`), 80))
	if want := "{\x1b[94m\"a\"\x1b[0m:\x1b[32m\"b\"\x1b[0m,\x1b[94m\"c\"\x1b[0m:1}"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}

// However it is set out, and whatever colours it has, it is the same JSON.
func FuzzLayJSON(f *testing.F) {
	for _, text := range []string{`{"a":[1,{"b":"\"]"}],"c":{}}`, `[[[[[]]]],"é\u202e"]`, `1`, `"\\"`} {
		f.Add(text, 20)
	}
	f.Fuzz(func(t *testing.T, text string, width int) {
		v, err := readJSON(text)
		if err != nil {
			return
		}
		flat, err := AppendJSON(nil, v)
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := json.Compact(&again, Layout(terminal.Painter{}, flat, width)); err != nil || again.String() != string(flat) {
			t.Errorf("got %s, %v; want %s", &again, err, flat)
		}
		painted := string(Layout(terminal.Painter{On: true}, flat, width))
		for _, colour := range []string{"\x1b[94m", "\x1b[32m", "\x1b[0m"} {
			painted = strings.ReplaceAll(painted, colour, "")
		}
		if plain := string(Layout(terminal.Painter{}, flat, width)); painted != plain {
			t.Errorf("got %q without its colours; want %q", painted, plain)
		}
	})
}
