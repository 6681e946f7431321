package rpc

import (
	"context"
	"reflect"
	"slices"

	"github.com/parley-rpc/parley/rpc/value"
)

// methodForm is what system.methodTypes tells of a method: more than a signature
// has words for.
type methodForm struct {
	Params []formParam `rpc:"params"`
	Result shape       `rpc:"result"`
	Stream bool        `rpc:"stream,omitempty"` // the result is one, of its items or of binary
}

// formParam is a parameter of a method.
type formParam struct {
	Name     string   `rpc:"name,omitempty"` // if it was given one
	Type     string   `rpc:"type"`
	Members  []member `rpc:"members,omitempty"`
	Items    *shape   `rpc:"items,omitempty"`
	Optional bool     `rpc:"optional,omitempty"` // it may be left out
	Variadic bool     `rpc:"variadic,omitempty"` // it may be given any number of times, each time of this type
	Stream   bool     `rpc:"stream,omitempty"`   // it may be one
}

// shape is what a value looks like: a word of signatures, and what is in it.
type shape struct {
	Type    string   `rpc:"type"`
	Members []member `rpc:"members,omitempty"` // of a struct, if they are known
	Items   *shape   `rpc:"items,omitempty"`   // of an array, or of a struct of which the names are free
}

type member struct {
	Name    string   `rpc:"name"`
	Type    string   `rpc:"type"`
	Members []member `rpc:"members,omitempty"`
	Items   *shape   `rpc:"items,omitempty"`
}

// form describes a method by its types. Of a Handler the names alone are known.
func (m *method) form() methodForm {
	f := methodForm{Params: []formParam{}, Result: shape{Type: "any"}}
	if m.raw {
		for _, name := range m.params.Names {
			f.Params = append(f.Params, formParam{Name: name, Type: "any"})
		}
		return f
	}
	var s shaper
	for i, t := range m.types {
		p := formParam{Optional: i >= m.params.Required}
		if i < len(m.params.Names) {
			p.Name = m.params.Names[i]
		}
		if last := i == len(m.types)-1; last && m.params.Variadic {
			t, p.Variadic, p.Optional = t.Elem(), true, false
		} else if last && m.upload != nil {
			t, p.Stream = m.uploadList, true
		}
		is := s.of(t)
		p.Type, p.Members, p.Items = is.Type, is.Members, is.Items
		f.Params = append(f.Params, p)
	}
	switch {
	case m.result == nil:
		f.Result.Type = "nil"
	case m.streams != nil && itemsOf(m.result) == nil:
		f.Result.Type, f.Stream = "base64", true
	case m.streams != nil:
		f.Result, f.Stream = s.of(reflect.SliceOf(m.streams)), true
	default:
		f.Result = s.of(m.result)
	}
	return f
}

// shaper bounds what is told of one method.
type shaper struct {
	within []reflect.Type // structs around: one that holds itself is told once
	told   int            // members so far
}

// maxMembers bounds the members that are told of one method.
const maxMembers = 500

func (s *shaper) of(t reflect.Type) shape {
	for t.Kind() == reflect.Pointer && typeWord(t) == typeWord(t.Elem()) {
		t = t.Elem()
	}
	is := shape{Type: typeWord(t)}
	switch {
	case is.Type == "array" && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array), is.Type == "struct" && t.Kind() == reflect.Map:
		if t == reflect.TypeFor[value.Map]() || t == reflect.TypeFor[value.Tuple]() {
			break
		}
		items := s.of(t.Elem())
		is.Items = &items
	case is.Type == "struct" && t.Kind() == reflect.Struct:
		is.Members = s.members(t)
	}
	return is
}

func (s *shaper) members(t reflect.Type) (list []member) {
	if slices.Contains(s.within, t) {
		return nil
	}
	fields, err := value.FieldTypes(t)
	if err != nil {
		return nil
	}
	s.within = append(s.within, t)
	defer func() { s.within = s.within[:len(s.within)-1] }()
	for _, f := range fields {
		if s.told++; s.told > maxMembers {
			break
		}
		is := s.of(f.Type)
		list = append(list, member{f.Name, is.Type, is.Members, is.Items})
	}
	return list
}

// methodTypes answers what a method takes and returns, members of structs included.
func (r *Registry) methodTypes(ctx context.Context, name string) (methodForm, error) {
	m, err := r.find(ctx, name)
	if err != nil {
		return methodForm{}, err
	}
	return m.form(), nil
}
