package value

import (
	"fmt"
	"slices"
	"strconv"
)

// DecodeAny reads the next value of s as the dynamic type of its kind.
func DecodeAny(s Source) any {
	switch k := s.Kind(); k {
	case KindNil:
		s.Nil()
		return nil
	case KindBool:
		return s.Bool()
	case KindInt:
		n, ok := s.Int()
		if !ok {
			if b := s.BigInt(); b != nil {
				return b
			}
			return nil
		}
		return n
	case KindFloat:
		return s.Float()
	case KindString:
		return s.Text()
	case KindBytes:
		return s.Bytes()
	case KindTime:
		return s.Time()
	case KindList:
		return decodeItems(s)
	case KindTuple:
		return Tuple(decodeItems(s))
	case KindSet, KindFrozenSet:
		return Set{Items: decodeItems(s), Frozen: k == KindFrozenSet}
	case KindMap:
		return decodeDynamicMap(s)
	case KindOther:
		return s.Other()
	}
	s.Fail(fmt.Errorf("expected a value, got none"))
	return nil
}

// decodeItems reads a sequence of any kind; it is never nil.
func decodeItems(s Source) []any {
	if k := s.Kind(); !k.IsSequence() {
		mismatch(s, "list", k)
		return nil
	}
	n := s.List()
	items := make([]any, 0, bounded(n, 16))
	for s.More() {
		items = append(items, DecodeAny(s))
		if err := s.Err(); err != nil {
			err.withinIndex(len(items) - 1)
			return nil
		}
	}
	return items
}

// decodeDynamicMap begins with a map[string]any and changes over to a Map at
// the first key that is not text.
func decodeDynamicMap(s Source) any {
	n := s.Map()
	m := make(map[string]any, bounded(n, 48))
	order := make([]string, 0, bounded(n, 16))
	for s.More() {
		if s.Kind() != KindString {
			pairs := make(Map, 0, len(order)+1)
			for _, name := range order {
				pairs = append(pairs, Pair{name, m[name]})
			}
			return decodeMorePairs(s, pairs)
		}
		name := string(s.Name())
		v := DecodeAny(s)
		if err := s.Err(); err != nil {
			err.withinName(name)
			return nil
		}
		if _, again := m[name]; !again {
			order = append(order, name)
		}
		m[name] = v
	}
	return m
}

func decodePairs(s Source) Map {
	if k := s.Kind(); k != KindMap {
		mismatch(s, "map", k)
		return nil
	}
	n := s.Map()
	pairs := make(Map, 0, bounded(n, 32))
	if !s.More() {
		return pairs
	}
	return decodeMorePairs(s, pairs)
}

// decodeMorePairs reads on after a More that answered true.
func decodeMorePairs(s Source, pairs Map) Map {
	for more := true; more; more = s.More() {
		key := DecodeAny(s)
		v := DecodeAny(s)
		if err := s.Err(); err != nil {
			err.withinName(keyText(key))
			return nil
		}
		pairs = append(pairs, Pair{key, v})
	}
	return pairs
}

func keyText(key any) string {
	switch key := key.(type) {
	case string:
		return key
	case int64:
		return strconv.FormatInt(key, 10)
	}
	return Word(key)
}

func encodeItems(s Sink, kind Kind, items []any) {
	s.List(kind, len(items))
	if s.Err() != nil {
		return // above all: too deep
	}
	for i, item := range items {
		Encode(s, item)
		if err := s.Err(); err != nil {
			err.withinIndex(i)
			return
		}
	}
	s.End()
}

func encodeSet(s Sink, set Set) {
	if set.Frozen {
		encodeItems(s, KindFrozenSet, set.Items)
	} else {
		encodeItems(s, KindSet, set.Items)
	}
}

func encodeRecord(s Sink, m map[string]any) {
	s.Map(len(m))
	if s.Err() != nil {
		return
	}
	for _, name := range sortedNames(m) {
		s.Name(name)
		Encode(s, m[name])
		if err := s.Err(); err != nil {
			err.withinName(name)
			return
		}
	}
	s.End()
}

func sortedNames(m map[string]any) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func encodePairs(s Sink, pairs Map) {
	s.Map(len(pairs))
	if s.Err() != nil {
		return
	}
	for _, p := range pairs {
		encodeKey(s, p.Key)
		Encode(s, p.Value)
		if err := s.Err(); err != nil {
			err.withinName(keyText(p.Key))
			return
		}
	}
	s.End()
}

func encodeKey(s Sink, key any) {
	if name, ok := key.(string); ok {
		s.Name(name)
		return
	}
	Encode(s, key)
}
