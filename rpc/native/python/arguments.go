package python

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

// arguments are those of a call in Python: by position, and by name.
type arguments struct {
	positional []any
	named      map[string]any
	registry   *pickle.Registry // of the message
	packed     *pickle.Message  // in the place of positional: they are not made yet
}

// Decode implements rpc.Args. It may be called once: parameters of type any get
// the values themselves.
func (a arguments) Decode(dst []any, p *value.Params) error {
	if a.packed != nil {
		if len(a.named) == 0 && !allAny(dst, p) {
			return a.lacksMemory(value.DecodeArgs(a.packed.Source(), dst, p))
		}
		if err := a.unpack(); err != nil {
			return a.lacksMemory(err)
		}
	}
	items, err := a.bind(len(dst), p)
	if err != nil || hand(items, dst, p) {
		return err
	}
	return value.DecodeArgs(a.registry.Source(items), dst, p)
}

// stand takes v for the arguments by position: a sequence of values, or a
// *pickle.Message of one. It answers false for anything else.
func (a *arguments) stand(v any) (ok bool) {
	if a.packed, ok = v.(*pickle.Message); !ok {
		a.positional, ok = sequence(v)
	}
	return ok
}

// unpack makes the values of packed arguments.
func (a *arguments) unpack() error {
	if a.packed == nil {
		return nil
	}
	v, err := a.packed.Value()
	a.packed = nil
	a.positional, _ = sequence(v)
	return err
}

// lacksMemory returns the fault of a server that has no memory for the arguments,
// if that is why they were not made, else err.
func (a arguments) lacksMemory(err error) error {
	if f := overLimit(err); f != nil {
		return f
	}
	return err
}

// allAny reports whether all parameters are of type any.
func allAny(dst []any, p *value.Params) bool {
	for i, to := range dst {
		switch to.(type) {
		case *any:
		case *[]any:
			if p == nil || !p.Variadic || i < len(dst)-1 {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// hand puts items into dst if that takes no conversion: all parameters are of
// type any and as many as there are items. It saves a copy of every list, and
// lets values through that only pickle has, such as a pickle.Date.
func hand(items, dst []any, p *value.Params) bool {
	fixed := len(dst)
	variadic := p != nil && p.Variadic
	if variadic {
		fixed--
	}
	if len(items) < fixed || len(items) > fixed && !variadic {
		return false
	}
	for _, to := range dst[:fixed] {
		if _, ok := to.(*any); !ok {
			return false
		}
	}
	if variadic {
		rest, ok := dst[fixed].(*[]any)
		if !ok {
			return false
		}
		*rest = items[fixed:]
	}
	for i, to := range dst[:fixed] {
		*to.(*any) = items[i]
	}
	return true
}

// bind puts the named arguments in their places. Their number is checked later.
func (a arguments) bind(params int, p *value.Params) ([]any, error) {
	if len(a.named) == 0 {
		return a.positional, nil
	}
	if p == nil || len(p.Names) == 0 {
		return nil, fmt.Errorf("keyword arguments are not taken: got %s", a.names())
	}
	fixed := min(params, len(p.Names))
	if p.Variadic {
		fixed = min(fixed, params-1)
	}
	items := make([]any, max(fixed, len(a.positional)))
	given := make([]bool, len(items))
	for i, v := range a.positional {
		items[i], given[i] = v, true
	}
	for _, name := range slices.Sorted(maps.Keys(a.named)) {
		i := slices.Index(p.Names[:fixed], name)
		if i < 0 {
			return nil, fmt.Errorf("no parameter is named %q: expected %s", value.Clip(name, 64), strings.Join(p.Names[:fixed], ", "))
		}
		if given[i] {
			return nil, fmt.Errorf("argument %s is given twice, by position and by name", name)
		}
		items[i], given[i] = a.named[name], true
	}
	last := len(items)
	for last > 0 && !given[last-1] {
		last--
	}
	for i := range last {
		if !given[i] && i < p.Required {
			return nil, errors.New("argument " + p.Names[i] + " is missing")
		}
	}
	return items[:last], nil
}

func (a arguments) names() string {
	const most = 8
	names := slices.Sorted(maps.Keys(a.named))
	for i, name := range names {
		names[i] = value.Clip(name, 64)
	}
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}
