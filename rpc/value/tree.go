package value

import (
	"fmt"
	"math/big"
	"time"
)

// NewSource returns a Source over a value that exists in memory: a tree of
// dynamic values, or any Go value, which is then read as it would be written.
// It is how codecs that must build their values first hand them over, and how a
// call within the process passes its arguments. The tree is not changed, and
// nothing that can change is shared with what is read from it.
func NewSource(v any) Source {
	s := &treeSource{}
	s.stand(v)
	return s
}

// NewTypedSource returns a NewSource in which values of the given types, and
// pointers to them, stand for themselves: each is read by Other.
func NewTypedSource(v any, types *Types) Source {
	s := &treeSource{}
	s.Types = types
	s.stand(v)
	return s
}

type treeSource struct {
	Sticky
	next  any  // what stands next, in dynamic form
	has   bool // whether anything does
	stack []treeFrame
	name  []byte
}

// treeFrame is a container that has been entered.
type treeFrame struct {
	items []any // of a sequence
	names []string
	m     map[string]any // of a map with names
	pairs Map            // of another map
	at    int
	isMap bool
	value any  // of the entry whose key stands next
	atKey bool // the key stands next
}

// stand makes v the next value.
func (s *treeSource) stand(v any) {
	s.next, s.has = v, true
	switch v := v.(type) {
	case nil, bool, int64, float64, string, []byte, time.Time, []any, Tuple, Set, map[string]any, Map,
		LocalTime, ByteArray, Decimal, UUID, Range, complex128, *big.Rat:
	case int:
		s.next = int64(v)
	case *big.Int:
		if v == nil {
			s.next = nil
		} else if v.IsInt64() {
			s.next = v.Int64()
		}
	default:
		if _, ok := v.(Attributed); ok || s.Types.Holds(v) {
			return
		}
		tree, err := Dynamic(v)
		if err != nil {
			s.Fail(err)
			return
		}
		s.next = tree
	}
}

// take returns the next value and moves on.
func (s *treeSource) take() any {
	v := s.next
	s.next, s.has = nil, false
	if n := len(s.stack); n > 0 {
		if f := &s.stack[n-1]; f.atKey {
			f.atKey = false
			s.stand(f.value)
			f.value = nil
		}
	}
	return v
}

func (s *treeSource) Fail(err error) { s.FailAt(err, -1) }

func (s *treeSource) Kind() Kind {
	if !s.has || s.Err() != nil {
		return KindInvalid
	}
	switch v := s.next.(type) {
	case nil, Void:
		return KindNil
	case bool:
		return KindBool
	case int64, *big.Int:
		return KindInt
	case float64:
		return KindFloat
	case string:
		return KindString
	case []byte:
		return KindBytes
	case time.Time:
		return KindTime
	case []any:
		return KindList
	case Tuple:
		return KindTuple
	case Set:
		if v.Frozen {
			return KindFrozenSet
		}
		return KindSet
	case map[string]any, Map:
		return KindMap
	}
	return KindOther
}

// takeAs takes the next value, which must be a T.
func takeAs[T any](s *treeSource, want Kind) (x T) {
	k := s.Kind()
	if k == KindInvalid {
		s.Fail(fmt.Errorf("expected %s, got nothing", want))
		return x
	}
	x, ok := s.next.(T)
	if !ok {
		s.Fail(Mismatch(want.String(), k))
		return x
	}
	s.take()
	return x
}

func (s *treeSource) Nil() {
	if k := s.Kind(); k != KindNil {
		s.Fail(Mismatch("nil", k))
		return
	}
	s.take()
}

func (s *treeSource) Bool() bool      { return takeAs[bool](s, KindBool) }
func (s *treeSource) Float() float64  { return takeAs[float64](s, KindFloat) }
func (s *treeSource) Text() string    { return takeAs[string](s, KindString) }
func (s *treeSource) Time() time.Time { return takeAs[time.Time](s, KindTime) }

func (s *treeSource) Bytes() []byte {
	b := takeAs[[]byte](s, KindBytes)
	return append(make([]byte, 0, len(b)), b...)
}

func (s *treeSource) Int() (int64, bool) {
	if s.Err() == nil {
		if _, ok := s.next.(*big.Int); ok {
			return 0, false
		}
	}
	return takeAs[int64](s, KindInt), true
}

func (s *treeSource) BigInt() *big.Int {
	if s.Err() == nil {
		if n, ok := s.next.(*big.Int); ok {
			s.take()
			return new(big.Int).Set(n)
		}
	}
	return big.NewInt(takeAs[int64](s, KindInt))
}

func (s *treeSource) Other() any {
	if k := s.Kind(); k != KindOther {
		s.Fail(Mismatch("other", k))
		return nil
	}
	switch v := s.take().(type) {
	case ByteArray:
		return append(make(ByteArray, 0, len(v)), v...)
	case *big.Rat:
		return new(big.Rat).Set(v)
	default:
		return v
	}
}

func (s *treeSource) List() int {
	k := s.Kind()
	if !k.IsSequence() {
		s.Fail(Mismatch("list", k))
		return 0
	}
	var items []any
	switch v := s.enter().(type) {
	case []any:
		items = v
	case Tuple:
		items = v
	case Set:
		items = v.Items
	}
	return s.push(treeFrame{items: items}, len(items))
}

func (s *treeSource) Map() int {
	f := treeFrame{isMap: true}
	n := 0
	if k := s.Kind(); k != KindMap {
		s.Fail(Mismatch("map", k))
		return 0
	}
	switch v := s.enter().(type) {
	case map[string]any:
		f.m, f.names = v, sortedNames(v)
		n = len(v)
	case Map:
		f.pairs = v
		n = len(v)
	}
	return s.push(f, n)
}

// maxTreeDepth ends the reading of a value that contains itself.
const maxTreeDepth = 1000

func (s *treeSource) push(f treeFrame, n int) int {
	if len(s.stack) == maxTreeDepth {
		s.Fail(fmt.Errorf("nested deeper than %d", maxTreeDepth))
		return 0
	}
	s.stack = append(s.stack, f)
	return n
}

// enter takes a container. If it is a key (a Python tuple can be), its value
// stands next only after its end.
func (s *treeSource) enter() any {
	v := s.next
	s.next, s.has = nil, false
	return v
}

func (s *treeSource) More() bool {
	n := len(s.stack)
	if n == 0 || s.Err() != nil {
		return false
	}
	f := &s.stack[n-1]
	if !f.isMap {
		if f.at == len(f.items) {
			return s.leave()
		}
		s.stand(f.items[f.at])
		f.at++
		return true
	}
	switch {
	case f.m != nil && f.at < len(f.names):
		f.value = f.m[f.names[f.at]]
		s.stand(f.names[f.at])
	case f.at < len(f.pairs):
		f.value = f.pairs[f.at].Value
		s.stand(f.pairs[f.at].Key)
	default:
		return s.leave()
	}
	f.atKey = true
	f.at++
	return true
}

func (s *treeSource) leave() bool {
	s.stack = s.stack[:len(s.stack)-1]
	if n := len(s.stack); n > 0 {
		if f := &s.stack[n-1]; f.atKey { // a container was the key: its value follows
			f.atKey = false
			s.stand(f.value)
			f.value = nil
		}
	}
	return false
}

func (s *treeSource) Name() []byte {
	if s.Kind() == KindOther && s.Types.Holds(s.next) {
		s.name = append(s.name[:0], decodeText(s)...)
		return s.name
	}
	s.name = append(s.name[:0], takeAs[string](s, KindString)...)
	return s.name
}

func (s *treeSource) Skip() {
	if s.Kind() == KindInvalid {
		s.Fail(fmt.Errorf("expected a value, got none"))
		return
	}
	s.take()
}

func (s *treeSource) Ints(dst []int64) []int64       { return dst }
func (s *treeSource) Floats(dst []float64) []float64 { return dst }
