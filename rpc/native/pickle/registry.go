package pickle

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"

	"github.com/parley-rpc/parley/rpc/value"
)

// Registry tells which classes of a Python program are which types of a Go
// program. With it in [Options] and [EncodeOptions], an instance of a class
// arrives as a value of its type, wherever it stands in a message, and a value
// of a type arrives in Python as an instance of its class.
//
// A Registry may be used by several goroutines at once, also while more names
// are added: a message goes by the names there are when it begins. A nil
// *Registry has none.
type Registry struct {
	adding sync.Mutex // serializes Name
	names  atomic.Pointer[names]
}

// NewRegistry returns a Registry without names.
func NewRegistry() *Registry { return &Registry{} }

// names is what a Registry knows. It does not change.
type names struct {
	classes map[class]*binding
	types   map[reflect.Type]*binding
	outer   map[class]bool // classes that registered ones are defined in
	flags   bool           // some class may be an enum.Flag
	special *value.Types   // for what is read
	written *value.Types   // and what is written: those of this package, too
}

// binding is one name of a Registry.
type binding struct {
	class   class
	typ     reflect.Type // not a pointer
	pointer bool         // an any gets a pointer to it
	form    Form
	fields  []string // of a struct
	args    bool     // its first field takes the arguments of an exception
	members []member // of an enumeration
	mapped  bool     // a member is another value in Python than in Go
}

// load returns what is registered now, never nil.
func (r *Registry) load() *names {
	if r != nil {
		if n := r.names.Load(); n != nil {
			return n
		}
	}
	return noNames
}

// noNames are those of no Registry, or of one where nothing is registered.
var noNames = &names{written: ownTypes}

// own are the types of this package that have a form in pickle alone.
var own = []reflect.Type{
	reflect.TypeFor[Object](), reflect.TypeFor[Exception](), reflect.TypeFor[Date](), reflect.TypeFor[Clock](),
	reflect.TypeFor[ZoneClock](), reflect.TypeFor[Delta](),
}

var ownTypes = value.NewTypes(withOwn(nil))

// withOwn returns a copy of words with the types of this package.
func withOwn(words map[reflect.Type]string) map[reflect.Type]string {
	all := maps.Clone(words)
	if all == nil {
		all = make(map[reflect.Type]string)
	}
	for _, t := range own {
		all[t] = t.String()
	}
	return all
}

// knows reports whether c may stand in a message: it is registered, or leads to
// a class or member that is.
func (n *names) knows(c class) bool {
	if n.classes == nil {
		return false
	}
	if n.classes[c] != nil || n.outer[c] || c == classOr && n.flags {
		return true
	}
	outer, _, nested := c.outer()
	return nested && n.classes[outer] != nil && n.classes[outer].form == Enum
}

// Name says that the class of that name and the type of sample are the same. The
// name is the module and the class, as Python shows them: "product.Product", or
// "shop.models.Product" for a module in a package. For a class within a class the
// first part that begins with a capital letter, after the first of all, begins
// the class: "shop.Order.Line". Where that is not so, a colon does:
// "Crypto.Hash:SHA256Hash".
//
// The sample is a struct, the fields of which are the attributes by the names
// that package value uses; an integer or text for an enumeration, as in
// Color(0); a slice for a subclass of list or a map for a subclass of dict. If it
// is a pointer, an any receives a pointer, and instances that Python holds in two
// places are one in Go as well.
//
// Options say what cannot be seen from a message to be written; see [Form] and
// [Members]. Instances of all forms are read in any case.
//
// An error says what to change. Name may be called at any time.
func (r *Registry) Name(name string, sample any, options ...Option) error {
	if err := r.add(name, sample, options); err != nil {
		return fmt.Errorf("pickle: name %q: %w", value.Clip(name, 128), err)
	}
	return nil
}

func (r *Registry) add(name string, sample any, options []Option) error {
	c, err := parseName(name)
	if err != nil {
		return err
	}
	e, err := newBinding(c, sample, options)
	if err != nil {
		return err
	}
	r.adding.Lock()
	defer r.adding.Unlock()
	old := r.load()
	if was := old.classes[c]; was != nil {
		return fmt.Errorf("the class is registered already, as %s; name each class once", was.typ)
	}
	if was := old.types[e.typ]; was != nil {
		return fmt.Errorf("%s is registered already, for %s; declare a type of its own for each class", e.typ, was.class)
	}
	n := &names{
		classes: make(map[class]*binding), types: make(map[reflect.Type]*binding), outer: make(map[class]bool),
	}
	maps.Copy(n.classes, old.classes)
	maps.Copy(n.types, old.types)
	maps.Copy(n.outer, old.outer)
	n.classes[c], n.types[e.typ] = e, e
	n.flags = old.flags || e.members != nil && e.typ.Kind() != reflect.String
	for outer, _, nested := c.outer(); nested; outer, _, nested = outer.outer() {
		n.outer[outer] = true
	}
	words := make(map[reflect.Type]string, len(n.types))
	for t, e := range n.types {
		words[t] = e.class.dotted()
	}
	n.special, n.written = value.NewTypes(words), value.NewTypes(withOwn(words))
	r.names.Store(n)
	return nil
}

// Source returns a Source over a value that [Decode] has returned with r in its
// Options.
func (r *Registry) Source(v any) value.Source { return value.NewTypedSource(v, r.load().special) }

// parseName returns the class for a name that a program has given.
func parseName(name string) (class, error) {
	const want = "expected a module and a class such as product.Product"
	module, qualified, ok := strings.Cut(name, ":")
	if !ok {
		parts := strings.Split(name, ".")
		at := len(parts) - 1
		for i, part := range parts {
			if i > 0 && part != "" && unicode.IsUpper([]rune(part)[0]) {
				at = i
				break
			}
		}
		if at == 0 {
			return "", errors.New(want + ", got a name without a module; a script that is run itself has the module __main__")
		}
		module, qualified = strings.Join(parts[:at], "."), strings.Join(parts[at:], ".")
	}
	for _, part := range slices.Concat(strings.Split(module, "."), strings.Split(qualified, ".")) {
		if !isIdentifier(part) {
			return "", fmt.Errorf("%s, each part a Python identifier; got the part %q", want, value.Clip(part, 64))
		}
	}
	c := newClass(module, qualified)
	if named[c] || c.isException() || module == "builtins" {
		return "", errors.New("the class is one of Python's own that are read and written as plain data or not at all; expected a class of the program")
	}
	return c, nil
}

func isIdentifier(s string) bool {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return s != ""
}

// validName reports whether s consists of identifiers with dots between them.
func validName(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if !isIdentifier(part) {
			return false
		}
	}
	return true
}
