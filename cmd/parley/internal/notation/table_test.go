package notation

import (
	"bytes"
	"math/big"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

func TestTableOf(t *testing.T) {
	for name, tt := range map[string]struct {
		result any
		want   string
	}{
		"Number":  {int64(8), "8\n"},
		"Text":    {"two words", "two words\n"},
		"Nothing": {nil, "null\n"},
		"Empty":   {[]any{}, ""},
		"List":    {[]any{int64(1), "two", nil}, "1\ntwo\n\n"},
		"Lists":   {[]any{[]any{int64(1), "two"}, []any{"three", 4.0}}, "1      two\nthree  4.0\n"},
		"Record":  {map[string]any{"name": "Cup", "id": int64(2)}, "KEY   VALUE\nid    2\nname  Cup\n"},
		"Records": {
			[]any{map[string]any{"id": int64(1), "tags": []any{"a", true}}, map[string]any{"id": int64(22), "name": "x"}},
			"id  name  tags\n1         [\"a\",true]\n22  x     \n",
		},
		"Times": {
			[]any{map[string]any{"at": time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC), "by": nil, "sum": value.Decimal("1.50")}},
			"at                              by  sum\n2026-03-04T05:06:07.000000008Z      1.50\n",
		},
		"Local":   {value.LocalTime{Time: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}, "2026-03-04T05:06:07\n"},
		"UUID":    {[]any{value.UUID{1}, big.NewRat(22, 7)}, "01000000-0000-0000-0000-000000000000\n22/7\n"},
		"Mixed":   {[]any{map[string]any{"a": int64(1)}, int64(2)}, "{\"a\":1}\n2\n"},
		"Binary":  {[]byte{1, 2}, "{\"$binary\":\"AQI=\"}\n"},
		"Tuple":   {value.Tuple{int64(1), int64(2)}, "{\"$tuple\":[1,2]}\n"},
		"Wide":    {[]any{[]any{"日本", "x"}, []any{"abc", "y"}, []any{"e\u0301", "z"}}, "日本  x\nabc   y\ne\u0301     z\n"},
		"Hostile": {[]any{map[string]any{"a\x1b[2J": "b\nc\u202ed"}}, "a\\u001b[2J\nb\\nc\\u202ed\n"},
	} {
		var out bytes.Buffer
		if err := TableOf(tt.result).Print(&out); err != nil || out.String() != tt.want {
			t.Errorf("%s: got %v\n%q\nwant\n%q", name, err, &out, tt.want)
		}
	}
}
