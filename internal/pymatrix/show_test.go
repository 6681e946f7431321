package pymatrix

import (
	"fmt"
	"maps"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

// show writes what a Go function sees, as the document has it: a type of Go and
// its content. What is large is told by its size.
func show(v any) string {
	switch v := v.(type) {
	case int64:
		return "int64 " + strconv.FormatInt(v, 10)
	case float64:
		return "float64 " + showInner(v)
	case string:
		return "string " + sized(showInner(v), len(v), "bytes")
	case []any:
		if depth := onlyNested(v); depth > 5 {
			return fmt.Sprintf("[]any, %d within each other", depth)
		}
		return sizedAs("[]any", showInner(v), len(v), "")
	case map[string]any:
		return sizedAs("map[string]any", showInner(v), len(v), "")
	}
	return showInner(v)
}

const tooLong = 200

func sized(text string, n int, what string) string {
	if len(text) < tooLong {
		return text
	}
	return fmt.Sprintf("of %d %s", n, what)
}

func sizedAs(name, text string, n int, what string) string {
	if len(text) < tooLong {
		return text
	}
	return strings.TrimSpace(fmt.Sprintf("%s of %d %s", name, n, what))
}

// onlyNested counts lists that hold one list, and so on down to an empty one.
func onlyNested(v []any) int {
	n := 1
	for len(v) == 1 {
		inner, ok := v[0].([]any)
		if !ok {
			return 0
		}
		v, n = inner, n+1
	}
	if len(v) > 0 {
		return 0
	}
	return n
}

func showInner(v any) string {
	switch v := v.(type) {
	case nil, bool, int64:
		return strings.ReplaceAll(fmt.Sprint(v), "<nil>", "nil")
	case *big.Int:
		if v.BitLen() > 256 {
			return fmt.Sprintf("*big.Int of %d bits", v.BitLen())
		}
		return "*big.Int " + v.String()
	case float64:
		return showFloat(v)
	case complex128:
		sign := ""
		if !math.Signbit(imag(v)) {
			sign = "+"
		}
		return "complex128 (" + showFloat(real(v)) + sign + showFloat(imag(v)) + "i)"
	case string:
		return strconv.Quote(v)
	case []byte:
		return "[]byte " + sized(strconv.Quote(string(v)), len(v), "bytes")
	case value.ByteArray:
		return "value.ByteArray " + strconv.Quote(string(v))
	case value.Decimal:
		return "value.Decimal " + string(v)
	case *big.Rat:
		return "*big.Rat " + v.String()
	case value.UUID:
		return "value.UUID " + v.String()
	case value.Range:
		return fmt.Sprintf("value.Range %d:%d:%d", v.Start, v.Stop, v.Step)
	case value.LocalTime:
		return "value.LocalTime " + v.Format("2006-01-02T15:04:05.999999")
	case time.Time:
		return "time.Time " + showTime(v)
	case pickle.Date:
		return "pickle.Date " + v.String()
	case pickle.Clock:
		return "pickle.Clock " + v.String()
	case pickle.ZoneClock:
		return fmt.Sprintf("pickle.ZoneClock %v", v)
	case pickle.Delta:
		return fmt.Sprintf("pickle.Delta %d days %s s", v.Days, strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%d.%06d", v.Seconds, v.Microseconds), "0"), "."))
	case *pickle.Exception:
		return "*pickle.Exception " + v.Class + "(" + join(v.Args) + ")"
	case *pickle.Object:
		return showObject(v)
	case []any:
		return "[]any{" + join(v) + "}"
	case value.Tuple:
		return "value.Tuple{" + join(v) + "}"
	case value.Set:
		items := each(v.Items)
		slices.Sort(items) // Python's sets have no order
		frozen := ""
		if v.Frozen {
			frozen = "frozen "
		}
		return frozen + "value.Set{" + strings.Join(items, ", ") + "}"
	case map[string]any:
		var items []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			items = append(items, strconv.Quote(name)+": "+showInner(v[name]))
		}
		return "map[string]any{" + strings.Join(items, ", ") + "}"
	case value.Map:
		var items []string
		for _, p := range v {
			items = append(items, showInner(p.Key)+": "+showInner(p.Value))
		}
		slices.Sort(items) // older Pythons send them in any order
		return "value.Map{" + strings.Join(items, ", ") + "}"
	}
	switch name := strings.TrimPrefix(fmt.Sprintf("%T", v), "pymatrix."); reflect.ValueOf(v).Kind() {
	case reflect.Struct:
		return fmt.Sprintf("%s%+v", name, v)
	case reflect.Pointer:
		return fmt.Sprintf("*%s%+v", strings.TrimPrefix(name, "*pymatrix."), reflect.ValueOf(v).Elem())
	default:
		return fmt.Sprintf("%s %v", name, v)
	}
}

// showObject tells the class and what the object holds, however a protocol makes
// it.
func showObject(o *pickle.Object) string {
	text := "*pickle.Object " + strings.NewReplacer("__builtin__.", "builtins.", "pathlib._local.", "pathlib.").Replace(o.Class())
	switch {
	case o.How == pickle.Rebuilt: // protocols 0 and 1: the one argument is what the base class holds
		for _, held := range o.Args {
			text += showHeld(held)
		}
	case len(o.Args) > 0:
		text += showHeld(o.Args)
	}
	if attributes := o.Attributes(); len(attributes) > 0 {
		text += showHeld(attributes)
	}
	if len(o.List) > 0 {
		text += showHeld(o.List)
	}
	if len(o.Dict) > 0 {
		text += showHeld(o.Dict)
	}
	return text
}

// showHeld writes containers as Python does.
func showHeld(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case value.Tuple:
		return " (" + join(v) + ")"
	case []any:
		return " [" + join(v) + "]"
	}
	return " " + strings.TrimPrefix(strings.TrimPrefix(showInner(v), "map[string]any"), "value.Map")
}

func each(items []any) []string {
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = showInner(item)
	}
	return texts
}

func join(items []any) string { return strings.Join(each(items), ", ") }

func showFloat(f float64) string {
	text := strconv.FormatFloat(f, 'g', -1, 64)
	if f == math.Trunc(f) && !strings.ContainsAny(text, "eIN") {
		text += ".0"
	}
	return text
}

// showTime names the zone if it has a name.
func showTime(t time.Time) string {
	name, offset := t.Zone()
	text := t.Format("2006-01-02T15:04:05.999999Z07:00")
	if offset%60 != 0 {
		text = t.Format("2006-01-02T15:04:05.999999Z07:00:00")
	}
	if loc := t.Location().String(); strings.Contains(loc, "/") {
		return text + " " + loc
	}
	if name != "" && name != "UTC" {
		text += " " + name
	}
	return text
}
