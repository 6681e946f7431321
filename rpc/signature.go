package rpc

import (
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// Signature is one way to call a function, for introspection: the word for its
// result, then one for each parameter. It takes the place of what the Go types
// tell, and is for functions that take or return an any: given several times it
// tells each combination of kinds that works. The words are those of XML-RPC, int,
// boolean, double, string, dateTime.iso8601, base64, array and struct, and nil and
// any besides. What callers may send is not changed by it.
func Signature(result string, params ...string) Option {
	return func(o *options) { o.signatures = append(o.signatures, append([]string{result}, params...)) }
}

var signatureWords = []string{"int", "boolean", "double", "string", "dateTime.iso8601", "base64", "array", "struct", "nil", "any"}

// checkSignatures holds what Signature tells against the function, of which the
// types are not known if it is a Handler.
func (m *method) checkSignatures() error {
	for _, s := range m.told {
		for _, word := range s {
			if !slices.Contains(signatureWords, word) {
				return fmt.Errorf("rpc.Signature: got the word %q; want one of %s", word, strings.Join(signatureWords, ", "))
			}
		}
		n := len(s) - 1
		if !m.raw && (n < m.params.Required || n > len(m.types) && !m.params.Variadic) {
			return fmt.Errorf("rpc.Signature tells of %d parameters, the function has %d", n, len(m.types))
		}
	}
	return nil
}

// signatures returns what Signature has told, or else one signature for each
// number of arguments that differs by a parameter left out, the longest last. A
// variadic parameter stands once.
func (m *method) signatures() [][]string {
	result := "nil"
	switch {
	case m.told != nil:
		return m.told
	case m.raw:
		return nil
	case m.streams != nil && itemsOf(m.result) != nil:
		result = "array"
	case m.streams != nil:
		result = "base64"
	case m.result != nil:
		result = typeWord(m.result)
	}
	var list [][]string
	for n := m.params.Required; n <= len(m.types); n++ {
		signature := []string{result}
		for i, t := range m.types[:n] {
			if m.params.Variadic && i == len(m.types)-1 {
				t = t.Elem()
			}
			signature = append(signature, typeWord(t))
		}
		list = append(list, signature)
	}
	return list
}

// typeWord names a Go type as XML-RPC does; what has no word there is "any".
func typeWord(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[value.Decimal](), reflect.TypeFor[value.UUID](), reflect.TypeFor[value.Range](), reflect.TypeFor[big.Rat]():
		return "any"
	case reflect.TypeFor[time.Time](), reflect.TypeFor[value.LocalTime]():
		return "dateTime.iso8601"
	case reflect.TypeFor[big.Int]():
		return "int"
	case reflect.TypeFor[value.Void]():
		return "nil"
	case reflect.TypeFor[value.Map]():
		return "struct"
	case reflect.TypeFor[value.Set]():
		return "array"
	}
	if uploadOf(t) != nil {
		if itemsOf(t) != nil {
			return "array"
		}
		return "base64"
	}
	if value.IsText(t) {
		return "string"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "int"
	case reflect.Float32, reflect.Float64:
		return "double"
	case reflect.String:
		return "string"
	case reflect.Slice, reflect.Array:
		if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 {
			return "base64"
		}
		return "array"
	case reflect.Map, reflect.Struct:
		return "struct"
	case reflect.Pointer:
		return typeWord(t.Elem())
	}
	return "any"
}
