package validator1

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// difference is where a value that came is not the one that was wanted.
type difference struct {
	path      string // within the value: ["a"][2]; "" for all of it
	want, got any
}

// absent stands for what one of the two values does not have.
type absent struct{}

// compare returns the first difference between two dynamic values, kinds included, or
// nil.
func compare(want, got any) *difference {
	equal := false
	switch want := want.(type) {
	case record:
		if got, ok := got.(record); ok {
			return compareRecords(want, got)
		}
	case []any:
		if got, ok := got.([]any); ok {
			return compareLists(want, got)
		}
	case []byte:
		got, ok := got.([]byte)
		equal = ok && bytes.Equal(want, got)
	case time.Time:
		got, ok := got.(time.Time)
		equal = ok && want.Equal(got)
	default:
		switch got.(type) {
		case bool, int64, float64, string: // may be asked by ==
			equal = want == got
		}
	}
	if equal {
		return nil
	}
	return &difference{want: want, got: got}
}

func compareRecords(want, got record) *difference {
	all := maps.Clone(want)
	maps.Copy(all, got)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		w, wanted := want[name]
		g, came := got[name]
		d := &difference{want: w, got: g}
		switch {
		case !wanted:
			d.want = absent{}
		case !came:
			d.got = absent{}
		default:
			d = compare(w, g)
		}
		if d != nil {
			d.path = `["` + name + `"]` + d.path
			return d
		}
	}
	return nil
}

func compareLists(want, got []any) *difference {
	for i := range max(len(want), len(got)) {
		d := &difference{want: absent{}, got: absent{}}
		switch {
		case i >= len(want):
			d.got = got[i]
		case i >= len(got):
			d.want = want[i]
		default:
			d = compare(want[i], got[i])
		}
		if d != nil {
			d.path = fmt.Sprintf("[%d]", i) + d.path
			return d
		}
	}
	return nil
}

// show prints values so that their kinds can be told, shortened and escaped.
func show(values []any) string {
	var b strings.Builder
	write(&b, values)
	return value.Clip(b.String(), maxShown)
}

// write appends values to b, with commas between them, until there is more than
// anyone is shown.
func write(b *strings.Builder, values []any) {
	for i, v := range values {
		if b.Len() > maxShown {
			return
		}
		if i > 0 {
			b.WriteString(", ")
		}
		switch v := v.(type) {
		case record:
			b.WriteByte('{')
			for j, name := range slices.Sorted(maps.Keys(v)) {
				if j > 0 {
					b.WriteString(", ")
				}
				b.WriteString(`"` + name + `": `)
				write(b, []any{v[name]})
			}
			b.WriteByte('}')
		case []any:
			b.WriteByte('[')
			write(b, v)
			b.WriteByte(']')
		case string:
			b.WriteString(`"` + v[:min(len(v), maxShown)] + `"`)
		case []byte:
			fmt.Fprintf(b, "binary %x", v[:min(len(v), maxShown)])
		case time.Time:
			b.WriteString("date " + v.Format(time.RFC3339Nano))
		case float64:
			fmt.Fprintf(b, "double %v", v)
		case absent:
			b.WriteString("nothing")
		case nil:
			b.WriteString("nil")
		default:
			fmt.Fprint(b, v)
		}
	}
}
