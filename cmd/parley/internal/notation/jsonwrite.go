package notation

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strconv"
	"time"

	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/rpc/value"
)

// AppendJSON appends a dynamic value as JSON, the counterpart of readJSON:
// integers with all their digits, floats always with a fraction or an exponent,
// the keys of objects in order, and what JSON has no form for as the tags of
// readJSON have it. Control characters are escaped, so that a result cannot
// play with a terminal.
func AppendJSON(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil, value.Void:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case *big.Int:
		return v.Append(b, 10), nil
	case float64:
		return appendFloat(b, v), nil
	case string:
		return appendText(b, v), nil
	case []byte:
		return appendTagged(b, tagBinary, base64.StdEncoding.EncodeToString(v)), nil
	case value.ByteArray:
		return appendTagged(b, tagByteArray, base64.StdEncoding.EncodeToString(v)), nil
	case time.Time:
		return appendTagged(b, tagTime, v.Format(time.RFC3339Nano)), nil
	case value.LocalTime:
		return appendTagged(b, tagLocalTime, v.Format(localTime)), nil
	case value.Decimal:
		return appendTagged(b, tagDecimal, string(v)), nil
	case *big.Rat:
		return appendTagged(b, tagFraction, v.String()), nil
	case value.UUID:
		return appendTagged(b, tagUUID, v.String()), nil
	case []any:
		return appendList(b, v)
	case value.Tuple:
		return appendTaggedList(b, tagTuple, v)
	case value.Set:
		if v.Frozen {
			return appendTaggedList(b, tagFrozenSet, v.Items)
		}
		return appendTaggedList(b, tagSet, v.Items)
	case complex128:
		return appendTaggedList(b, tagComplex, []any{real(v), imag(v)})
	case value.Range:
		return appendTaggedList(b, tagRange, []any{v.Start, v.Stop, v.Step})
	case map[string]any:
		return appendObject(b, v)
	case value.Map:
		entries := make([]any, len(v))
		for i, p := range v {
			entries[i] = []any{p.Key, p.Value}
		}
		return appendTaggedList(b, tagMap, entries)
	}
	return b, fmt.Errorf("a %s has no form in JSON", value.Word(v))
}

// appendFloat writes 8 as 8.0, which reads as a float again.
func appendFloat(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return appendTagged(b, tagFloat, "NaN")
	case math.IsInf(f, 0):
		return appendTagged(b, tagFloat, map[bool]string{true: "Infinity", false: "-Infinity"}[f > 0])
	}
	from := len(b)
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		b = strconv.AppendFloat(b, f, 'e', -1, 64)
	} else {
		b = strconv.AppendFloat(b, f, 'f', -1, 64)
	}
	if !slices.ContainsFunc(b[from:], func(c byte) bool { return c == '.' || c == 'e' }) {
		b = append(b, ".0"...)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(terminal.AppendEscaped(append(b, '"'), s), '"')
}

func appendList(b []byte, list []any) ([]byte, error) {
	var err error
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = AppendJSON(b, v); err != nil {
			return b, err
		}
	}
	return append(b, ']'), nil
}

func appendObject(b []byte, object map[string]any) ([]byte, error) {
	keys := slices.Sorted(maps.Keys(object))
	if len(keys) == 1 && isTag(keys[0]) {
		return appendTaggedList(b, tagMap, []any{[]any{keys[0], object[keys[0]]}})
	}
	var err error
	b = append(b, '{')
	for i, key := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, key), ':')
		if b, err = AppendJSON(b, object[key]); err != nil {
			return b, err
		}
	}
	return append(b, '}'), nil
}

func appendTagged(b []byte, tag, text string) []byte {
	b = append(appendText(append(b, '{'), tag), ':')
	return append(appendText(b, text), '}')
}

func appendTaggedList(b []byte, tag string, list []any) ([]byte, error) {
	b = append(appendText(append(b, '{'), tag), ':')
	b, err := appendList(b, list)
	return append(b, '}'), err
}
