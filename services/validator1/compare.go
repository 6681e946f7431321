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

// same reports whether a dynamic value that came is the one that was wanted, of the
// same kind.
func same(want, got any) bool {
	switch want := want.(type) {
	case record:
		got, ok := got.(record)
		if !ok || len(got) != len(want) {
			return false
		}
		for name, v := range want {
			if other, ok := got[name]; !ok || !same(v, other) {
				return false
			}
		}
		return true
	case []any:
		got, ok := got.([]any)
		return ok && slices.EqualFunc(want, got, same)
	case []byte:
		got, ok := got.([]byte)
		return ok && bytes.Equal(want, got)
	case time.Time:
		got, ok := got.(time.Time)
		return ok && want.Equal(got)
	}
	return isScalar(got) && want == got
}

// isScalar reports whether == may be asked about a dynamic value.
func isScalar(v any) bool {
	switch v.(type) {
	case bool, int64, float64, string:
		return true
	}
	return false
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
		default:
			fmt.Fprint(b, v)
		}
	}
}
