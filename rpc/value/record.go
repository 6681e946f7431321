package value

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// record is a struct type as it stands on the wire.
type record struct {
	fields []field
	names  []string
	index  map[string]int
	fixed  bool // no field is ever left out, so that lists of it are tables
}

type field struct {
	name      string
	index     []int // for reflect.Value.FieldByIndex
	plan      *plan
	scalar    scalar // of the plan, unless the field is an embedded struct's
	omitEmpty bool
	omitZero  bool
}

func (f *field) omitted(v reflect.Value) bool {
	return f.omitZero && v.IsZero() || f.omitEmpty && isEmpty(v)
}

// isEmpty is what encoding/json means by empty.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

func (c *compiler) fillStruct(p *plan, t reflect.Type) {
	r := &record{index: map[string]int{}, fixed: true}
	var found []candidate
	if p.err = collectFields(t, nil, &found); p.err != nil {
		return
	}
	if r.fields, p.err = chooseFields(t, found); p.err != nil {
		return
	}
	if len(r.fields) == 0 && t.NumField() > 0 {
		p.err = fmt.Errorf("%s cannot cross the wire: it has no exported field", t)
		return
	}
	p.record = r
	for i := range r.fields {
		f := &r.fields[i]
		f.plan = c.part(p, t.FieldByIndex(f.index).Type, fmt.Sprintf("field %s of %s", t.FieldByIndex(f.index).Name, t))
		if len(f.index) == 1 {
			f.scalar = f.plan.scalar
		}
		r.index[f.name] = i
		r.names = append(r.names, f.name)
		r.fixed = r.fixed && !f.omitEmpty && !f.omitZero
	}
	p.decode = r.decode
	p.encode = r.encode
}

// decode reads into a zero value: it leaves fields without an entry, and by default ignores entries
// without a field: otherwise no service could be upgraded before its callers.
func (r *record) decode(s Source, v reflect.Value) {
	if k := s.Kind(); k != KindMap {
		if k == KindOther {
			decodeInstance(s, v, "map")
		} else {
			mismatch(s, "map", k)
		}
		return
	}
	s.Map()
	behind := 0 // no field from here on has been read
	for next := 0; s.More(); next++ {
		name := s.Name()
		// Records come as a rule in the order of their declaration.
		if next >= len(r.fields) || r.fields[next].name != string(name) {
			i, ok := r.index[string(name)]
			if !ok {
				if s.Err() == nil {
					r.unknown(s, name)
				}
				next--
				continue
			}
			next = i
		}
		f := &r.fields[next]
		fv := f.of(v)
		if next < behind {
			fv.SetZero() // it may be there twice: the last one counts, and nothing of the first
		}
		behind = max(behind, next+1)
		f.plan.decode(s, fv)
		if err := s.Err(); err != nil {
			err.withinName(f.name)
			return
		}
	}
}

// unknown reads over the value of an entry that there is no field for.
func (r *record) unknown(s Source, name []byte) {
	if strict, ok := s.(interface{ rejectsUnknown() bool }); ok && strict.rejectsUnknown() {
		s.Fail(fmt.Errorf("unknown field %q: expected one of %s", Clip(string(name), 64), Clip(strings.Join(r.names, ", "), 512)))
		return
	}
	s.Skip()
}

func (r *record) encode(s Sink, v reflect.Value) {
	n := len(r.fields)
	if !r.fixed {
		for i := range r.fields {
			if f := &r.fields[i]; f.omitted(f.of(v)) {
				n--
			}
		}
	}
	s.Map(n)
	if s.Err() != nil {
		return // above all: too deep
	}
	for i := range r.fields {
		f := &r.fields[i]
		fv := f.of(v)
		if !r.fixed && f.omitted(fv) {
			continue
		}
		s.Name(f.name)
		f.plan.encode(s, fv)
		if err := s.Err(); err != nil {
			err.withinName(f.name)
			return
		}
	}
	s.End()
}

// of returns the field of a struct.
func (f *field) of(v reflect.Value) reflect.Value {
	if len(f.index) == 1 {
		return v.Field(f.index[0])
	}
	return v.FieldByIndex(f.index)
}

type candidate struct {
	field
	goName string
}

// collectFields gathers the fields of t and of the structs embedded in it.
func collectFields(t reflect.Type, index []int, found *[]candidate) error {
	for i := range t.NumField() {
		sf := t.Field(i)
		at := append(slices.Clone(index), i)
		tag, tagged := fieldTag(sf)
		if tag == "-" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		if sf.Anonymous && name == "" {
			if sf.Type.Kind() == reflect.Pointer && sf.Type.Elem().Kind() == reflect.Struct {
				return fmt.Errorf("%s cannot cross the wire: %s is embedded as a pointer; embed the struct itself or give the field a name", t, sf.Name)
			}
			if sf.Type.Kind() == reflect.Struct && !isSpecial(sf.Type) {
				if err := collectFields(sf.Type, at, found); err != nil {
					return err
				}
				continue
			}
		}
		if !sf.IsExported() {
			if tagged && tag != "" {
				return fmt.Errorf("%s cannot cross the wire: field %s has a tag but is not exported", t, sf.Name)
			}
			continue
		}
		f := field{name: cmp.Or(name, sf.Name), index: at}
		for option := range strings.SplitSeq(options, ",") {
			switch option {
			case "omitempty":
				f.omitEmpty = true
			case "omitzero":
				f.omitZero = true
			}
		}
		*found = append(*found, candidate{f, sf.Name})
	}
	return nil
}

// fieldTag returns the tag that names a field: the first there is of rpc,
// xmlrpc and json.
func fieldTag(sf reflect.StructField) (string, bool) {
	for _, key := range []string{"rpc", "xmlrpc", "json"} {
		if tag, ok := sf.Tag.Lookup(key); ok {
			return tag, true
		}
	}
	return "", false
}

// isSpecial reports whether t means something other than its fields.
func isSpecial(t reflect.Type) bool {
	return (&compiler{}).fillSpecial(&plan{}, t)
}

// chooseFields lets an outer field hide an embedded one of the same name, as
// the language does. Two of one name at one depth are an error.
func chooseFields(t reflect.Type, found []candidate) ([]field, error) {
	var fields []field
	at := map[string]int{}
	for _, c := range found {
		i, taken := at[c.name]
		switch {
		case !taken:
			at[c.name] = len(fields)
			fields = append(fields, c.field)
		case len(c.index) < len(fields[i].index):
			fields[i] = c.field
		case len(c.index) == len(fields[i].index):
			return nil, fmt.Errorf("%s cannot cross the wire: fields %s and %s have the same wire name %q",
				t, t.FieldByIndex(fields[i].index).Name, c.goName, c.name)
		}
	}
	return fields, nil
}
