package xmlvalue

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/parley-rpc/parley/rpc/value"
)

// A Decoder reads the values of a document. It is a [value.Source] that stands
// before the parameters of a call, which are a list, or before the result of a
// response; Finish reads the rest. It yields no kinds but nil, bool, int, float,
// string, bytes, time, list and map, and does not say beforehand how many
// elements a container has. What is wrong with the document is a *SyntaxError
// within the *value.Error. A Decoder belongs to one goroutine and reads one
// document.
type Decoder struct {
	scanner
	// Method is the name of the method that is called, without white space
	// around it. In a call it is not empty.
	Method string

	o        Options
	fault    fault
	stage    stage
	tail     string // elements to close behind the values, innermost first
	head     head   // the value that stands next, if it has been looked at
	at       int    // where that value begins, or the one before it
	elements int
	stack    []frame
	first    [5]frame    // where stack begins
	names    map[int]int // see nameBehind
	rows     *rows       // how structs in lists look; nil before there are any
}

// stage is where a Decoder stands while it is in no container.
type stage uint8

const (
	atEnd    stage = iota
	atParams       // before the list of parameters
	atResult       // before a value
)

// frame is a container that has been entered.
type frame struct {
	in      container
	entry   entry
	empty   bool                // the container was an empty-element tag: no end tag follows
	void    bool                // so was the open <param>, or the <data> of the array
	swapped bool                // in the open <member> the value comes before the name
	at      int                 // see path: elements read, <param>s begun, or where the <name> stands; -1 at the end
	seen    map[string]struct{} // names, if they have to be unique
}

type container uint8

const (
	inParams container = iota
	inArray            // an <array> without <data>, or with <data/>
	inData
	inStruct
)

// entry is what comes next in a <member> or <param>.
type entry uint8

const (
	entryNone  entry = iota // none is open
	entryName               // its name
	entryValue              // its value
	entryEnd                // its end tag
)

// top returns the innermost container, nil if there is none.
func (d *Decoder) top() *frame {
	if n := len(d.stack); n > 0 {
		return &d.stack[n-1]
	}
	return nil
}

// Fail is part of [value.Source].
func (d *Decoder) Fail(err error) { d.FailAt(err, d.received(d.at)) }

// Kind is part of [value.Source].
func (d *Decoder) Kind() value.Kind {
	if d.Err() != nil {
		return value.KindInvalid
	}
	if d.head.kind == value.KindInvalid {
		d.look()
	}
	return d.head.kind
}

// look finds out what stands next. Where nothing does, head stays invalid.
func (d *Decoder) look() {
	f := d.top()
	switch {
	case f == nil && d.stage == atEnd:
	case f == nil && d.stage == atParams:
		d.head.kind, d.head.typ = value.KindList, typeParams
	case f == nil:
		d.readHead()
	case f.in == inArray || f.in == inData:
		if !f.empty && !f.void && d.next() != tokenClose {
			d.readHead()
		}
	case f.entry == entryName:
		d.head.kind, d.head.typ = value.KindString, typeName
	case f.entry != entryValue:
	case f.void || f.in == inParams && d.next() == tokenClose:
		if d.at = d.pos; d.count() {
			d.head.kind, d.head.typ = value.KindNil, typeNil
		}
	default:
		d.readHead()
	}
}

// take reports whether a value of kind k stands next; it is an error if not.
func (d *Decoder) take(k value.Kind) bool {
	got := d.Kind()
	if got != k {
		d.Fail(value.Mismatch(k.String(), got))
	}
	return got == k
}

// done leaves the value behind that has been read.
func (d *Decoder) done() {
	d.head.kind = value.KindInvalid
	if f := d.top(); f == nil {
		d.stage = atEnd
	} else if f.in == inArray || f.in == inData {
		f.at++
	} else {
		f.entry = entryEnd
	}
}

// List is part of [value.Source].
func (d *Decoder) List() int {
	if !d.take(value.KindList) {
		return 0
	}
	f := frame{in: inArray, empty: d.head.empty}
	switch {
	case d.head.typ == typeParams:
		f.in, f.empty = inParams, true
		if d.next() == tokenOpen {
			f.empty, _ = d.open("params")
		}
	case !d.deeper():
	case !f.empty && d.next() == tokenOpen && bytes.HasPrefix(d.data[d.pos:], []byte("<data")):
		if f.void, _ = d.open("data"); !f.void {
			f.in = inData
		}
	}
	if d.Err() != nil {
		return 0
	}
	d.enter(f)
	return -1
}

// Map is part of [value.Source].
func (d *Decoder) Map() int {
	if !d.take(value.KindMap) || !d.deeper() {
		return 0
	}
	d.enter(frame{in: inStruct, empty: d.head.empty})
	return -1
}

// deeper holds the depth of one more container against its limit. The list of
// parameters does not count.
func (d *Decoder) deeper() bool {
	n := len(d.stack)
	if n > 0 && d.stack[0].in == inParams {
		n--
	}
	if n >= d.o.MaxDepth {
		d.failAt(d.at, CodeOverLimit, fmt.Sprintf("arrays and structs more than %d deep", d.o.MaxDepth))
		return false
	}
	return true
}

func (d *Decoder) enter(f frame) {
	d.head.kind = value.KindInvalid
	d.stack = append(d.stack, f)
}

// leave goes back to the container around the innermost one.
func (d *Decoder) leave() {
	d.stack = d.stack[:len(d.stack)-1]
	d.done()
}

// More is part of [value.Source].
func (d *Decoder) More() bool {
	f := d.top()
	if f == nil || d.Err() != nil {
		return false
	}
	if f.in == inArray || f.in == inData {
		return d.moreElements(f)
	}
	if f.entry == entryName || f.entry == entryValue {
		d.Fail(errors.New("xmlvalue: More was called before the entry was read"))
		return false
	}
	if f.in == inParams {
		return d.moreParams(f)
	}
	return d.moreMembers(f)
}

func (d *Decoder) moreElements(f *frame) bool {
	if !f.empty && !f.void && d.next() != tokenClose {
		return d.Err() == nil
	}
	f.at = -1
	if (f.in != inData || d.close("data")) && (f.empty || d.close("array")) && d.close("value") {
		d.leave()
	}
	return false
}

func (d *Decoder) moreParams(f *frame) bool {
	if f.entry == entryEnd && !f.void && !d.close("param") {
		return false
	}
	f.entry = entryNone
	if f.empty || d.next() == tokenClose {
		if f.empty || d.close("params") {
			d.leave()
		}
		return false
	}
	var ok bool
	f.void, ok = d.open("param")
	f.entry = entryValue
	f.at++
	return ok
}

func (d *Decoder) moreMembers(f *frame) bool {
	if f.entry == entryEnd {
		if f.swapped {
			d.memberName() // once more, now that it is its turn
		}
		if !d.literal("</member>") && !d.close("member") {
			return false
		}
		f.entry, f.swapped = entryNone, false
	}
	if d.space(); !f.empty && d.literal("<member>") {
		f.entry = entryName
		return true
	}
	if f.empty || d.next() == tokenClose {
		if (f.empty || d.close("struct")) && d.close("value") {
			d.leave()
		}
		return false
	}
	empty, ok := d.open("member")
	if empty {
		d.fail(CodeInvalidRequest, "an empty <member>")
	}
	f.entry = entryName
	return ok && !empty
}

// Name is part of [value.Source].
func (d *Decoder) Name() []byte {
	f := d.top()
	switch {
	case d.Err() != nil:
		return nil
	case f == nil || f.entry != entryName:
		d.Fail(value.Mismatch("the name of a member", d.Kind()))
		return nil
	}
	var name []byte
	if d.next(); bytes.HasPrefix(d.data[d.pos:], []byte("<value")) {
		at := d.pos
		if d.pos = d.nameBehind(at); d.pos < 0 {
			d.pos = at
			d.fail(CodeInvalidRequest, "a <member> without a <name>") // unless it has failed
			return nil
		}
		f.at = d.pos
		name = d.memberName()
		d.pos, f.swapped = at, true
	} else {
		f.at = d.pos
		name = d.memberName()
	}
	if d.Err() != nil {
		return nil
	}
	if d.o.UniqueNames && !d.unique(f, name) {
		return nil
	}
	d.head.kind = value.KindInvalid
	f.entry = entryValue
	return name
}

// memberName reads a <name>.
func (d *Decoder) memberName() []byte {
	if !d.literal("<name>") {
		if empty, ok := d.open("name"); !ok || empty {
			return nil
		}
	}
	name, _ := d.text("name")
	return name
}

func (d *Decoder) unique(f *frame, name []byte) bool {
	if _, again := f.seen[string(name)]; again {
		d.fail(CodeInvalidRequest, "two members of the name "+clip(name))
		return false
	}
	if f.seen == nil {
		f.seen = map[string]struct{}{}
	}
	f.seen[string(name)] = struct{}{}
	return true
}

// Skip is part of [value.Source]. It sees that the value is well formed, but not
// whether a date, double, boolean or base64 means something.
func (d *Decoder) Skip() {
	depth := len(d.stack)
	if d.pass() {
		d.skipTo(depth)
	}
}

// pass reads over a scalar, or enters a container.
func (d *Decoder) pass() bool {
	switch d.Kind() {
	case value.KindInvalid:
		d.Fail(errors.New("expected a value, got none"))
	case value.KindList:
		d.List()
	case value.KindMap:
		d.Map()
	case value.KindString:
		if d.head.typ == typeName {
			d.Name()
			break
		}
		d.done()
	default:
		d.done()
	}
	return d.Err() == nil
}

// skipTo reads on until there are only depth containers left.
func (d *Decoder) skipTo(depth int) {
	for d.Err() == nil && len(d.stack) > depth {
		if d.More() {
			if d.top().in == inStruct {
				d.Name()
			}
			d.pass()
		}
	}
}

// Finish reads what is left of the document, values that nobody asked for
// included, and returns the first error there has been. Without one all of the
// document is well formed; a call should not be made before that is known.
func (d *Decoder) Finish() error {
	if d.Err() == nil && len(d.stack) == 0 && d.stage != atEnd {
		d.Skip()
	}
	for d.Err() == nil && len(d.stack) > 0 {
		if d.Kind() != value.KindInvalid {
			d.pass()
			continue
		}
		d.skipTo(len(d.stack) - 1)
	}
	for d.Err() == nil && d.tail != "" {
		var name string
		name, d.tail, _ = strings.Cut(d.tail, " ")
		d.close(name)
	}
	if d.Err() == nil && d.next() != tokenEnd {
		d.fail(CodeNotWellFormed, "more behind the end of the document")
	}
	return d.failure()
}
