package xmlvalue

import (
	"bytes"

	"github.com/parley-rpc/parley/rpc/value"
)

// head is a value whose kind is known. A scalar has been read whole and text is
// its content, valid until the next text of the scanner; of a container only
// the start tags have. It is not there while kind is invalid, whatever is in
// the other fields.
type head struct {
	kind  value.Kind
	typ   wireType
	empty bool // of a container: <array/> or <struct/>
	fits  bool // of an integer: it is n; else it has more than 64 bits
	n     int64
	text  []byte // of a scalar
}

// wireType is the element that says what a value is.
type wireType uint8

const (
	typeUnknown wireType = iota
	typeParams           // none: the list of parameters
	typeName             // none: the name of a member
	typeString
	typeInt
	typeFloat
	typeBool
	typeDate
	typeBase64
	typeNil
	typeArray
	typeStruct
)

// typeOf returns the type of an element and, to spare an allocation, its name
// as a string. Apache's extensions have a prefix, commonly ex, which many
// senders do not declare; any prefix will do, and so will none.
func typeOf(tag []byte) (wireType, string) {
	switch string(tag) {
	case "int":
		return typeInt, "int"
	case "i4":
		return typeInt, "i4"
	case "i8":
		return typeInt, "i8"
	case "string":
		return typeString, "string"
	case "double":
		return typeFloat, "double"
	case "boolean":
		return typeBool, "boolean"
	case "struct":
		return typeStruct, "struct"
	case "array":
		return typeArray, "array"
	case "dateTime.iso8601":
		return typeDate, "dateTime.iso8601"
	case "base64":
		return typeBase64, "base64"
	case "nil":
		return typeNil, "nil"
	}
	name := string(tag)
	if i := bytes.IndexByte(tag, ':'); i >= 0 {
		tag = tag[i+1:]
		if typ, _ := typeOf(tag); typ != typeArray && typ != typeStruct {
			return typ, name
		}
		return typeUnknown, name
	}
	switch name {
	case "i1", "i2", "biginteger":
		return typeInt, name
	case "float", "bigdecimal":
		return typeFloat, name
	case "dateTime":
		return typeDate, name
	}
	return typeUnknown, name
}

// readHead reads the value that has to stand next, up to what head holds.
func (d *Decoder) readHead() {
	d.space()
	d.at = d.pos
	if !d.count() {
		return
	}
	empty, ok := false, d.literal("<value>")
	if !ok {
		if empty, ok = d.open("value"); !ok {
			return
		}
	}
	switch {
	case empty:
		d.setScalar(typeString, nil)
	case d.hasType():
		d.readTyped()
	case d.Err() == nil:
		if text, ok := d.text("value"); ok {
			d.setScalar(typeString, text)
		}
	}
}

// count holds the number of values against its limit.
func (d *Decoder) count() bool {
	if d.elements++; d.elements > d.o.MaxElements {
		d.fail(CodeOverLimit, "more values than Options.MaxElements")
		return false
	}
	return true
}

// hasType reports whether a <value> that has been opened holds a typed value,
// whose start tag then stands at pos, or text.
func (d *Decoder) hasType() bool {
	start := d.pos
	if d.next() == tokenOpen {
		return true
	}
	d.pos = start
	return false
}

func (d *Decoder) readTyped() {
	at, empty := d.pos, false
	typ, name := d.plainType()
	if typ == typeUnknown {
		tag, alone, ok := d.openTag()
		if !ok {
			return
		}
		empty = alone
		if typ, name = typeOf(tag); typ == typeUnknown {
			d.failAt(at, CodeInvalidRequest, "<"+clip(tag)+"> is no type of XML-RPC")
			return
		}
	}
	switch typ {
	case typeArray:
		d.head.kind, d.head.typ, d.head.empty = value.KindList, typ, empty
		return
	case typeStruct:
		d.head.kind, d.head.typ, d.head.empty = value.KindMap, typ, empty
		return
	}
	var text []byte
	if !empty {
		var ok bool
		if text, ok = d.text(name); !ok {
			return
		}
	}
	if d.literal("</value>") || d.close("value") {
		d.setScalar(typ, text)
	}
}

// plainType reads the start tag of a common type that has nothing but its name
// in it.
func (d *Decoder) plainType() (wireType, string) {
	switch {
	case d.literal("<string>"):
		return typeString, "string"
	case d.literal("<int>"):
		return typeInt, "int"
	case d.literal("<i4>"):
		return typeInt, "i4"
	case d.literal("<double>"):
		return typeFloat, "double"
	case d.literal("<struct>"):
		return typeStruct, "struct"
	case d.literal("<array>"):
		return typeArray, "array"
	}
	return typeUnknown, ""
}

// setScalar makes a scalar the head.
func (d *Decoder) setScalar(typ wireType, text []byte) {
	kind := value.KindString
	switch typ {
	case typeInt:
		text = trim(text)
		if !d.fitsDigits(text) {
			return
		}
		var ok bool
		kind = value.KindInt
		if d.head.n, d.head.fits, ok = parseInt(text); ok {
			break
		}
		if !startsNumber(text) {
			d.bad("an integer", text)
			return
		}
		kind = value.KindFloat // some write a float without a fraction so
	case typeFloat:
		kind, text = value.KindFloat, trim(text)
		if !d.fitsDigits(text) {
			return
		}
	case typeBool:
		kind = value.KindBool
	case typeDate:
		kind = value.KindTime
	case typeBase64:
		kind = value.KindBytes
	case typeNil:
		kind = value.KindNil
		if len(trim(text)) > 0 {
			d.bad("nothing in <nil>", text)
			return
		}
	}
	d.head.kind, d.head.typ, d.head.text = kind, typ, text
}

// fitsDigits holds the length of a number against its limit.
func (d *Decoder) fitsDigits(text []byte) bool {
	if len(text) > d.o.MaxDigits {
		d.failAt(d.at, CodeOverLimit, "a number longer than Options.MaxDigits")
		return false
	}
	return true
}

// bad fails because the content of the last value is not what it has to be.
func (d *Decoder) bad(want string, text []byte) {
	d.failAt(d.at, CodeInvalidRequest, "expected "+want+`, got "`+clip(text)+`"`)
}
