package rpc

import (
	"context"
	"math/big"
	"reflect"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// addSystem registers the methods that every registry has. They go through the
// door like all others.
func (r *Registry) addSystem() {
	for _, s := range []struct {
		name   string
		fn     any
		params []string
		help   string
	}{
		{"system.listMethods", r.listMethods, nil, "The names of the methods that you may call."},
		{"system.methodHelp", r.methodHelp, []string{"method"}, "What a method does."},
		{"system.methodSignature", r.methodSignature, []string{"method"}, "The ways to call a method: lists of types, the result first."},
		{"system.getCapabilities", getCapabilities, nil, "The conventions that this server keeps to."},
		{"system.ping", func() string { return "pong" }, nil, "Answers pong."},
	} {
		m, err := newMethod(s.name, reflect.ValueOf(s.fn), options{params: s.params, help: s.help})
		if err != nil {
			panic(err) // a mistake in the table above
		}
		r.methods[s.name] = m
	}
	multicall, err := r.newMulticall()
	if err != nil {
		panic(err)
	}
	r.methods[multicallName] = multicall
	r.change()
}

func (r *Registry) listMethods(ctx context.Context) []string {
	names := []string{}
	for _, m := range r.Methods(ctx) {
		names = append(names, m.Name)
	}
	return names
}

// find returns a method that the peer of ctx may call.
func (r *Registry) find(ctx context.Context, name string) (*method, error) {
	e, ok := r.door.Load().entries[name]
	if p := PeerFrom(ctx); !r.allowed(ctx, p, name) {
		return nil, r.deny(ctx, p, name, deniedHelp)
	}
	if !ok {
		return nil, notFound(name)
	}
	return e.method, nil
}

func (r *Registry) methodHelp(ctx context.Context, name string) (string, error) {
	m, err := r.find(ctx, name)
	if err != nil {
		return "", err
	}
	return m.help, nil
}

// methodSignature answers "undef" for a handler that reads its arguments
// itself, as the introspection convention has it.
func (r *Registry) methodSignature(ctx context.Context, name string) (any, error) {
	m, err := r.find(ctx, name)
	if err != nil {
		return nil, err
	}
	if m.raw {
		return "undef", nil
	}
	return m.signatures(), nil
}

type capability struct {
	SpecURL     string `rpc:"specUrl"`
	SpecVersion int    `rpc:"specVersion"`
}

func getCapabilities() map[string]capability {
	return map[string]capability{
		"xmlrpc":           {"http://www.xmlrpc.com/spec", 1},
		"introspection":    {"http://phpxmlrpc.sourceforge.net/doc-2/ch10.html", 2},
		"system.multicall": {"http://www.xmlrpc.com/discuss/msgReader$1208", 1},
		"nil":              {"http://www.ontosys.com/xml-rpc/extensions.php", 20010518},
		"faults_interop":   {"http://xmlrpc-epi.sourceforge.net/specs/rfc.fault_codes.php", 20010516},
	}
}

// signatures returns one signature for each number of arguments that differs by
// a parameter left out, the longest last. A variadic parameter stands once.
func (m *method) signatures() [][]string {
	result := "nil"
	switch {
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
