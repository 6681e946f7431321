package python

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

// What the clients of multiprocessing.managers call an object is a namespace
// here: a name with a dot is a function of what stands before its last dot, and
// one without is a function of functionsSpace. The typeid of an object and its id
// are both the name of the namespace. So nothing is created and nothing counted,
// however often a peer asks for it, any connection may ask for anything, and a
// proxy is good for as long as the service has the functions.
const functionsSpace = "rpc"

// methodOf returns the function that the method of an object is.
func methodOf(ident, name string) string {
	if ident == functionsSpace {
		return name
	}
	return ident + "." + name
}

// aboutObject are the methods that every object has besides its own: the
// fallback_mapping of Server in Lib/multiprocessing/managers.py.
var aboutObject = []string{"__repr__", "__str__", "#GETVALUE"}

// manage answers what a client asks the server of a manager itself, which is no
// call of a function: the public methods of Server in
// Lib/multiprocessing/managers.py.
func (h *handler) manage(ctx context.Context, m *message) (any, error) {
	switch m.method {
	case "dummy", "accept_connection":
		return nil, nil
	case "decref": // of a namespace that is gone, as well
		return nil, nil
	case "number_of_objects":
		spaces, err := h.namespaces(ctx)
		return len(spaces), err
	case "debug_info":
		return h.debugInfo(ctx)
	case "shutdown":
		return nil, rpc.Errorf(rpc.CodeInvalidRequest, "shutdown is refused: the server is not the manager's own; it goes on")
	case "create", "incref", "get_methods", "__repr__", "__str__", "#GETVALUE":
		return h.manageSpace(ctx, m.method, m.args)
	}
	return nil, rpc.Errorf(rpc.CodeMethodNotFound, "managers have no %s", value.Clip(m.method, 64))
}

// manageSpace answers what is about one namespace, the first argument.
func (h *handler) manageSpace(ctx context.Context, method string, args arguments) (any, error) {
	if len(args.positional) == 0 {
		return nil, rpc.Errorf(rpc.CodeInvalidParams, "%s: expected the name of a namespace, got no argument", method)
	}
	name, ok := spaceName(args.positional[0])
	if !ok {
		return nil, rpc.Errorf(rpc.CodeInvalidParams, "%s: expected the name of a namespace, got a %s", method, value.Word(args.positional[0]))
	}
	if len(args.positional) > 1 || len(args.named) > 0 {
		return nil, rpc.Errorf(rpc.CodeInvalidParams, "%s: expected no arguments to the namespace %s, whose functions take them", method, value.Clip(name, 64))
	}
	spaces, err := h.namespaces(ctx)
	if err != nil {
		return nil, err
	}
	functions, ok := spaces[name]
	if !ok {
		return nil, rpc.Errorf(rpc.CodeMethodNotFound, "no namespace is named %s: there is %s", value.Clip(name, 64), shortList(slices.Sorted(maps.Keys(spaces))))
	}
	switch method {
	case "create":
		return value.Tuple{name, exposed(functions)}, nil
	case "get_methods":
		return exposed(functions), nil
	case "__repr__", "__str__":
		return describe(name, functions), nil
	case "#GETVALUE":
		return nil, rpc.Errorf(rpc.CodeInvalidRequest, "the namespace %s has no value to copy: call its functions", name)
	}
	return nil, nil
}

// readTokenCall reads a get_methods of a Token, which AutoProxy sends if it does not know the
// methods. err says why the message was not read as all others are.
func (m *message) readTokenCall(data []byte, cfg Config, err error) bool {
	var class *pickle.ClassError
	if !errors.As(err, &class) || class.Class != tokenModule+"."+tokenClass {
		return false
	}
	o := cfg.Pickle
	o.Objects = true
	v, _, err := pickle.Decode(data, o)
	if err != nil {
		return false
	}
	asked := message{protocol: m.protocol}
	if asked.read(v, cfg); !asked.manage || asked.method != "get_methods" || len(asked.args.positional) != 1 {
		return false
	}
	*m = asked
	return true
}

// spaceName returns the id of an object: text, or that in a Token.
func spaceName(v any) (string, bool) {
	if t, err := readToken(v); err == nil {
		return t.id, true
	}
	name, ok := v.(string)
	return name, ok
}

// namespaces are those in which there is a function that the peer of ctx may
// call, each with these functions. Python makes methods of their names by exec,
// so that no other name than those for which that is sound may reach it.
func (h *handler) namespaces(ctx context.Context) (map[string][]string, error) {
	names, err := h.functions(ctx)
	if err != nil {
		return nil, err
	}
	spaces := map[string][]string{}
	for _, name := range names {
		space, method := functionsSpace, name
		if i := strings.LastIndexByte(name, '.'); i >= 0 {
			space, method = name[:i], name[i+1:]
			if space == functionsSpace { // methodOf would say otherwise
				continue
			}
		}
		if isMethodName(method) {
			spaces[space] = append(spaces[space], method)
		}
	}
	return spaces, nil
}

// functions are the names of those that the peer of ctx may call.
func (h *handler) functions(ctx context.Context) ([]string, error) {
	lister, ok := h.caller.(interface {
		Methods(ctx context.Context) []rpc.Method
	})
	if !ok {
		return rpc.Invoke[[]string](ctx, h.caller, "system.listMethods")
	}
	methods := lister.Methods(ctx)
	names := make([]string, len(methods))
	for i, m := range methods {
		names[i] = m.Name
	}
	return names, nil
}

func exposed(functions []string) value.Tuple {
	list := make(value.Tuple, len(functions))
	for i, name := range functions {
		list[i] = name
	}
	return list
}

// describe is what print shows of a proxy.
func describe(space string, functions []string) string {
	return fmt.Sprintf("<namespace %s: %s>", space, shortList(functions))
}

func (h *handler) debugInfo(ctx context.Context) (any, error) {
	spaces, err := h.namespaces(ctx)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, space := range slices.Sorted(maps.Keys(spaces)) {
		lines = append(lines, describe(space, spaces[space]))
	}
	return strings.Join(lines, "\n"), nil
}

func shortList(names []string) string {
	const most = 8
	switch {
	case len(names) == 0:
		return "none"
	case len(names) > most:
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// isMethodName reports whether Python can define a method of that name: an
// identifier of ASCII that is no keyword in any version. One with an underscore in
// front is left out, since those are the proxy's own.
func isMethodName(name string) bool {
	for i, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return name != "" && !slices.Contains(keywords, name)
}

// keywords of Python 2.7 and 3, as its module keyword lists them.
var keywords = []string{
	"False", "None", "True", "and", "as", "assert", "async", "await", "break",
	"class", "continue", "def", "del", "elif", "else", "except", "exec", "finally",
	"for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not",
	"or", "pass", "print", "raise", "return", "try", "while", "with", "yield",
}
