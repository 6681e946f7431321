package pickle

import (
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// source is the Source over nodes. Lists, tuples and dicts with text keys are
// walked as they are; the rarer nodes are made into values first, and those are
// walked.
type source struct {
	value.Sticky
	d     *decoder
	depth int // containers around the first value

	// What stands next. Kind is KindInvalid if nothing does.
	kind   value.Kind
	next   any // unless it is of a packed list
	number int64
	float  float64
	copied bool   // it stands at several places
	table  *table // of a row that stands next, and its number
	row    int

	stack []level // containers that have been entered
	name  []byte
	rows  rows
}

// level is a container that has been entered.
type level struct {
	items  []any // of a map: key, value, key, value ...
	packed *packed
	at     int
	isMap  bool
	atKey  bool // of a map: the key stands next, its value follows
	copied bool
}

// Fail implements value.Source, like all methods below.
func (s *source) Fail(err error) { s.FailAt(err, -1) }

// charge is that of the decoder.
func (s *source) charge(n int) bool {
	if !s.d.charge(n) {
		s.Fail(s.d.err)
		return false
	}
	return true
}

// stand makes v what stands next.
func (s *source) stand(v any, copied bool) {
	s.next, s.copied = v, copied
	switch v := v.(type) {
	case string:
		s.kind = value.KindString
	case int64:
		s.kind, s.number = value.KindInt, v
	case float64:
		s.kind, s.float = value.KindFloat, v
	case bool:
		s.kind = value.KindBool
	case nil:
		s.kind = value.KindNil
	case []byte:
		s.kind = value.KindBytes
	case *node:
		switch {
		case !v.isPlain():
			s.standMade(s.d.tree(v, s.depth+len(s.stack), copied))
		case v.kind == nodeTuple:
			s.kind = value.KindTuple
		case v.kind == nodeDict:
			s.kind = value.KindMap
		default:
			s.kind = value.KindList
		}
	case class, *instance:
		s.standMade(s.d.tree(v, s.depth+len(s.stack), true))
	default:
		s.standMade(v)
	}
}

// standMade makes a value what stands next that is no node.
func (s *source) standMade(v any) {
	if s.d.err != nil {
		s.Fail(s.d.err)
		return
	}
	s.next = v
	switch v := v.(type) {
	case *big.Int:
		s.kind = value.KindInt
	case time.Time:
		s.kind = value.KindTime
	case value.LocalTime, value.ByteArray, value.Decimal, value.UUID, value.Range, complex128, *big.Rat:
		s.kind = value.KindOther
	case []any:
		s.kind = value.KindList
	case value.Tuple:
		s.kind = value.KindTuple
	case value.Set:
		s.kind = value.KindSet
		if v.Frozen {
			s.kind = value.KindFrozenSet
		}
	case map[string]any, value.Map:
		s.kind = value.KindMap
	case zone:
		s.d.tree(v, 0, false) // tells that it stands for nothing
		s.Fail(s.d.err)
	case *Object:
		s.kind = value.KindOther
	default: // such as a Date: what it is by its Go type
		if s.Types.Holds(v) {
			s.kind = value.KindOther
			return
		}
		dynamic, err := value.Dynamic(v)
		if err != nil {
			s.Fail(err)
			return
		}
		s.stand(dynamic, true)
	}
}

// standRow makes a row what stands next.
func (s *source) standRow(t *table, i int) {
	s.kind, s.next, s.table, s.row = value.KindMap, nil, t, i
}

// take moves on, behind what stands next.
func (s *source) take() {
	s.kind, s.next, s.table = value.KindInvalid, nil, nil
	s.afterKey()
}

// afterKey makes the value of an entry what stands next, once its key is read.
func (s *source) afterKey() {
	if n := len(s.stack); n > 0 && s.stack[n-1].atKey {
		l := &s.stack[n-1]
		l.atKey = false
		l.at++
		s.stand(l.items[l.at-1], l.copied)
	}
}

func (s *source) Kind() value.Kind {
	if s.Err() != nil {
		return value.KindInvalid
	}
	return s.kind
}

// is fails unless a value of the given kind stands next.
func (s *source) is(want value.Kind) bool {
	if s.kind == want && s.Err() == nil {
		return true
	}
	if s.kind == value.KindInvalid {
		s.Fail(fmt.Errorf("expected %s, got nothing", want))
	} else {
		s.Fail(value.Mismatch(want.String(), s.kind))
	}
	return false
}

func (s *source) Nil() {
	if s.is(value.KindNil) {
		s.take()
	}
}

func (s *source) Bool() bool {
	if !s.is(value.KindBool) {
		return false
	}
	b, _ := s.next.(bool)
	s.take()
	return b
}

func (s *source) Int() (int64, bool) {
	if !s.is(value.KindInt) {
		return 0, true
	}
	if _, ok := s.next.(*big.Int); ok {
		return 0, false
	}
	n := s.number
	s.take()
	return n, true
}

func (s *source) BigInt() *big.Int {
	if !s.is(value.KindInt) {
		return new(big.Int)
	}
	n, ok := s.next.(*big.Int)
	if !ok {
		n = big.NewInt(s.number)
	} else if s.copied {
		n = new(big.Int).Set(n)
	}
	s.take()
	return n
}

func (s *source) Float() float64 {
	if !s.is(value.KindFloat) {
		return 0
	}
	f := s.float
	s.take()
	return f
}

func (s *source) Text() string {
	if !s.is(value.KindString) {
		return ""
	}
	text, _ := s.next.(string)
	s.take()
	s.charge(len(text))
	return text
}

func (s *source) Bytes() []byte {
	if !s.is(value.KindBytes) {
		return nil
	}
	b, _ := s.own().([]byte)
	return b
}

// own takes what stands next for a reader who may change it.
func (s *source) own() any {
	v := s.next
	if s.copied {
		v = s.d.again(v)
		s.Fail(s.d.err)
	}
	s.take()
	return v
}

func (s *source) Time() time.Time {
	if !s.is(value.KindTime) {
		return time.Time{}
	}
	t, _ := s.next.(time.Time)
	s.take()
	return t
}

func (s *source) Other() any {
	if !s.is(value.KindOther) {
		return nil
	}
	return s.own()
}

func (s *source) List() int {
	if !s.kind.IsSequence() || s.Err() != nil {
		s.is(value.KindList)
		return 0
	}
	l := level{copied: s.copied}
	switch v := s.next.(type) {
	case *node:
		l.items, l.packed, l.copied = v.items, v.packed, s.copied || v.shared
	case []any:
		l.items = v
	case value.Tuple:
		l.items = v
	case value.Set:
		l.items = v.Items
	}
	n := len(l.items) + l.packed.len()
	s.enter(l, slotSize*n)
	return n
}

func (s *source) Map() int {
	if !s.is(value.KindMap) {
		return 0
	}
	l := level{isMap: true, copied: s.copied}
	if s.table != nil {
		l.items = s.table.items(s.row)
	}
	switch v := s.next.(type) {
	case *node:
		l.items, l.copied = uniqueKeys(v.items), s.copied || v.shared
	case map[string]any:
		for name, item := range v {
			l.items = append(l.items, name, item)
		}
	case value.Map:
		for _, p := range v {
			l.items = append(l.items, p.Key, p.Value)
		}
	}
	s.enter(l, mapSize+slotSize*len(l.items))
	return len(l.items) / 2
}

// enter goes into a container. If it is a key, as a tuple can be, then the value
// stands next after its end.
func (s *source) enter(l level, size int) {
	s.kind, s.next, s.table = value.KindInvalid, nil, nil
	s.charge(size)
	s.stack = append(s.stack, l)
}

func (s *source) More() bool {
	if len(s.stack) == 0 || s.Err() != nil {
		return false
	}
	l := &s.stack[len(s.stack)-1]
	switch {
	case l.packed != nil && l.at < l.packed.len():
		s.next, s.copied = nil, false
		switch p := l.packed; {
		case p.rows != nil:
			s.standRow(p.rows, l.at)
		case p.floats != nil:
			s.kind, s.float = value.KindFloat, p.floats[l.at]
		default:
			s.kind, s.number = value.KindInt, p.ints[l.at]
		}
	case l.at < len(l.items):
		l.atKey = l.isMap
		s.stand(l.items[l.at], l.copied)
	default:
		s.stack = s.stack[:len(s.stack)-1]
		s.afterKey()
		return false
	}
	s.stack[len(s.stack)-1].at++
	return true
}

func (s *source) Name() []byte {
	if s.kind == value.KindOther && s.Types.Holds(s.next) {
		if v := reflect.ValueOf(s.next); v.Kind() == reflect.String { // of an enumeration
			s.name = append(s.name[:0], v.String()...)
			s.take()
			return s.name
		}
	}
	if !s.is(value.KindString) {
		return nil
	}
	text, _ := s.next.(string)
	s.name = append(s.name[:0], text...)
	s.take()
	return s.name
}

func (s *source) Skip() {
	switch {
	case s.Err() != nil:
	case s.kind == value.KindInvalid:
		s.Fail(errors.New("expected a value, got none"))
	default:
		s.take()
	}
}

func (s *source) Ints(dst []int64) []int64 {
	l, ok := s.list()
	if !ok {
		return dst
	}
	if p := l.packed; p != nil {
		ints := p.ints[min(l.at, len(p.ints)):]
		l.at += len(ints)
		if len(dst) == 0 && len(ints) > cap(dst) && !l.copied {
			return ints // nobody else needs them
		}
		return append(dst, ints...)
	}
	for ; l.at < len(l.items); l.at++ {
		n, ok := l.items[l.at].(int64)
		if !ok {
			break
		}
		dst = append(dst, n)
	}
	return dst
}

// GoInts implements value.IntSource.
func (s *source) GoInts(dst []int) []int {
	l, ok := s.list()
	if !ok {
		return dst
	}
	if p := l.packed; p != nil {
		rest := p.ints[min(l.at, len(p.ints)):]
		dst = grow(dst, len(rest))
		for _, n := range rest {
			if int64(int(n)) != n { // where an int has 32 bits
				break
			}
			dst = append(dst, int(n))
			l.at++
		}
		return dst
	}
	for ; l.at < len(l.items); l.at++ {
		n, ok := l.items[l.at].(int64)
		if !ok || int64(int(n)) != n {
			break
		}
		dst = append(dst, int(n))
	}
	return dst
}

func (s *source) Floats(dst []float64) []float64 {
	l, ok := s.list()
	if !ok {
		return dst
	}
	if p := l.packed; p != nil {
		floats := p.floats[min(l.at, len(p.floats)):]
		l.at += len(floats)
		if len(dst) == 0 && len(floats) > cap(dst) && !l.copied {
			return floats
		}
		return append(dst, floats...)
	}
	for ; l.at < len(l.items); l.at++ {
		f, ok := l.items[l.at].(float64)
		if !ok {
			break
		}
		dst = append(dst, f)
	}
	return dst
}

// list returns the sequence that s is in, between two of its items.
func (s *source) list() (*level, bool) {
	if len(s.stack) == 0 || s.Err() != nil || s.kind != value.KindInvalid {
		return nil, false
	}
	l := &s.stack[len(s.stack)-1]
	return l, !l.isMap
}

// fewKeys is up to how many keys of a dict are compared each with each.
const fewKeys = 8

// uniqueKeys returns items, the keys and values of a dict, without the entries
// that a later one with the same key replaces. All keys are text.
func uniqueKeys(items []any) []any {
	if len(items) <= 2*fewKeys {
		for i := 2; i < len(items); i += 2 {
			for j := 0; j < i; j += 2 {
				if items[i] == items[j] {
					return replaceKeys(items)
				}
			}
		}
		return items
	}
	return replaceKeys(items)
}

func replaceKeys(items []any) []any {
	at := make(map[string]int, len(items)/2)
	unique := make([]any, 0, len(items))
	for i := 0; i < len(items); i += 2 {
		name, _ := items[i].(string)
		if j, again := at[name]; again {
			unique[j] = items[i+1]
			continue
		}
		unique = append(unique, items[i], items[i+1])
		at[name] = len(unique) - 1
	}
	return unique
}
