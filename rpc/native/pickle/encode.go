package pickle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parley-rpc/parley/rpc/value"
)

// EncodeOptions say how a message is written.
type EncodeOptions struct {
	// Protocol is 2 to 5; zero means 4, which Python 3.4 and later read. For an
	// answer, see [AnswerProtocol]. At protocol 2 the names of Python 2 are used,
	// which Python 3 understands as well.
	Protocol int
	// MaxDepth bounds containers within containers. Zero means 64.
	MaxDepth int
	// Registry says which types are classes of the peer's program.
	Registry *Registry
	// Objects permits an [*Object], with which a peer that sent it can make the
	// reader call what it likes; without it one is an error.
	Objects bool
	// Shared writes a slice or map of dynamic values that is met again as the same
	// list, dict or set in Python. Pointers to registered structs are shared in any
	// case.
	Shared bool
	// ZoneInfo writes a time.Time in a zone that has a name such as Europe/Berlin
	// with a ZoneInfo, which Python 3.9 and later have; without it, and for other
	// zones, with the offset that holds at that time.
	ZoneInfo bool
	// Surrogates says what becomes of a string that is not UTF-8; the zero value
	// refuses it.
	Surrogates Surrogates
}

// AnswerProtocol returns the protocol for an answer to a message in the given
// one: the same, but at least 2.
func AnswerProtocol(protocol int) int { return min(max(protocol, 2), MaxProtocol) }

// Append appends v to dst as one message. On an error it returns dst as it was.
//
// Besides the values that package value maps, v and what stands within dynamic
// containers ([]any, map[string]any, and those of package value) may be an
// [*Exception], a [Date], a [Clock] or a [Delta].
//
// A map becomes a dict and so does a struct; a list where Python needs something
// that it can hash, as a key or in a set, becomes a tuple. A time.Time becomes an
// aware datetime with a fixed offset; at protocol 2, since Python 2 has no
// timezone, a naive one in UTC. What a time has below a microsecond is cut off.
func Append(dst []byte, v any, o EncodeOptions) ([]byte, error) {
	e := NewEncoder(dst, o)
	e.Value(v)
	out, err := e.Finish()
	if err != nil {
		return dst, err
	}
	return out, nil
}

// Encoder is the [value.Sink] that writes one message. It belongs to one
// goroutine.
type Encoder struct {
	value.Sticky
	buf        []byte
	protocol   int
	maxDepth   int
	registry   *names
	objects    bool
	share      bool
	surrogates Surrogates
	shared     map[identity]int // their memo entries
	pending    *binding         // what the next container holds is an instance of it

	top    frame
	frames []frame // those around top

	memoized int // entries of the reader's memo
	names    map[string]int
	sorted   []entry // those of the maps that record is at
	classes  map[class]int
	offset   int // of the zone at zoneAt, in seconds
	zoneName string
	zoneAt   int // its memo entry; -1 if there is none
	zoneInfo bool
	zones    map[string]*time.Location // by name, nil for what is none
}

// frame is an open container.
type frame struct {
	closer   []byte // opcodes at its end
	isMap    bool
	atValue  bool  // of a map: the next item is the value of an entry
	hashable bool  // it stands as a key or in a set
	isTable  bool  // a list of records
	noNames  bool  // of a map: it is written as a sequence of its values
	raised   uint8 // of an exception with a field args: argsNext and so on
	fields   []int // of a table and its records: memo entries of the names
	field    int   // of a record: the next one
}

// maxNames bounds the names that one message keeps for repetition.
const maxNames = 1 << 14

// NewEncoder returns an Encoder that appends a message to dst.
func NewEncoder(dst []byte, o EncodeOptions) *Encoder {
	e := &Encoder{buf: dst, protocol: o.Protocol, maxDepth: o.MaxDepth, objects: o.Objects, share: o.Shared, surrogates: o.Surrogates, zoneInfo: o.ZoneInfo, registry: o.Registry.load(), zoneAt: -1}
	e.Types = e.registry.written
	setDefault(&e.protocol, 4)
	setDefault(&e.maxDepth, value.DefaultMaxDepth)
	if e.protocol < 2 || e.protocol > MaxProtocol {
		e.Fail(fmt.Errorf("EncodeOptions.Protocol: expected 2 to %d, got %d", MaxProtocol, e.protocol))
	}
	if err := o.Surrogates.check(); err != nil {
		e.Fail(fmt.Errorf("EncodeOptions.%w", err))
	}
	if e.maxDepth < 0 {
		e.Fail(fmt.Errorf("EncodeOptions.MaxDepth: expected 0 or more, got %d", e.maxDepth))
	}
	e.buf = append(e.buf, opProto, byte(e.protocol))
	return e
}

// Finish returns dst with the message appended.
func (e *Encoder) Finish() ([]byte, error) {
	if err := e.Err(); err != nil {
		return nil, fmt.Errorf("pickle: %w", err)
	}
	return append(e.buf, opStop), nil
}

// Fail implements value.Sink.
func (e *Encoder) Fail(err error) { e.FailAt(err, -1) }

// Value writes v: what [value.Encode] writes, and the types of this package at
// any depth of dynamic containers.
func (e *Encoder) Value(v any) {
	if e.share {
		if id, ok := e.identify(v); ok {
			e.once(id, func() { e.dynamic(v) })
			return
		}
	}
	e.dynamic(v)
}

func (e *Encoder) dynamic(v any) {
	switch v := v.(type) {
	case *Exception, *Object, Date, Clock, ZoneClock, Delta:
		e.Other(v)
	case []any:
		e.items(value.KindList, v)
	case value.Tuple:
		e.items(value.KindTuple, v)
	case value.Set:
		if v.Frozen {
			e.items(value.KindFrozenSet, v.Items)
		} else {
			e.items(value.KindSet, v.Items)
		}
	case map[string]any:
		e.record(v)
	case value.Map:
		e.Map(len(v))
		for _, p := range v {
			if e.Err() != nil {
				return
			}
			if name, ok := p.Key.(string); ok {
				e.Name(name)
			} else {
				e.Value(p.Key)
			}
			e.Value(p.Value)
		}
		e.End()
	default:
		value.Encode(e, v)
	}
}

func (e *Encoder) items(kind value.Kind, items []any) {
	e.List(kind, len(items))
	for _, item := range items {
		if e.Err() != nil {
			return
		}
		e.Value(item)
	}
	e.End()
}

func (e *Encoder) record(m map[string]any) {
	from := len(e.sorted)
	for name, v := range m {
		e.sorted = append(e.sorted, entry{name, v})
	}
	slices.SortFunc(e.sorted[from:], func(a, b entry) int { return strings.Compare(a.name, b.name) })
	e.Map(len(m))
	for i := range len(m) {
		if e.Err() != nil {
			return
		}
		next := e.sorted[from+i]
		e.Name(next.name)
		e.Value(next.value)
	}
	e.End()
	e.sorted = e.sorted[:from]
}

// entry is one of a map with text keys.
type entry struct {
	name  string
	value any
}

// next says that an item of the open container follows.
func (e *Encoder) next() { e.top.atValue = !e.top.atValue }

// Nil implements value.Sink, like all methods below.
func (e *Encoder) Nil() {
	e.next()
	e.buf = append(e.buf, opNone)
}

func (e *Encoder) Bool(b bool) {
	e.next()
	if b {
		e.buf = append(e.buf, opNewTrue)
	} else {
		e.buf = append(e.buf, opNewFalse)
	}
}

func (e *Encoder) Int(n int64) {
	e.next()
	e.buf = appendInt(e.buf, n)
}

func appendInt(b []byte, n int64) []byte {
	switch {
	case n >= 0 && n <= math.MaxUint8:
		return append(b, opBinInt1, byte(n))
	case n >= 0 && n <= math.MaxUint16:
		return append(b, opBinInt2, byte(n), byte(n>>8))
	case n >= math.MinInt32 && n <= math.MaxInt32:
		return binary.LittleEndian.AppendUint32(append(b, opBinInt), uint32(n))
	}
	size := 8
	for size > 5 && n>>(8*size-9) == n>>63 { // the top byte only repeats the sign
		size--
	}
	b = append(b, opLong1, byte(size))
	for i := range size {
		b = append(b, byte(n>>(8*i)))
	}
	return b
}

func (e *Encoder) BigInt(n *big.Int) {
	e.next()
	e.bigInt(n)
}

func (e *Encoder) bigInt(n *big.Int) {
	if n.IsInt64() {
		e.buf = appendInt(e.buf, n.Int64())
		return
	}
	size := n.BitLen()/8 + 1
	magnitude := n
	if n.Sign() < 0 { // two's complement
		magnitude = new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), uint(8*size)))
	}
	if size <= math.MaxUint8 {
		e.buf = append(e.buf, opLong1, byte(size))
	} else {
		e.buf = binary.LittleEndian.AppendUint32(append(e.buf, opLong4), uint32(size))
	}
	from := len(e.buf)
	e.buf = append(e.buf, make([]byte, size)...)
	magnitude.FillBytes(e.buf[from:])
	slices.Reverse(e.buf[from:])
}

func (e *Encoder) Float(f float64) {
	e.next()
	e.float(f)
}

func (e *Encoder) float(f float64) {
	e.buf = binary.BigEndian.AppendUint64(append(e.buf, opBinFloat), math.Float64bits(f))
}

func (e *Encoder) Text(s string) {
	e.next()
	e.text(s)
}

func (e *Encoder) text(s string) {
	if !utf8.ValidString(s) {
		e.badText(s)
		return
	}
	e.length(len(s), opShortBinUnicode, opBinUnicode, opBinUnicode8, 4)
	e.buf = append(e.buf, s...)
}

// length writes one of three opcodes and its length. The first exists from
// protocol shortSince on, the last from protocol 4.
func (e *Encoder) length(n int, short, medium, long byte, shortSince int) {
	switch {
	case n <= math.MaxUint8 && e.protocol >= shortSince:
		e.buf = append(e.buf, short, byte(n))
	case uint64(n) <= math.MaxUint32:
		e.buf = binary.LittleEndian.AppendUint32(append(e.buf, medium), uint32(n))
	case e.protocol >= 4:
		e.buf = binary.LittleEndian.AppendUint64(append(e.buf, long), uint64(n))
	default:
		e.Fail(fmt.Errorf("%d bytes in one value need protocol 4, got %d", n, e.protocol))
	}
}

func (e *Encoder) Bytes(b []byte) {
	e.next()
	e.bytes(b)
}

func (e *Encoder) bytes(b []byte) {
	if e.protocol >= 3 {
		e.length(len(b), opShortBinBytes, opBinBytes, opBinBytes8, 3)
		e.buf = append(e.buf, b...)
		return
	}
	if len(b) == 0 {
		e.class(classBytes)
		e.buf = append(e.buf, opEmptyTuple, opReduce)
		return
	}
	e.class(classEncode)
	e.latin1(b)
	e.text("latin1")
	e.buf = append(e.buf, opTuple2, opReduce)
}

// latin1 writes each byte of b as the character with its number.
func (e *Encoder) latin1(b []byte) {
	size := len(b)
	for _, c := range b {
		size += int(c >> 7)
	}
	e.length(size, opShortBinUnicode, opBinUnicode, opBinUnicode8, 4)
	for _, c := range b {
		e.buf = utf8.AppendRune(e.buf, rune(c))
	}
}

func (e *Encoder) Time(t time.Time) {
	e.next()
	e.time(t)
}

// Containers.

var (
	closeAppends   = []byte{opAppends}
	closeSetItems  = []byte{opSetItems}
	closeAddItems  = []byte{opAddItems}
	closeFrozenSet = []byte{opFrozenSet}
	closeTuple     = [...][]byte{{opEmptyTuple}, {opTuple1}, {opTuple2}, {opTuple3}, {opTuple}}
	closeEmptySet  = []byte{opTuple1, opReduce}
	closeListSet   = []byte{opAppends, opTuple1, opReduce}
)

func (e *Encoder) open(f frame) {
	if len(e.frames) >= e.maxDepth {
		e.Fail(fmt.Errorf("more than %d containers within each other: %w", e.maxDepth, ErrLimit))
	}
	if e.Err() != nil {
		return
	}
	e.frames = append(e.frames, e.top)
	e.top = f
}

// needsHash reports whether the item to be written must be hashable in Python.
func (e *Encoder) needsHash() bool {
	return e.top.hashable || e.top.isMap && !e.top.atValue
}

func (e *Encoder) List(kind value.Kind, n int) {
	if e.pending != nil {
		e.openInstance(n)
		return
	}
	hashable := e.needsHash()
	if e.top.raised == inArgs {
		kind = value.KindTuple
	}
	if hashable && kind == value.KindList {
		kind = value.KindTuple
	}
	if hashable && kind == value.KindSet {
		kind = value.KindFrozenSet
	}
	e.next()
	var closer []byte
	switch kind {
	case value.KindTuple:
		closer = closeTuple[min(n, 4)]
		if n > 3 {
			e.buf = append(e.buf, opMark)
		}
	case value.KindSet, value.KindFrozenSet:
		hashable = true
		closer = e.openSet(kind, n)
	default:
		e.buf = append(e.buf, opEmptyList)
		if n > 0 {
			e.buf = append(e.buf, opMark)
			closer = closeAppends
		}
	}
	e.open(frame{closer: closer, hashable: hashable})
}

// openSet begins a set; before protocol 4 it is made from a list.
func (e *Encoder) openSet(kind value.Kind, n int) (closer []byte) {
	switch {
	case e.protocol >= 4 && kind == value.KindFrozenSet:
		e.buf = append(e.buf, opMark)
		return closeFrozenSet
	case e.protocol >= 4:
		e.buf = append(e.buf, opEmptySet)
		if n == 0 {
			return nil
		}
		e.buf = append(e.buf, opMark)
		return closeAddItems
	case kind == value.KindFrozenSet:
		e.class(classFrozenSet)
	default:
		e.class(classSet)
	}
	e.buf = append(e.buf, opEmptyList)
	if n == 0 {
		return closeEmptySet
	}
	e.buf = append(e.buf, opMark)
	return closeListSet
}

// Table writes the names once, into the reader's memo, and then dicts.
func (e *Encoder) Table(names []string, n int) {
	if e.pending != nil || e.needsHash() || n == 0 {
		e.List(value.KindList, n)
		return
	}
	fields := make([]int, len(names))
	for i, name := range names {
		at, ok := e.names[name]
		if !ok {
			e.text(name)
			at = e.remember(name)
			e.buf = append(e.buf, opPop)
		}
		fields[i] = at
	}
	e.List(value.KindList, n)
	if e.Err() == nil {
		e.top.isTable, e.top.fields = true, fields
	}
}

func (e *Encoder) Map(n int) {
	if e.pending != nil {
		e.openInstance(n)
		return
	}
	if e.needsHash() {
		e.Fail(errors.New("a map cannot be a key or stand in a set: Python has no hash for a dict"))
		return
	}
	var fields []int
	if e.top.isTable {
		fields = e.top.fields
	}
	e.next()
	e.buf = append(e.buf, opEmptyDict)
	var closer []byte
	if n > 0 {
		e.buf = append(e.buf, opMark)
		closer = closeSetItems
	}
	e.open(frame{closer: closer, isMap: true, fields: fields})
}

func (e *Encoder) Name(s string) {
	e.next()
	if e.top.noNames || e.top.raised != 0 && e.isArgs(s) {
		return
	}
	if f := &e.top; f.field < len(f.fields) {
		e.get(f.fields[f.field])
		f.field++
		return
	}
	if at, ok := e.names[s]; ok {
		e.get(at)
		return
	}
	e.text(s)
	if len(e.names) < maxNames {
		e.remember(s)
	}
}

func (e *Encoder) End() {
	if e.Err() != nil || len(e.frames) == 0 {
		return
	}
	e.buf = append(e.buf, e.top.closer...)
	if e.top.raised != 0 {
		e.endRaised()
	}
	last := len(e.frames) - 1
	e.top, e.frames = e.frames[last], e.frames[:last]
}

func (e *Encoder) Ints(s []int64) {
	e.List(value.KindList, len(s))
	for _, n := range s {
		e.buf = appendInt(e.buf, n)
	}
	e.End()
}

func (e *Encoder) Floats(s []float64) {
	e.List(value.KindList, len(s))
	for _, f := range s {
		e.float(f)
	}
	e.End()
}

// The reader's memo.

// remember files the name on top of the stack.
func (e *Encoder) remember(name string) int {
	if e.names == nil {
		e.names = make(map[string]int)
	}
	e.names[name] = e.memoized
	return e.memoize()
}

func (e *Encoder) memoize() int {
	at := e.memoized
	e.memoized++
	switch {
	case e.protocol >= 4:
		e.buf = append(e.buf, opMemoize)
	case at <= math.MaxUint8:
		e.buf = append(e.buf, opBinPut, byte(at))
	default:
		e.buf = binary.LittleEndian.AppendUint32(append(e.buf, opLongBinPut), uint32(at))
	}
	return at
}

func (e *Encoder) get(at int) {
	if at <= math.MaxUint8 {
		e.buf = append(e.buf, opBinGet, byte(at))
	} else {
		e.buf = binary.LittleEndian.AppendUint32(append(e.buf, opLongBinGet), uint32(at))
	}
}
