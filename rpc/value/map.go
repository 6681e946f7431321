package value

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
)

func (c *compiler) fillMap(p *plan, t reflect.Type) {
	readKey, writeKey := mapKey(t.Key())
	if readKey == nil {
		p.err = fmt.Errorf("%s cannot cross the wire: keys must be strings, integers or any", t)
		return
	}
	if c.types.Has(t.Key()) {
		key := c.part(p, t.Key(), "a key of "+t.String())
		writeKey = func(s Sink, v reflect.Value) { key.encode(s, v) }
	}
	elem := c.part(p, t.Elem(), "an element of "+t.String())
	p.decode = func(s Source, v reflect.Value) {
		switch k := s.Kind(); k {
		case KindMap:
		case KindNil:
			s.Nil()
			v.SetZero()
			return
		case KindOther:
			decodeInstance(s, v, "map")
			return
		default:
			mismatch(s, "map", k)
			return
		}
		n := s.Map()
		m := reflect.MakeMapWithSize(t, bounded(n, t.Key().Size()+t.Elem().Size()))
		v.Set(m)
		for s.More() {
			key := reflect.New(t.Key()).Elem()
			readKey(s, key)
			if s.Err() != nil {
				return
			}
			e := reflect.New(t.Elem()).Elem()
			elem.decode(s, e)
			if err := s.Err(); err != nil {
				err.withinName(fmt.Sprint(key.Interface()))
				return
			}
			m.SetMapIndex(key, e)
		}
	}
	p.encode = func(s Sink, v reflect.Value) {
		keys := v.MapKeys()
		slices.SortFunc(keys, compareKeys)
		s.Map(len(keys))
		if s.Err() != nil {
			return // above all: too deep
		}
		for _, key := range keys {
			writeKey(s, key)
			elem.encode(s, v.MapIndex(key))
			if err := s.Err(); err != nil {
				err.withinName(fmt.Sprint(key.Interface()))
				return
			}
		}
		s.End()
	}
}

// mapKey returns how keys of type t are read and written, or nils.
func mapKey(t reflect.Type) (read func(Source, reflect.Value), write func(Sink, reflect.Value)) {
	name := t.String()
	switch t.Kind() {
	case reflect.String:
		return func(s Source, v reflect.Value) { v.SetString(string(s.Name())) },
			func(s Sink, v reflect.Value) { s.Name(v.String()) }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(s Source, v reflect.Value) {
				if s.Kind() != KindString {
					v.SetInt(decodeInt(s, t.Bits(), name))
					return
				}
				// A wire whose keys are all text carries integers in decimal.
				n, err := strconv.ParseInt(string(s.Name()), 10, t.Bits())
				if err != nil {
					s.Fail(fmt.Errorf("map key: expected int, got string (%w)", err))
				}
				v.SetInt(n)
			},
			func(s Sink, v reflect.Value) { s.Int(v.Int()) }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return func(s Source, v reflect.Value) {
				if s.Kind() != KindString {
					v.SetUint(decodeUint(s, t.Bits(), name))
					return
				}
				n, err := strconv.ParseUint(string(s.Name()), 10, t.Bits())
				if err != nil {
					s.Fail(fmt.Errorf("map key: expected int, got string (%w)", err))
				}
				v.SetUint(n)
			},
			func(s Sink, v reflect.Value) { encodeUint(s, v.Uint()) }
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return nil, nil
		}
		return func(s Source, v reflect.Value) {
				key := DecodeAny(s)
				if key == nil {
					return
				}
				if r := reflect.ValueOf(key); r.Comparable() {
					v.Set(r)
				} else if s.Err() == nil {
					s.Fail(fmt.Errorf("a %s cannot be a key of a Go map: receive it as an any or a value.Map", Word(key)))
				}
			},
			func(s Sink, v reflect.Value) { encodeKey(s, v.Interface()) }
	}
	return nil, nil
}

// compareKeys orders keys so that a map is written the same each time.
func compareKeys(a, b reflect.Value) int {
	if a.Kind() == reflect.Interface {
		a, b = a.Elem(), b.Elem()
	}
	if a.Kind() != b.Kind() {
		return cmp.Compare(a.Kind(), b.Kind())
	}
	switch {
	case a.Kind() == reflect.String:
		return cmp.Compare(a.String(), b.String())
	case a.CanInt():
		return cmp.Compare(a.Int(), b.Int())
	case a.CanUint():
		return cmp.Compare(a.Uint(), b.Uint())
	case a.CanFloat():
		return cmp.Compare(a.Float(), b.Float())
	}
	return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b))
}
