// Package pickle reads and writes Python's pickle format (the opcodes of
// CPython's Lib/pickletools.py), as data and nothing else.
//
// A pickle is a program for a small stack machine, and Python's own reader lets
// that program import and call whatever it names. The reader here runs the same
// machine, but the only names it knows are a fixed list of types that hold plain
// data (see [Decode]), and the classes of a [Registry]. Any other name is a
// [*ClassError], or an [*Object] for whoever asks for it; nothing is imported or
// called by a name that a peer has sent.
//
// [Decode] and [Append] are where to begin, and [Registry.Name] for a class that is
// a type of Go.
//
// Protocols 0 to 5 are read, 2 to 5 written. A message passes in two steps. The
// machine (decode.go, with memo.go and the calls of construct.go) makes of its bytes
// nodes that may be shared (node.go), instances of classes (instance.go), and for
// lists of numbers or of records alike the denser forms of packed.go and table.go.
// Then values are made of these: [Decode] makes a tree of the dynamic types of
// package value, in which nothing is shared. [Read] only finds out whether that
// would succeed (check.go), and its [Message] is either made into the same tree or
// walked by a Source (source.go) that fills Go types. Every bound of [Options] holds
// for the tree, so that 200 bytes which describe 2^100 values by sharing are refused
// before memory is taken for them.
//
// Writing takes one step: an [Encoder] (encode.go) is a Sink that appends opcodes.
// Which classes of Python are which types of Go says a [Registry]; form.go and
// object.go have the rest of that.
package pickle

import (
	"errors"
	"fmt"

	"github.com/parley-rpc/parley/rpc/value"
)

// MaxProtocol is the highest protocol known here, that of Python 3.8 and later.
const MaxProtocol = 5

// ErrLimit is in the chain of each error for a message beyond a limit of
// [Options] or [EncodeOptions].
var ErrLimit = errors.New("beyond the limit")

// ErrInflated is in the chain too where a message stands for far more than it has
// bytes, since it names the same values again and again.
var ErrInflated = errors.New("far more than the message has bytes")

// ErrRefused is in the chain of each error for a message that is a pickle in order
// and holds a value that is not read here: one that contains itself, text with a
// lone surrogate, a time zone that this machine does not know, or what does not fit
// the type that its class is registered with. Classes that are not known have a
// [*ClassError], and what is too much has ErrLimit.
var ErrRefused = errors.New("not read here")

// ClassError is the error for a message that names a class or function that is
// neither of the fixed list nor registered.
type ClassError struct {
	Class string // "os.system", shortened and escaped if need be
}

// Error returns "class os.system is not plain data: ...".
func (e *ClassError) Error() string {
	return fmt.Sprintf("class %s is not plain data: expected None, numbers, text, bytes, containers, dates, Decimal, Fraction, UUID, a builtin exception or a class that is registered", e.Class)
}

// Options are the limits of [Decode]. For each of them zero means the default
// and a negative number is an error.
type Options struct {
	// MaxDepth bounds containers within containers. Zero means 64.
	MaxDepth int
	// MaxElements bounds the values in the tree, containers and keys counted
	// too, and a shared value as often as it occurs. Zero means 262144.
	MaxElements int
	// MaxMemo bounds the values that the message keeps for later reference.
	// CPython keeps every text, list and so on. Zero means MaxElements.
	MaxMemo int
	// MaxIntBits bounds an integer. Zero means 4096.
	MaxIntBits int
	// MaxExpanded bounds the memory that a message may take beyond its own
	// length, in bytes: a text that is shared counts as often as it occurs.
	// Zero means 64 MiB.
	MaxExpanded int
	// Hold, if set, is asked for memory as it is taken, in bytes and in steps of
	// some size; its error ends the reading. What was granted is not given back,
	// since the values live on.
	Hold func(n int) error
	// Registry says which classes of the peer's program are types of this one.
	Registry *Registry
	// Objects makes an instance of any other class an [*Object], and a class or
	// function that stands for itself as well. Without it they are errors.
	Objects bool
	// Shared keeps what is one list, dict or set in Python one in Go: where a
	// value of Decode has it twice, both are the same slice or map. Limits count it
	// as often as it occurs all the same. Without it each place gets its own.
	// Instances of a class that is registered with a pointer are shared in any
	// case.
	Shared bool
	// Surrogates says what a str with a lone surrogate becomes, which is no
	// Unicode text; the zero value refuses it.
	Surrogates Surrogates
	// Owned gives the message away: a []byte or bytearray of 4 KiB and more is
	// part of it, not a copy, and keeps it in memory. Whoever reads must not use
	// the message again.
	Owned bool
}

const defaultMaxExpanded = 64 << 20

// Check reports a limit below zero and other mistakes. Decode does so too.
func (o Options) Check() error {
	if o.MaxDepth < 0 || o.MaxElements < 0 || o.MaxMemo < 0 || o.MaxIntBits < 0 || o.MaxExpanded < 0 {
		return fmt.Errorf("Options: got MaxDepth %d, MaxElements %d, MaxMemo %d, MaxIntBits %d, MaxExpanded %d; want no limit below zero",
			o.MaxDepth, o.MaxElements, o.MaxMemo, o.MaxIntBits, o.MaxExpanded)
	}
	if err := o.Surrogates.check(); err != nil {
		return fmt.Errorf("Options.%w", err)
	}
	return nil
}

func (o Options) withDefaults() (Options, error) {
	if err := o.Check(); err != nil {
		return o, err
	}
	setDefault(&o.MaxDepth, value.DefaultMaxDepth)
	setDefault(&o.MaxElements, value.DefaultMaxElements)
	setDefault(&o.MaxMemo, o.MaxElements)
	setDefault(&o.MaxIntBits, value.DefaultMaxIntBits)
	setDefault(&o.MaxExpanded, defaultMaxExpanded)
	return o, nil
}

func setDefault(limit *int, n int) {
	if *limit == 0 {
		*limit = n
	}
}

// EncodeOptions returns the options for messages to a peer whose messages are
// read by o: the same classes, and an [*Object] is written if it is read.
func (o Options) EncodeOptions(protocol int) EncodeOptions {
	return EncodeOptions{Protocol: protocol, Registry: o.Registry, Objects: o.Objects, Shared: o.Shared, Surrogates: o.Surrogates}
}

// Info is what a message tells besides its value.
type Info struct {
	// Protocol is the one the message is written in, 0 to 5; an answer in the
	// same one can be read by the peer. 0 stands for 1 as well: these two do not
	// say which they are.
	Protocol int
}

// Opening tells what the first bytes of a message say of it: its protocol, 0 if they
// do not say, and the first opcode of its value, 0 if it is not there. 12 bytes are
// enough. It is for who answers a message that is not read.
func Opening(data []byte) (info Info, opcode byte) {
	if len(data) > 1 && data[0] == opProto {
		info.Protocol = int(data[1])
		data = data[2:]
	}
	if len(data) > 9 && data[0] == opFrame {
		data = data[9:]
	}
	if len(data) > 0 {
		opcode = data[0]
	}
	return info, opcode
}

// Decode reads the one value that data holds. Bytes after it are an error.
//
// The value is a tree of the types that package value lists for its kinds. It
// shares no memory with data, unless that is Owned, and no two of its parts share
// any, unless Shared asks for it. Python's types become:
//
//   - None, bool, int, float, str, bytes: nil, bool, int64 or *big.Int,
//     float64, string, []byte. A str with a lone surrogate is an error. The str
//     of Python 2 is a string if it is UTF-8, else []byte.
//   - list, deque: []any. tuple: value.Tuple. set, frozenset: value.Set.
//   - dict, OrderedDict, defaultdict, Counter: map[string]any if every key is
//     text, else value.Map. Of equal keys the last wins.
//   - bytearray, Decimal, UUID, range and xrange: the types of package value of
//     like names. complex: complex128. Fraction: *big.Rat.
//   - datetime: value.LocalTime if naive, else time.Time. Its zone may be a
//     timezone or a ZoneInfo; a ZoneInfo needs the time zone database of this
//     machine. date, time, timedelta: [Date], [Clock], [Delta].
//   - A builtin exception: [*Exception].
//   - An instance of a class of the Registry: a value of its type.
//
// Any other class is a [*ClassError], or an [*Object] if Objects asks for it. A
// value that contains itself is an error.
func Decode(data []byte, o Options) (v any, info Info, err error) {
	o, err = o.withDefaults()
	if err != nil {
		return nil, info, fmt.Errorf("pickle: %w", err)
	}
	d := newDecoder(data, o)
	defer d.free()
	v = d.whole()
	if d.err == nil {
		v = d.tree(v, 0, false)
	}
	info.Protocol = d.protocol
	if d.err != nil {
		return nil, info, d.failure()
	}
	return v, info, nil
}

// whole runs the machine over all of the message.
func (d *decoder) whole() any {
	v := d.run()
	if d.err == nil && d.pos < len(d.data) {
		d.fail(fmt.Errorf("expected the end of the message, got %d more bytes", len(d.data)-d.pos))
	}
	return v
}

// failure returns the error of d for callers of the package.
func (d *decoder) failure() error { return fmt.Errorf("pickle: byte %d: %w", d.at, d.err) }
