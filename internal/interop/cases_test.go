package interop

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// refused is the fault that the function refuse answers.
const (
	refusedCode = 42
	refusedText = "no <luck> & more"
)

// testCase is one call that every program makes: see with the name of the case
// and its value, which is the answer as well, unless method says otherwise.
type testCase struct {
	name   string
	title  string // how the document shows it
	method string
	want   any // what arrives
}

// cases are all of them, in the order in which the programs make them.
var cases = []testCase{
	{"int-max", "2147483647", "see", int64(math.MaxInt32)},
	{"int-min", "-2147483648", "see", int64(math.MinInt32)},
	{"i8", "1099511627776, which is 2^40", "see", int64(1 << 40)},
	{"double", "1e300", "see", 1e300},
	{"fraction", "0.1", "see", 0.1},
	{"unicode", "the text `" + unicodeText + "`", "see", unicodeText},
	{"spaces", "the text ` two  spaces, line\\nand\\ttab `", "see", " two  spaces, line\nand\ttab "},
	{"empty", "empty text", "see", ""},
	{"true", "true", "see", true},
	{"false", "false", "see", false},
	{"nil", "nil, however the language calls it", "see", nil},
	{"date", "2024-02-29T13:45:06, in no zone", "see", time.Date(2024, 2, 29, 13, 45, 6, 0, time.UTC)},
	{"binary", "300 bytes, each of the 256 among them", "see", binary()},
	{"nested", `{"list": [1, [2, "three"], {"four": 4.5}], "none": [], "empty": {}}`, "see", map[string]any{
		"list":  []any{int64(1), []any{int64(2), "three"}, map[string]any{"four": 4.5}},
		"none":  []any{},
		"empty": map[string]any{},
	}},
	{"none", "a call without arguments, answered by a text", "nothing", nil},
	{"fault", fmt.Sprintf("a call that is answered by fault %d with the text `%s`", refusedCode, refusedText), "refuse", "please"},
}

const unicodeText = `Grüße <b>&amp;</b> "x" 'y' ]]> 世界 🌍`

func binary() []byte {
	b := make([]byte, 300)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

// equal reports whether two values are the same, kinds included.
func equal(a, b any) bool { return cmp.Equal(a, b, cmpopts.EquateEmpty()) }

// maxShown is how much of a value the document shows, in characters.
const maxShown = 80

// shown is a value as the document shows it, with its kind on the wire.
func shown(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case bool:
		return "boolean " + strconv.FormatBool(v)
	case int64:
		return fmt.Sprintf("int %d", v)
	case float64:
		return fmt.Sprintf("double %g", v)
	case string:
		return "string " + clip(strconv.Quote(v), maxShown)
	case []byte:
		return fmt.Sprintf("base64 of %d bytes", len(v))
	case time.Time:
		return "dateTime " + v.Format(time.RFC3339Nano)
	case []any:
		texts := make([]string, len(v))
		for i := range v {
			texts[i] = shown(v[i])
		}
		return clip("["+strings.Join(texts, ", ")+"]", maxShown)
	case map[string]any:
		var texts []string
		for name, member := range v {
			texts = append(texts, strconv.Quote(name)+": "+shown(member))
		}
		slices.Sort(texts)
		return clip("{"+strings.Join(texts, ", ")+"}", maxShown)
	}
	return fmt.Sprintf("%T %v", v, v)
}

// difference is got as the document shows it: of a list or a struct that is
// like want otherwise only what differs.
func difference(got, want any) string {
	if texts, ok := differences("", got, want); ok && len(texts) > 0 {
		return clip(strings.Join(texts, ", "), maxShown)
	}
	return shown(got)
}

// differences lists the members of got that differ from those of want. It is not
// ok if got and want are no lists or structs, or not of the same form.
func differences(path string, got, want any) (texts []string, ok bool) {
	member := func(path string, got, want any) {
		if equal(got, want) {
			return
		}
		if inner, ok := differences(path, got, want); ok {
			texts = append(texts, inner...)
		} else {
			texts = append(texts, path+" = "+shown(got))
		}
	}
	switch want := want.(type) {
	case []any:
		got, ok := got.([]any)
		if !ok || len(got) != len(want) {
			return nil, false
		}
		for i := range want {
			member(fmt.Sprintf("%s[%d]", path, i), got[i], want[i])
		}
		return texts, true
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok {
			return nil, false
		}
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if v, ok := got[name]; ok {
				member(path+"."+name, v, want[name])
			} else {
				texts = append(texts, path+"."+name+" is missing")
			}
		}
		for _, name := range slices.Sorted(maps.Keys(got)) {
			if _, ok := want[name]; !ok {
				texts = append(texts, path+"."+name+" = "+shown(got[name]))
			}
		}
		return texts, true
	}
	return nil, false
}

// clip shortens a text to n characters.
func clip(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return text
}
