package xmlvalue

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// plainEncoder hides that an Encoder knows rows.
type plainEncoder struct{ value.VoidSink }

// Lists of structs are written by rows as they are written without them.
func TestTablesAreLists(t *testing.T) {
	type inner struct {
		A int   `rpc:"a"`
		B []int `rpc:"b"`
	}
	type outer struct {
		Less   int            `rpc:"<&>"`
		Text   string         `rpc:"text"`
		List   []inner        `rpc:"list"`
		Any    any            `rpc:"any"`
		Map    map[string]any `rpc:"map"`
		When   time.Time      `rpc:"when"`
		Blob   []byte         `rpc:"blob"`
		Struct inner          `rpc:"struct"`
		Void   value.Void     `rpc:"void"`
	}
	type control struct {
		A int `rpc:"a\x01"`
	}
	when := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	in := inner{1, []int{2, 3}}
	full := outer{1, "a<b", []inner{in, in, in}, []inner{in, in}, map[string]any{"k": []inner{in, in}}, when, []byte{1}, in, value.Void{}}
	bad := full
	bad.List = []inner{in, in, {2, nil}}
	for name, v := range map[string]any{
		"records":         benchRecords()[:3],
		"nested":          []outer{full, full, full},
		"empty":           []struct{}{{}, {}},
		"nil within":      []outer{full, bad, {}},
		"bad text":        []outer{full, {Text: "\x01", When: when}},
		"bad nested text": []outer{full, {Any: []struct{ S string }{{"a"}, {"\x01"}}, When: when}},
		"bad name":        []control{{1}, {2}},
		"a name left out": []struct {
			A int `rpc:"a,omitempty"`
		}{{1}, {0}},
	} {
		for _, o := range []Options{{}, {TextAsBase64: true}, {NoNil: true}, {MaxDepth: 1}, {MaxDepth: 2}, {MaxDepth: 3}, {MaxDepth: 4}} {
			e, plain := NewEncoder(nil, o), NewEncoder(nil, o)
			value.Encode(e, v)
			value.Encode(plainEncoder{plain}, v)
			got, err := e.Result()
			want, wantErr := plain.Result()
			if fmt.Sprint(err) != fmt.Sprint(wantErr) || err == nil && string(got) != string(want) {
				t.Errorf("%s, %+v: got %v\n%s; want %v\n%s", name, o, err, got, wantErr, want)
			}
			if err == nil && (len(e.tables) != 0 || len(e.stack) != 0) {
				t.Errorf("%s: got %d tables and %d containers that have not ended", name, len(e.tables), len(e.stack))
			}
		}
	}
}

func TestTablesUsedWrongly(t *testing.T) {
	for want, use := range map[string]func(*Encoder){
		"no row is due":          func(e *Encoder) { e.Row() },
		"more values than names": func(e *Encoder) { e.Rows([]string{"a"}, 2); e.Row(); e.Int(1); e.Int(2) },
		"row has more values": func(e *Encoder) {
			e.Rows([]string{"a"}, 2)
			e.Row()
			e.Int(1)
			before := len(e.buf)
			if e.Text("x"); len(e.buf) != before {
				t.Errorf("a value too many was written: %s", e.buf[before:])
			}
		},
		"fewer values than": func(e *Encoder) { e.Rows([]string{"a"}, 2); e.Row(); e.End() },
		"no name is due":    func(e *Encoder) { e.Rows([]string{"a"}, 2); e.Row(); e.Name("a") },
	} {
		e := NewEncoder(nil, Options{})
		use(e)
		if err := e.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v; want %s", err, want)
		}
	}
}
