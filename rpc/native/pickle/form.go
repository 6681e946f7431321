package pickle

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/parley-rpc/parley/rpc/value"
)

// Option says more of a class than its name, in [Registry.Name].
type Option interface {
	option(*binding) error
}

// Form is how instances of a class are written. It is an [Option]; without one
// the form is found from the Go type, for a struct Attributes.
type Form uint8

const (
	// Attributes: a plain class or a dataclass, also a frozen one. Its instances
	// get their attributes without a call of __init__.
	Attributes Form = iota + 1
	// Slots: a class with __slots__, also dataclass(slots=True).
	Slots
	// FrozenSlots: dataclass(frozen=True, slots=True). The fields of the struct
	// stand in the order of those of the class.
	FrozenSlots
	// NamedTuple: collections.namedtuple and typing.NamedTuple. The fields of the
	// struct stand in the order of those of the tuple.
	NamedTuple
	// OldStyle: a class of Python 2 that is not derived from object.
	OldStyle
	// Raised: an exception, which is made of arguments: if the first field of the
	// struct is named args, a []any, of those, and the other fields are attributes;
	// else of all fields in their order. It is found for a type with a method Error.
	Raised
	// Enum: an enumeration, or another class that is made of one integer or text.
	// It is found for integers and text.
	Enum
	// List and Dict: subclasses of them. They are found for slices and maps.
	List
	Dict
)

var formWords = [...]string{"no form", "Attributes", "Slots", "FrozenSlots", "NamedTuple", "OldStyle", "Raised", "Enum", "List", "Dict"}

// String returns the name of the constant.
func (f Form) String() string {
	if int(f) < len(formWords) {
		return formWords[f]
	}
	return fmt.Sprintf("Form(%d)", uint8(f))
}

func (f Form) option(e *binding) error {
	if f < Attributes || f > Dict {
		return fmt.Errorf("expected a Form from Attributes to Dict, got %v", f)
	}
	if e.form != 0 {
		return fmt.Errorf("expected one Form, got %v and %v", e.form, f)
	}
	e.form = f
	return nil
}

// Members are an [Option] for an enumeration the values of which are not those
// that Go has for them, or that should be known by their names: CPython 3.11
// before its fourth release writes members by name.
type Members []Member

// Member is one member of an enumeration.
type Member struct {
	Name  string // "RED"
	Value any    // what it is in Python; nil stands for what Go holds
	Go    any    // of the registered type
}

type member struct {
	name  string
	value any // dynamic
	goes  reflect.Value
}

func (ms Members) option(e *binding) error {
	if e.members != nil {
		return errors.New("expected Members once")
	}
	for _, m := range ms {
		v := reflect.ValueOf(m.Go)
		if !v.IsValid() || v.Type() != e.typ {
			return fmt.Errorf("member %q: expected a %s as Go, got %T", value.Clip(m.Name, 64), e.typ, m.Go)
		}
		if !isIdentifier(m.Name) {
			return fmt.Errorf("expected the name of each member, got %q", value.Clip(m.Name, 64))
		}
		same := func(other member) bool { return other.name == m.Name || other.goes.Equal(v) }
		if e.typ.Comparable() && slices.ContainsFunc(e.members, same) {
			return fmt.Errorf("member %q is there twice, by its name or by its Go value", m.Name)
		}
		was, err := value.Dynamic(m.Value)
		if m.Value == nil {
			was, err = value.Dynamic(m.Go)
		}
		if err != nil {
			return fmt.Errorf("member %q: %w", m.Name, err)
		}
		goes, _ := value.Dynamic(m.Go)
		e.mapped = e.mapped || !reflect.DeepEqual(was, goes)
		e.members = append(e.members, member{m.Name, was, v})
	}
	if e.members == nil {
		return errors.New("expected a member or more in Members")
	}
	return nil
}

// newBinding checks a sample and options against each other.
func newBinding(c class, sample any, options []Option) (*binding, error) {
	t := reflect.TypeOf(sample)
	if t == nil {
		return nil, errors.New("expected a value of a Go type as the sample, such as Product{}, got nil")
	}
	e := &binding{class: c, typ: t}
	if t.Kind() == reflect.Pointer {
		e.typ, e.pointer = t.Elem(), true
	}
	if e.typ.Name() == "" || e.typ.PkgPath() == "" {
		return nil, fmt.Errorf("expected a type that the program declares, such as Product{}, got %s", t)
	}
	if slices.Contains(own, e.typ) {
		return nil, fmt.Errorf("%s has a form of its own; expected a type that the program declares", e.typ)
	}
	if err := value.Check(e.typ); err != nil {
		return nil, err
	}
	for _, o := range options {
		if o == nil {
			return nil, errors.New("got a nil Option")
		}
		if err := o.option(e); err != nil {
			return nil, err
		}
	}
	return e, e.check()
}

// check finds the form and whether the type fits it.
func (e *binding) check() error {
	forms := []Form{Attributes, Slots, FrozenSlots, NamedTuple, OldStyle, Raised}
	switch e.typ.Kind() {
	case reflect.Struct:
		names, optional, err := value.Fields(e.typ)
		if err != nil {
			return fmt.Errorf("%w: expected a struct whose fields are the attributes; it is something else to every wire already", err)
		}
		e.fields = names
		if e.form == 0 && e.isError() {
			e.form = Raised
		}
		if at := slices.Index(names, "args"); at >= 0 && e.form == Raised {
			zero, _ := value.Dynamic(reflect.Zero(e.typ).Interface())
			fields, _ := zero.(map[string]any)
			if _, isList := fields["args"].([]any); at > 0 || !isList {
				return fmt.Errorf("%s: expected the field args as the first one, a []any without omitempty and omitzero", e.typ)
			}
			e.args = true
		}
		if optional && (e.form == FrozenSlots || e.form == NamedTuple || e.form == Raised && !e.args) {
			return fmt.Errorf("%s: fields stand by their order in the form %v; take omitempty and omitzero off them", e.typ, e.form)
		}
	case reflect.Slice:
		forms = []Form{List}
	case reflect.Map:
		forms = []Form{Dict}
	case reflect.String, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if value.IsText(e.typ) {
			return fmt.Errorf("%s is text by its MarshalText to every wire already; register a type without that method", e.typ)
		}
		forms = []Form{Enum}
	default:
		return fmt.Errorf("expected a struct, an integer, text, a slice or a map, got %s", e.typ)
	}
	if e.pointer && e.typ.Kind() != reflect.Struct {
		return fmt.Errorf("expected %s itself as the sample, not a pointer to it", e.typ)
	}
	if e.form == 0 {
		e.form = forms[0]
	}
	if !slices.Contains(forms, e.form) {
		return fmt.Errorf("the form %v does not fit %s", e.form, e.typ)
	}
	if e.members != nil && e.form != Enum {
		return fmt.Errorf("Members are for enumerations, not for the form %v", e.form)
	}
	return nil
}

func (e *binding) isError() bool {
	err := reflect.TypeFor[error]()
	return e.typ.Implements(err) || reflect.PointerTo(e.typ).Implements(err)
}
