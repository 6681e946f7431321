package xmlrpc

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
)

// newFunction makes of a method what the page shows of it, and the call that its
// snippets make.
func newFunction(m rpc.Method) (function, sample) {
	f := function{Name: m.Name, Short: m.Name, Help: m.Help}
	call := sample{Method: m.Name}
	if len(m.Signatures) == 0 {
		if len(m.Params) > 0 { // a handler that reads its arguments itself
			s := signature{Name: m.Name, Result: "any"}
			for _, name := range m.Params {
				s.Params = append(s.Params, param{Name: name, Type: "any"})
				call.Args = append(call.Args, exampleFor("any", len(call.Args)))
			}
			f.Signatures = []signature{s}
		}
		return f, call
	}
	f.Signatures = joinSignatures(m)
	// The call leaves out what may be left out, but shows one of what may come
	// any number of times.
	s := f.Signatures[0]
	call.Result = s.Result
	for i := range s.Params {
		p := &s.Params[i]
		example := systemExample(m.Name, i)
		if example == nil && i < len(m.Examples) {
			example = m.Examples[i]
		}
		if example == nil || !fits(example, p.Type) {
			example = exampleFor(p.Type, i)
		}
		if p.Type == "array" || p.Type == "struct" {
			p.Example = exampleText(example)
		}
		if p.Optional && !p.Variadic {
			continue
		}
		call.Args = append(call.Args, example)
		if p.Variadic && len(s.Params) == 1 {
			if p.Type == "any" || p.Type == "int" {
				example = exampleFor(p.Type, 1) // add(3, 5), not add(3, 3)
			}
			call.Args = append(call.Args, example)
		}
	}
	return f, call
}

// joinSignatures makes one signature of several that differ by parameters left
// out at the end.
func joinSignatures(m rpc.Method) []signature {
	longest := slices.MaxFunc(m.Signatures, func(a, b []string) int { return len(a) - len(b) })
	shortest := len(longest)
	for _, s := range m.Signatures {
		if len(s) == 0 || !slices.Equal(s, longest[:len(s)]) { // they differ otherwise
			var list []signature
			for _, s := range m.Signatures {
				list = append(list, newSignature(m, s, len(s)))
			}
			return list
		}
		shortest = min(shortest, len(s))
	}
	return []signature{newSignature(m, longest, shortest)}
}

// newSignature makes a signature of words, the result first, of which those from
// required on may be left out.
func newSignature(m rpc.Method, words []string, required int) signature {
	s := signature{Name: m.Name}
	for i, word := range words {
		if i == 0 {
			s.Result = word
			continue
		}
		p := param{Type: word, Optional: i >= required}
		if i-1 < len(m.Params) {
			p.Name = m.Params[i-1]
		}
		p.Variadic = m.Variadic && i == len(words)-1
		s.Params = append(s.Params, p)
	}
	return s
}

// systemExample is an argument for those functions of a registry where any
// other would be of no use.
func systemExample(method string, i int) any {
	switch {
	case i > 0:
	case method == "system.methodHelp", method == "system.methodSignature":
		return "system.listMethods"
	case method == "system.methodParams", method == "system.methodTypes":
		return "system.multicall"
	case method == "system.multicall":
		return []any{map[string]any{"methodName": "system.ping", "params": []any{}}}
	}
	return nil
}

// fits reports whether an example is of the type that a signature names; that of
// a parameter that takes anything may be of another one.
func fits(example any, word string) bool {
	switch example.(type) {
	case int64:
		return word == "int" || word == "i4" || word == "i8" || word == "any"
	case bool:
		return word == "boolean" || word == "any"
	case float64:
		return word == "double" || word == "any"
	}
	return true
}

// exampleFor is an argument of which no more is known than its type and place.
func exampleFor(word string, i int) any {
	switch word {
	case "double":
		return 1.5
	case "string":
		return "text"
	case "boolean":
		return true
	case "dateTime.iso8601":
		return time.Date(2026, time.January, 31, 12, 30, 0, 0, time.UTC)
	case "base64":
		return []byte("hello")
	case "array":
		return []any{int64(3), int64(5)}
	case "struct":
		return map[string]any{"name": "text"}
	}
	return int64(3 + 2*(i%2))
}

// exampleText writes an example as the fields of the page take it.
func exampleText(v any) string {
	text, err := json.Marshal(jsonForm(v))
	if err != nil {
		return ""
	}
	return string(text)
}

// jsonForm makes of a dynamic value one that encoding/json writes in the form
// that the page and the command read.
func jsonForm(v any) any {
	switch v := v.(type) {
	case nil, bool, int64, string, *big.Int:
		return v
	case float64:
		return json.RawMessage(floatLiteral(v))
	case []byte:
		return map[string]string{"$binary": base64.StdEncoding.EncodeToString(v)}
	case value.ByteArray:
		return map[string]string{"$binary": base64.StdEncoding.EncodeToString(v)}
	case time.Time:
		return map[string]string{"$time": v.Format(time.RFC3339)}
	case value.LocalTime:
		return map[string]string{"$localtime": v.Format("2006-01-02T15:04:05")}
	case []any:
		return jsonForms(v)
	case value.Tuple:
		return jsonForms(v)
	case value.Set:
		return jsonForms(v.Items)
	case map[string]any:
		members := make(map[string]any, len(v))
		for name, member := range v {
			members[name] = jsonForm(member)
		}
		return members
	case fmt.Stringer:
		return v.String()
	}
	return nil
}

func jsonForms(items []any) []any {
	list := make([]any, len(items))
	for i, item := range items {
		list[i] = jsonForm(item)
	}
	return list
}
