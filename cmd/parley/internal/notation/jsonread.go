package notation

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// JSON has no form for some values. They are written as an object with one of
// these keys and nothing else, {"$binary": "3q2+7w=="}, in results and in
// arguments alike. An object that just looks like one is written as a $map.
const (
	tagBinary    = "$binary"    // base64
	tagByteArray = "$bytearray" // base64
	tagTime      = "$time"      // "2026-03-04T05:06:07Z"
	tagLocalTime = "$localtime" // "2026-03-04T05:06:07", no zone
	tagFloat     = "$float"     // "NaN", "Infinity", "-Infinity"
	tagTuple     = "$tuple"     // [...]
	tagSet       = "$set"       // [...]
	tagFrozenSet = "$frozenset" // [...]
	tagMap       = "$map"       // [[key, value], ...]
	tagDecimal   = "$decimal"   // "1.50"
	tagFraction  = "$fraction"  // "22/7"
	tagComplex   = "$complex"   // [real, imaginary]
	tagUUID      = "$uuid"      // "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
	tagRange     = "$range"     // [start, stop, step]
)

// localTime is RFC 3339 without its zone.
const localTime = "2006-01-02T15:04:05.999999999"

// readJSON reads valid JSON as a dynamic value. Integers keep all their digits;
// a number with a fraction or an exponent is a float.
func readJSON(text string) (any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	return readValue(d)
}

func readValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '[' {
			return readList(d)
		}
		return readObject(d)
	case json.Number:
		return readNumber(token.String())
	}
	return token, nil // nil, a bool or a string
}

func readList(d *json.Decoder) (any, error) {
	list := []any{}
	for d.More() {
		v, err := readValue(d)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := d.Token()
	return list, err
}

func readObject(d *json.Decoder) (any, error) {
	object := map[string]any{}
	key := ""
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		key = token.(string) // valid JSON has no other keys
		if _, again := object[key]; again {
			return nil, fmt.Errorf("the key %q stands in an object twice", value.Clip(key, 64))
		}
		if object[key], err = readValue(d); err != nil {
			return nil, err
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if len(object) != 1 || !isTag(key) {
		return object, nil
	}
	v, err := readTagged(key, object[key])
	if err != nil {
		return nil, fmt.Errorf(`{%q: …}: %w; an object with that key is written {"$map": [[%q, …]]}`, key, err, key)
	}
	return v, nil
}

func readNumber(digits string) (any, error) {
	if strings.ContainsAny(digits, ".eE") {
		f, err := strconv.ParseFloat(digits, 64)
		if err != nil {
			return nil, fmt.Errorf("%s is beyond the range of a float", value.Clip(digits, 64))
		}
		return f, nil
	}
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok {
		return nil, fmt.Errorf("%s is no integer", value.Clip(digits, 64))
	}
	if n.IsInt64() {
		return n.Int64(), nil
	}
	return n, nil
}

func isTag(key string) bool {
	switch key {
	case tagBinary, tagByteArray, tagTime, tagLocalTime, tagFloat, tagTuple, tagSet, tagFrozenSet,
		tagMap, tagDecimal, tagFraction, tagComplex, tagUUID, tagRange:
		return true
	}
	return false
}

// readTagged returns the value that {key: v} stands for.
func readTagged(key string, v any) (any, error) {
	switch key {
	case tagTuple, tagSet, tagFrozenSet, tagMap, tagComplex, tagRange:
		list, ok := v.([]any)
		if !ok {
			return nil, fmt.Errorf("expected a list, got %s", value.Word(v))
		}
		return readTaggedList(key, list)
	}
	text, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("expected text, got %s", value.Word(v))
	}
	switch key {
	case tagBinary:
		return base64.StdEncoding.DecodeString(text)
	case tagByteArray:
		blob, err := base64.StdEncoding.DecodeString(text)
		return value.ByteArray(blob), err
	case tagTime:
		return time.Parse(time.RFC3339Nano, text)
	case tagLocalTime:
		t, err := time.Parse(localTime, text)
		return value.LocalTime{Time: t}, err
	case tagDecimal:
		return value.Decimal(text), nil
	case tagFraction:
		r, ok := new(big.Rat).SetString(text)
		if !ok || strings.ContainsAny(text, ".eE") {
			return nil, errors.New(`expected a fraction such as "22/7"`)
		}
		return r, nil
	case tagUUID:
		return readUUID(text)
	}
	switch text { // of a $float
	case "NaN":
		return math.NaN(), nil
	case "Infinity":
		return math.Inf(1), nil
	case "-Infinity":
		return math.Inf(-1), nil
	}
	return nil, errors.New(`expected "NaN", "Infinity" or "-Infinity"`)
}

func readTaggedList(key string, list []any) (any, error) {
	switch key {
	case tagTuple:
		return value.Tuple(list), nil
	case tagSet, tagFrozenSet:
		return value.Set{Items: list, Frozen: key == tagFrozenSet}, nil
	case tagMap:
		return readMap(list)
	case tagComplex:
		parts, err := readParts[float64](list, 2)
		if err != nil {
			return nil, err
		}
		return complex(parts[0], parts[1]), nil
	}
	parts, err := readParts[int64](list, 3)
	if err != nil {
		return nil, err
	}
	return value.Range{Start: parts[0], Stop: parts[1], Step: parts[2]}, nil
}

// readParts reads exactly n numbers of one type.
func readParts[T any](list []any, n int) ([]T, error) {
	var parts []T
	if err := value.Convert(&parts, list); err != nil {
		return nil, err
	}
	if len(parts) != n {
		return nil, fmt.Errorf("expected %d numbers, got %d", n, len(parts))
	}
	return parts, nil
}

// readMap makes a map[string]any of entries whose keys are all text, as that is
// what such a map is when it comes from a wire.
func readMap(entries []any) (any, error) {
	pairs := make(value.Map, 0, len(entries))
	object := make(map[string]any, len(entries))
	for i, entry := range entries {
		pair, ok := entry.([]any)
		if !ok || len(pair) != 2 {
			return nil, fmt.Errorf("entry %d: expected [key, value]", i)
		}
		pairs = append(pairs, value.Pair{Key: pair[0], Value: pair[1]})
		if key, ok := pair[0].(string); ok {
			object[key] = pair[1]
		}
	}
	if len(object) == len(pairs) {
		return object, nil
	}
	return pairs, nil
}

func readUUID(text string) (any, error) {
	var u value.UUID
	digits := strings.ReplaceAll(text, "-", "")
	if n, err := hex.Decode(u[:], []byte(digits)[:min(len(digits), 32)]); err != nil || n != len(u) || u.String() != strings.ToLower(text) {
		return nil, errors.New(`expected a UUID such as "6ba7b810-9dad-11d1-80b4-00c04fd430c8"`)
	}
	return u, nil
}
