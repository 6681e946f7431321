package cbor

import (
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// A caller that breaks the rules of a Sink gets an error, never a message that
// says something else.
func TestSinkMisuse(t *testing.T) {
	ab := []string{"a", "b"}
	for _, c := range []struct {
		name  string
		write func(e *Encoder)
		want  string
	}{
		{"too few", func(e *Encoder) { e.List(value.KindList, 2); e.Int(1); e.End() }, "fewer values"},
		{"too many", func(e *Encoder) { e.List(value.KindList, 1); e.Int(1); e.Int(2) }, "more values"},
		{"too many in a map", func(e *Encoder) { e.Map(1); e.Name("a"); e.Int(1); e.Name("b") }, "more values"},
		{"a key without a value", func(e *Encoder) { e.Map(1); e.Name("a"); e.End() }, "fewer values"},
		{"negative", func(e *Encoder) { e.List(value.KindList, -1) }, "over the limit"},
		{"negative map", func(e *Encoder) { e.Map(-1) }, "over the limit"},
		{"end of nothing", func(e *Encoder) { e.Int(1); e.End() }, "was not begun"},
		{"too few rows", func(e *Encoder) { e.Table(ab, 2); e.End() }, "fewer values"},
		{"too many rows", func(e *Encoder) {
			e.Table(ab, 2)
			for range 3 {
				e.Map(2)
				e.Name("a")
				e.Int(1)
				e.Name("b")
				e.Int(1)
				e.End()
			}
		}, "more values"},
		{"row too short", func(e *Encoder) { e.Table(ab, 2); e.Map(1) }, "a row of 1 values in a table of 2"},
		{"row without its end", func(e *Encoder) { e.Table(ab, 2); e.Map(2); e.Name("a"); e.Int(1); e.End() }, "fewer values"},
		{"no row", func(e *Encoder) { e.Table(ab, 2); e.Int(1) }, "more values"},
		{"wrong name", func(e *Encoder) { e.Table(ab, 2); e.Map(2); e.Name("b") }, `unexpected name "b"`},
		{"name after the last", func(e *Encoder) {
			e.Table(ab, 2)
			e.Map(2)
			e.Name("a")
			e.Int(1)
			e.Name("b")
			e.Int(1)
			e.Name("a")
		}, `unexpected name "a"`},
		{"unknown type", func(e *Encoder) { e.Other(struct{}{}) }, "carries no struct {}"},
		{"nil integer is null", func(e *Encoder) { e.BigInt(nil) }, ""},
		{"name that is no UTF-8", func(e *Encoder) {
			e.Table([]string{"\xff"}, 2)
			e.Map(1)
			e.Name("\xff")
		}, "not valid UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var e Encoder
			e.Reset([]byte("before"), Options{})
			c.write(&e)
			switch err := e.Err(); {
			case c.want == "" && err != nil:
				t.Errorf("got %v; want no error", err)
			case c.want != "":
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v; want an error with %q", err, c.want)
				}
				e.Int(1)
				e.Ints([]int64{1})
				e.Map(1)
				e.Time(time.Unix(0, 0))
				if string(e.Output()) != "before" || e.Err() != err {
					t.Errorf("after the error: got %q, %v", e.Output(), e.Err())
				}
			}
		})
	}
}

func TestNegativeOptions(t *testing.T) {
	for _, o := range []Options{{MaxDepth: -1}, {MaxElements: -1}, {MaxIntBits: -1}, {ShareBytes: -1}} {
		d := NewDecoder([]byte{1}, o)
		if n, _ := d.Int(); n != 0 || d.Finish() == nil || !strings.Contains(d.Finish().Error(), "is -1; expected 0 for the default") {
			t.Errorf("Decoder with %+v: got %d, %v; want an error", o, n, d.Finish())
		}
		var e Encoder
		e.Reset(nil, o)
		e.Int(1)
		if e.Err() == nil || len(e.Output()) > 0 {
			t.Errorf("Encoder with %+v: got %x, %v; want an error", o, e.Output(), e.Err())
		}
	}
}
