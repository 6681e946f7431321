package pickle

import (
	"fmt"
	"maps"

	"github.com/parley-rpc/parley/rpc/value"
)

// Object is an instance of a class that is not registered, or a class itself. It
// is read with Options.Objects and written with EncodeOptions.Objects. It is what
// the message says and no more: nothing of the class is known here.
//
// Written again it makes in Python what it was made of there. So whoever hands
// an Object of one peer to another lets the first choose what is called in the
// second: do so only where the first is trusted with that.
type Object struct {
	Module string // "shop.models"
	Name   string // "Product", or "Order.Line" for a class within a class
	How    How
	Args   value.Tuple    // of the call that makes it
	Kwargs map[string]any // likewise; only of New
	// State is what the object gets when it has been made: as a rule its
	// attributes as a map, with __slots__ a tuple of two maps or nil.
	State    any
	HasState bool      // a State of nil was there
	List     []any     // items, of a subclass of list
	Dict     value.Map // entries, of a subclass of dict

	base class // of Rebuilt
}

// How says how an Object is made.
type How uint8

const (
	New       How = iota // by __new__ of the class
	Call                 // by a call of the class or function
	Reference            // not at all: it is the class or function itself
	OldNew               // as an instance of a class of Python 2 that is not derived from object
	Rebuilt              // by copyreg, as protocols 0 and 1 do: the one of Args is what its base class holds
)

var howWords = [...]string{"New", "Call", "Reference", "OldNew", "Rebuilt"}

// String returns the name of the constant.
func (h How) String() string {
	if int(h) < len(howWords) {
		return howWords[h]
	}
	return fmt.Sprintf("How(%d)", uint8(h))
}

// Class returns the module and the name: "shop.models.Product".
func (o *Object) Class() string { return o.Module + "." + o.Name }

// Attributes implements value.Attributed, so that o fits a struct. It is nil if
// o does not tell its attributes by their names.
func (o *Object) Attributes() map[string]any {
	m, _, _ := o.attributes()
	return m
}

// Convert sets *dst, a struct, to the attributes of o by the mapping of package
// value.
func (o *Object) Convert(dst any) error {
	m, _, err := o.attributes()
	if err != nil {
		return fmt.Errorf("pickle: class %s: %w", value.Clip(o.Class(), 128), err)
	}
	if err := value.Convert(dst, m); err != nil {
		return fmt.Errorf("pickle: class %s: %w", value.Clip(o.Class(), 128), err)
	}
	return nil
}

// attributes returns those that the state tells by name, and its values if it
// tells none.
func (o *Object) attributes() (map[string]any, []any, error) {
	switch state := o.State.(type) {
	case nil:
		return nil, nil, nil
	case map[string]any:
		return state, nil, nil
	case []any: // of a frozen dataclass with slots
		return nil, state, nil
	case value.Tuple: // __dict__ and slots
		if len(state) != 2 {
			break
		}
		all := map[string]any{}
		for _, part := range state {
			m, ok := part.(map[string]any)
			if !ok && part != nil {
				return nil, nil, fmt.Errorf("expected a dict of attributes, got %s", value.Word(part))
			}
			maps.Copy(all, m)
		}
		return all, nil, nil
	}
	return nil, nil, fmt.Errorf("expected a dict of attributes, got %s; a class with a __getstate__ of its own can only be read as an Object", value.Word(o.State))
}

// values returns what o was made of: the fields of a namedtuple, the arguments of
// an exception.
func (o *Object) values() []any {
	if o.How == Rebuilt && o.base == "builtins.tuple" && len(o.Args) == 1 {
		if items, ok := o.Args[0].(value.Tuple); ok {
			return items
		}
	}
	return o.Args
}
