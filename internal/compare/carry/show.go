package carry

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// show writes a dynamic value with the type of each part of it: two values are the
// same if they show the same.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case string:
		return strconv.QuoteToASCII(v)
	case []byte:
		return fmt.Sprintf("bytes %x", v)
	case value.ByteArray:
		return fmt.Sprintf("bytearray %x", []byte(v))
	case float64:
		return "float " + strconv.FormatFloat(v, 'g', -1, 64) // with -0 and NaN
	case int, int32, int64, *big.Int:
		return fmt.Sprint(v)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case value.LocalTime:
		return v.Format("2006-01-02T15:04:05.999999999")
	case value.Tuple:
		return "tuple " + shows(v)
	case value.Set:
		items := make([]string, len(v.Items))
		for i, item := range v.Items {
			items[i] = show(item)
		}
		slices.Sort(items)
		return fmt.Sprintf("%s {%s}", kindOf(v), strings.Join(items, ", "))
	case []any:
		return shows(v)
	case map[string]any:
		entries := make([]string, 0, len(v))
		for key, item := range v {
			entries = append(entries, strconv.QuoteToASCII(key)+": "+show(item))
		}
		slices.Sort(entries)
		return "{" + strings.Join(entries, ", ") + "}"
	case value.Map:
		entries := make([]string, len(v))
		for i, p := range v {
			entries[i] = show(p.Key) + ": " + show(p.Value)
		}
		slices.Sort(entries)
		return "map {" + strings.Join(entries, ", ") + "}"
	}
	return fmt.Sprintf("%T %v", v, v)
}

func shows(items []any) string {
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = show(item)
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

const emptyList = "an empty list"

// kindOf says for people what a dynamic value is.
func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case bool:
		return "a boolean"
	case int, int32, int64, *big.Int:
		return "an integer"
	case float64:
		return "a float"
	case string:
		return "a text"
	case []byte:
		return "bytes"
	case time.Time:
		return "a time with a zone"
	case value.LocalTime:
		return "a time without a zone"
	case value.Tuple:
		return "a tuple"
	case []any:
		if len(v) == 0 {
			return emptyList
		}
		return "a list"
	case value.Set:
		if v.Frozen {
			return "a frozenset"
		}
		return "a set"
	case map[string]any:
		return "a map with text keys"
	case value.Map:
		return "a map"
	}
	return "a " + value.Word(v)
}

// became says what a value has become that was sent as want.
func became(want any, kind, text string) string {
	sent, isTime := want.(time.Time)
	switch got, err := time.Parse(time.RFC3339Nano, text); {
	case kind != kindOf(want):
		return kind
	case !isTime || err != nil:
		return oneLine(text)
	case got.Equal(sent):
		return "the same instant in UTC"
	case got.Equal(sent.Truncate(time.Second)):
		return "its whole seconds"
	case got.Equal(time.Date(sent.Year(), sent.Month(), sent.Day(), sent.Hour(), sent.Minute(), sent.Second(), 0, time.UTC)):
		return "another instant: the zone is left out"
	}
	return "another instant"
}
