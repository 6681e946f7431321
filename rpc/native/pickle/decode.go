package pickle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"sync"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// decoder is the stack machine. On the stack, in the memo and in nodes stand
// finished values (nil, bool, int64, *big.Int, float64, string, []byte and those
// of the rarer types that hold no further values), nodes, classes and zones.
//
// The first error sticks: readers then give zero values, and run stops before
// the next opcode.
type decoder struct {
	data     []byte
	pos      int
	at       int // where the opcode at work begins, for errors
	err      error
	o        Options
	names    *names
	made     map[any]made // what is one in Go as well, by its *node or *instance
	deepest  int          // the depth of a container so far
	protocol int

	stack   []any
	highest int   // the greatest length of stack so far
	marks   []int // the length of stack at each open mark
	memo    []ref
	gaps    int                       // entries of memo that are empty
	filed   []any                     // values in the memo
	lists   []*node                   // those with tables whose rows are in the memo
	far     map[uint64]any            // memo entries whose number is far above those before
	zones   map[string]*time.Location // ZoneInfo by name
	maxlens map[*node]int64           // of deques that have one
	nodes   []node                    // room for the next nodes
	room    []any                     // room for the items of dicts
	texts   texts
	cells   []cell // room for those of the next table, if no other has it
	lent    *table // the one that has it

	elements int // values that the tree may still get
	memory   int // bytes that may still be taken
	granted  int // bytes that Options.Hold has granted and that were not taken yet
}

// decoders keep the memory of stack, memo and so on from one message to the next.
var decoders = sync.Pool{New: func() any { return new(decoder) }}

// maxKept bounds each of these, in slots.
const maxKept = 1024

func newDecoder(data []byte, o Options) *decoder {
	d := decoders.Get().(*decoder)
	d.data, d.o, d.elements, d.memory = data, o, o.MaxElements, o.MaxExpanded+len(data)
	d.texts.data = data
	d.names = o.Registry.load()
	return d
}

// free gives d back, with nothing of the message in it.
func (d *decoder) free() {
	if d.lent != nil {
		d.cells = d.lent.cells
	}
	d.reached()
	*d = decoder{
		stack: kept(d.stack[:d.highest]), filed: kept(d.filed), nodes: kept(d.nodes), room: kept(d.room),
		marks: emptied(d.marks), memo: emptied(d.memo), cells: emptied(d.cells),
	}
	decoders.Put(d)
}

// kept returns s for the next message, without what it refers to. It must never
// have been longer than it is.
func kept[T any](s []T) []T {
	clear(s)
	return emptied(s)
}

// emptied does so for a slice that refers to nothing.
func emptied[T any](s []T) []T {
	if cap(s) > maxKept {
		return nil
	}
	return s[:0]
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// charge takes n bytes off the memory that the message may use. What is walked
// over again for each mention counts as well, so that it bounds time too.
func (d *decoder) charge(n int) bool {
	return d.count(n) && (d.o.Hold == nil || d.hold(n))
}

// maxPerByte is more than what a value takes for each of its bytes in the message,
// in bytes: an empty dict, which has one, takes 144.
const maxPerByte = 256

// count is charge for memory that is taken already, by a value that stands at one
// more place.
func (d *decoder) count(n int) bool {
	if d.memory -= n; d.memory < 0 {
		d.exceed(fmt.Errorf("the values take more than %d bytes beyond the message: %w", d.o.MaxExpanded, ErrLimit), d.o.MaxExpanded/maxPerByte)
		return false
	}
	return true
}

// refund gives back what was charged since memory was as it is given.
func (d *decoder) refund(memory int) {
	if d.o.Hold != nil {
		d.granted += memory - d.memory
	}
	d.memory = memory
}

// holdStep is how much memory is asked for at once, in bytes.
const holdStep = 64 << 10

// hold takes n bytes of what was granted, and asks for more as need be.
func (d *decoder) hold(n int) bool {
	if d.granted -= n; d.granted >= 0 {
		return true
	}
	more := max(holdStep, -d.granted)
	if err := d.o.Hold(more); err != nil {
		d.fail(err)
		return false
	}
	d.granted += more
	return true
}

// run executes opcodes up to STOP and returns the object that is then on top.
func (d *decoder) run() any {
	for d.err == nil {
		d.at = d.pos
		switch op := d.byte(); op {
		case opStop:
			return d.pop()
		case opProto:
			if d.protocol = int(d.byte()); d.protocol > MaxProtocol {
				d.fail(fmt.Errorf("expected protocol %d or below, got %d", MaxProtocol, d.protocol))
			}
		case opFrame: // only tells a reader of a stream how much to fetch
			if n := d.uint(8); n > uint64(len(d.data)-d.pos) {
				d.fail(d.short(n))
			}

		case opMark:
			if len(d.marks) >= d.o.MaxElements {
				d.fail(fmt.Errorf("more than %d open marks: %w", d.o.MaxElements, ErrLimit))
			}
			if !d.batch() {
				d.marks = append(d.marks, len(d.stack))
			}
		case opPop:
			if n := len(d.marks); n > 0 && d.marks[n-1] == len(d.stack) {
				d.marks = d.marks[:n-1]
			} else {
				d.pop()
			}
		case opPopMark:
			d.popMark()
		case opDup:
			v := d.pop()
			d.push(v)
			d.push(d.again(v))

		case opNone:
			d.push(nil)
		case opNewTrue:
			d.push(true)
		case opNewFalse:
			d.push(false)
		case opInt:
			d.push(d.decimalInt(d.line(), true))
		case opLong:
			d.push(d.decimalInt(d.line(), false))
		case opBinInt:
			d.push(int64(int32(d.uint(4))))
		case opBinInt1:
			d.push(int64(d.byte()))
		case opBinInt2:
			d.push(int64(d.uint(2)))
		case opLong1:
			d.push(d.binaryInt(d.take(uint64(d.byte()))))
		case opLong4:
			d.push(d.binaryInt(d.take(d.length4())))
		case opFloat:
			d.push(d.decimalFloat(d.line()))
		case opBinFloat:
			if b := d.take(8); b != nil {
				d.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
			}

		case opUnicode:
			d.push(d.unescapeUnicode(d.line()))
		case opShortBinUnicode:
			d.pushText(uint64(d.byte()))
		case opBinUnicode:
			d.pushText(d.uint(4))
		case opBinUnicode8:
			d.pushText(d.uint(8))
		case opString:
			d.push(python2Text(d.unescapeString(d.line())))
		case opShortBinString:
			d.push(python2Text(d.take(uint64(d.byte()))))
		case opBinString:
			d.push(python2Text(d.take(d.length4())))
		case opShortBinBytes:
			d.push(d.bytes(uint64(d.byte())))
		case opBinBytes:
			d.push(d.bytes(d.uint(4)))
		case opBinBytes8:
			d.push(d.bytes(d.uint(8)))
		case opByteArray8:
			d.push(value.ByteArray(d.bytes(d.uint(8))))

		case opEmptyList:
			d.pushNode(nodeList, nil)
		case opEmptyDict:
			d.pushNode(nodeDict, nil)
		case opEmptySet:
			d.pushNode(nodeSet, nil)
		case opEmptyTuple:
			d.pushNode(nodeTuple, nil)
		case opTuple1, opTuple2, opTuple3:
			d.pushNode(nodeTuple, d.popN(int(op)-opTuple1+1))
		case opTuple:
			d.pushNode(nodeTuple, d.popMark())
		case opList:
			d.pushNode(nodeList, d.popMark())
		case opDict:
			d.pushNode(nodeDict, d.pairs(d.popMark()))
		case opFrozenSet:
			d.pushNode(nodeFrozenSet, d.popMark())
		case opAppend:
			d.extend("APPEND", nodeList, d.popN(1))
		case opAppends:
			d.extend("APPENDS", nodeList, d.popMark())
		case opSetItem:
			d.extend("SETITEM", nodeDict, d.popN(2))
		case opSetItems:
			d.extend("SETITEMS", nodeDict, d.pairs(d.popMark()))
		case opAddItems:
			d.extend("ADDITEMS", nodeSet, d.popMark())

		case opPut:
			d.put(d.index(d.line()))
		case opBinPut:
			d.put(uint64(d.byte()))
		case opLongBinPut:
			d.put(d.uint(4))
		case opMemoize:
			d.put(uint64(len(d.memo) - d.gaps + len(d.far)))
		case opGet:
			d.get(d.index(d.line()))
		case opBinGet:
			d.get(uint64(d.byte()))
		case opLongBinGet:
			d.get(d.uint(4))

		case opGlobal:
			d.push(d.class(string(d.line()), string(d.line())))
		case opStackGlobal:
			d.stackGlobal()
		case opInst:
			c := d.class(string(d.line()), string(d.line()))
			d.push(d.oldInstance(c, d.popMark()))
		case opObj:
			if args := d.popMark(); len(args) == 0 {
				d.fail(errors.New("OBJ: expected a class after its mark, got nothing"))
			} else {
				d.push(d.oldInstance(args[0], args[1:]))
			}
		case opReduce:
			args := d.argsTuple()
			d.push(d.construct(d.pop(), args))
		case opNewObj:
			args := d.argsTuple()
			d.push(d.newInstance(d.pop(), New, args, nil))
		case opBuild:
			state := d.pop()
			d.setState(d.top(), state)

		case opPersID, opBinPersID:
			d.fail(errors.New("got a persistent id; expected a message that stands for itself"))
		case opExt1, opExt2, opExt4:
			d.fail(errors.New("got an extension code of the peer's copyreg; expected a class by its name"))
		case opNewObjEx:
			d.push(d.newKeywords())
		case opNextBuffer, opReadonlyBuffer:
			d.fail(errors.New("got a buffer outside of the message (protocol 5); expected bytes inside of it"))
		default:
			if d.err == nil { // else there was no opcode
				d.fail(fmt.Errorf("expected a pickle opcode, got byte 0x%02x", op))
			}
		}
	}
	return nil
}

// Reading.

var errEnd = errors.New("the message ends before its STOP")

func (d *decoder) byte() byte {
	if d.pos >= len(d.data) {
		d.fail(errEnd)
		return 0
	}
	d.pos++
	return d.data[d.pos-1]
}

// take returns the next n bytes, which alias the message; nil on an error.
func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.data)-d.pos) {
		d.fail(d.short(n))
	}
	if d.err != nil {
		return nil
	}
	b := d.data[d.pos : d.pos+int(n) : d.pos+int(n)]
	d.pos += int(n)
	return b
}

// bytes returns the next n bytes, for a value to have: copied, unless the message
// is given away and they are so many that they may keep all of it.
func (d *decoder) bytes(n uint64) []byte {
	b := d.take(n)
	if d.o.Owned && len(b) >= largeBytes {
		return b
	}
	return bytes.Clone(b)
}

// largeBytes is from where on bytes are those of an owned message.
const largeBytes = 4 << 10

func (d *decoder) short(n uint64) error {
	if d.pos == len(d.data) {
		return errEnd
	}
	return fmt.Errorf("a length of %d bytes is claimed where %d are left", n, len(d.data)-d.pos)
}

// uint reads an unsigned integer of 2, 4 or 8 bytes.
func (d *decoder) uint(size int) uint64 {
	b := d.take(uint64(size))
	switch {
	case b == nil:
		return 0
	case size == 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case size == 4:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

// length4 reads a length that is a signed integer of 4 bytes.
func (d *decoder) length4() uint64 {
	n := int32(d.uint(4))
	if n < 0 {
		d.fail(fmt.Errorf("expected a length, got %d", n))
		return 0
	}
	return uint64(n)
}

// line reads up to a newline, which is not part of the result.
func (d *decoder) line() []byte {
	rest := d.data[d.pos:]
	i := bytes.IndexByte(rest, '\n')
	if i < 0 {
		d.fail(errors.New("expected a line, got one without an end"))
		return nil
	}
	d.pos += i + 1
	return rest[:i:i]
}

// index reads the text form of a memo number.
func (d *decoder) index(line []byte) uint64 {
	n, err := strconv.ParseUint(string(line), 10, 32)
	if err != nil {
		d.fail(fmt.Errorf("expected the number of a memo entry, got %q", value.Clip(string(line), 32)))
	}
	return n
}

// Stack and memo.

func (d *decoder) push(v any) {
	if len(d.stack) >= 2*d.o.MaxElements {
		d.fail(fmt.Errorf("more than %d values on the stack: %w", 2*d.o.MaxElements, ErrLimit))
		return
	}
	d.stack = append(d.stack, v)
}

// reached notes how long the stack is, before something is taken off.
func (d *decoder) reached() { d.highest = max(d.highest, len(d.stack)) }

// base is where the values above the latest mark begin.
func (d *decoder) base() int {
	if n := len(d.marks); n > 0 {
		return d.marks[n-1]
	}
	return 0
}

func (d *decoder) top() any {
	if len(d.stack) <= d.base() {
		d.fail(errors.New("an opcode takes more values than there are"))
		return nil
	}
	return d.stack[len(d.stack)-1]
}

func (d *decoder) pop() any {
	v := d.top()
	if d.err == nil {
		d.reached()
		d.stack = d.stack[:len(d.stack)-1]
	}
	return v
}

// popN takes n values off the stack. Like those of popMark they are valid until
// the next push.
func (d *decoder) popN(n int) []any {
	from := len(d.stack) - n
	if from < d.base() {
		d.fail(errors.New("an opcode takes more values than there are"))
		return nil
	}
	items := d.stack[from:]
	d.reached()
	d.stack = d.stack[:from]
	return items
}

// popMark takes the latest mark and all above it off the stack.
func (d *decoder) popMark() []any {
	if len(d.marks) == 0 {
		d.fail(errors.New("an opcode takes a mark where there is none"))
		return nil
	}
	items := d.stack[d.base():]
	d.reached()
	d.stack = d.stack[:d.base()]
	d.marks = d.marks[:len(d.marks)-1]
	return items
}

func (d *decoder) pairs(items []any) []any {
	if len(items)%2 != 0 {
		d.fail(errors.New("expected a value to each key of a dict, got a key without"))
	}
	return items
}

// again returns v for use at a second place. What the owner of the tree may
// change is copied; a node is copied when the tree is made.
func (d *decoder) again(v any) any {
	switch v := v.(type) {
	case *node:
		v.shared = true
	case *instance:
		v.shared = true
	case []byte:
		if d.chargeAgain(v) {
			return bytes.Clone(v)
		}
	case value.ByteArray:
		if d.chargeAgain(v) {
			return value.ByteArray(bytes.Clone(v))
		}
	case *big.Int:
		if d.chargeAgain(v) {
			return new(big.Int).Set(v)
		}
	case *big.Rat:
		if d.chargeAgain(v) {
			return new(big.Rat).Set(v)
		}
	}
	return v
}
