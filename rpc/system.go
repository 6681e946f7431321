package rpc

import (
	"context"
	"reflect"
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
		{"system.methodParams", r.methodParams, []string{"method"}, "The names of a method's parameters. Parley's own."},
		{"system.methodTypes", r.methodTypes, []string{"method"}, "What a method takes and returns, with the members of structs, and which parameters may be left out or repeated. Parley's own."},
		{"system.getCapabilities", getCapabilities, nil, "The conventions this server keeps to."},
		{"system.ping", func() string { return "pong" }, nil, "Answers pong."},
	} {
		o := options{params: s.params, help: s.help}
		if s.name == "system.methodSignature" {
			o.signatures = [][]string{{"array", "string"}} // or undef, which is no type
		}
		m, err := newMethod(s.name, reflect.ValueOf(s.fn), o)
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
	return r.names(ctx)
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
// itself and does not say which, as the introspection convention has it.
func (r *Registry) methodSignature(ctx context.Context, name string) (any, error) {
	m, err := r.find(ctx, name)
	if err != nil {
		return nil, err
	}
	if list := m.signatures(); list != nil {
		return list, nil
	}
	return "undef", nil
}

// methodParams answers an empty list where the names are not known.
func (r *Registry) methodParams(ctx context.Context, name string) ([]string, error) {
	m, err := r.find(ctx, name)
	if err != nil {
		return nil, err
	}
	return m.params.Names, nil
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
