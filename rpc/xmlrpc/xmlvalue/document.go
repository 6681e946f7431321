package xmlvalue

import (
	"bytes"
	"strconv"

	"github.com/parley-rpc/parley/rpc/value"
)

// ReadCall reads a <methodCall> up to its parameters: the Decoder stands before
// the list of them. data must not change while the Decoder is in use, and is
// not changed by it. An error is a *SyntaxError or that of Options.Validate.
func ReadCall(data []byte, o Options) (*Decoder, error) {
	d, err := newDecoder(data, o)
	if err != nil {
		return nil, err
	}
	d.readCall()
	return d.orError()
}

// ReadResponse reads a <methodResponse>. If it is a fault, the Decoder has read
// it and Fault tells; else it stands before the result, which is nil where the
// document has none. Otherwise as ReadCall.
func ReadResponse(data []byte, o Options) (*Decoder, error) {
	d, err := newDecoder(data, o)
	if err != nil {
		return nil, err
	}
	d.readResponse()
	return d.orError()
}

func newDecoder(data []byte, o Options) (*Decoder, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	d := &Decoder{o: o.filled()}
	d.data, d.maxString = data, d.o.MaxString
	d.FalseIsZero = o.FalseIsZero
	d.stack = d.first[:0]
	d.prolog()
	return d, nil
}

// orError returns d, or the error that it has.
func (d *Decoder) orError() (*Decoder, error) {
	if err := d.failure(); err != nil {
		return nil, err
	}
	return d, nil
}

// failure returns the error of d: a *SyntaxError as such where it has no path.
func (d *Decoder) failure() error {
	err := d.Err()
	if err == nil {
		return nil
	}
	if syntax, ok := err.Err.(*SyntaxError); ok && //nolint:errorlint // a wrapped one has more to say
		err.Path == "" {
		return syntax
	}
	return err
}

func (d *Decoder) readCall() {
	if !d.root("methodCall") {
		return
	}
	if empty, ok := d.open("methodName"); !ok {
		return
	} else if empty {
		d.fail(CodeInvalidRequest, "an empty <methodName>")
		return
	}
	at := d.pos
	name, ok := d.text("methodName")
	if !ok {
		return
	}
	if d.Method = string(trim(name)); d.Method == "" {
		d.failAt(at, CodeInvalidRequest, "an empty <methodName>")
		return
	}
	d.stage, d.tail = atParams, "methodCall"
}

func (d *Decoder) readResponse() {
	if !d.root("methodResponse") {
		return
	}
	d.stage = atResult
	if d.next() == tokenClose {
		d.tail = "methodResponse"
		d.head.kind = value.KindNil
		return
	}
	if bytes.HasPrefix(d.data[d.pos:], []byte("<fault")) {
		d.tail = "fault methodResponse"
		if empty, ok := d.open("fault"); !ok {
			return
		} else if empty {
			d.fail(CodeInvalidRequest, "an empty <fault>")
			return
		}
		d.readFault()
		return
	}
	empty, ok := d.open("params")
	switch {
	case !ok:
		return
	case empty:
		d.tail = "methodResponse"
		d.head.kind = value.KindNil
		return
	case d.next() == tokenClose:
		d.tail = "params methodResponse"
		d.head.kind = value.KindNil
		return
	}
	if empty, ok = d.open("param"); !ok {
		return
	}
	d.tail = "param params methodResponse"
	if empty {
		d.tail = "params methodResponse"
	}
	if empty || d.next() == tokenClose {
		d.head.kind = value.KindNil
	}
}

// root opens the root element.
func (d *Decoder) root(name string) bool {
	if d.Err() != nil {
		return false
	}
	switch d.next() {
	case tokenEnd:
		d.fail(CodeNotWellFormed, "an empty document")
		return false
	case tokenText:
		d.fail(CodeNotWellFormed, "expected <"+name+">, got no XML but "+clip(d.data[d.pos:]))
		return false
	}
	empty, ok := d.open(name)
	if ok && empty {
		d.fail(CodeInvalidRequest, "an empty <"+name+">")
	}
	return ok && !empty
}

// readFault reads the struct of a <fault>. Servers exist that send the code as
// text; one of code and message may be missing.
func (d *Decoder) readFault() {
	at := d.pos
	if k := d.Kind(); k != value.KindMap {
		d.failAt(at, CodeInvalidRequest, "expected a struct in <fault>, got "+k.String())
		return
	}
	found := false
	for d.Map(); d.More(); {
		switch name := string(d.Name()); {
		case name == "faultCode":
			d.fault.code = d.faultCode()
			found = true
		case name == "faultString" && d.Kind() == value.KindString:
			d.fault.message = d.Text()
			found = true
		default:
			d.Skip()
		}
	}
	if !found {
		d.failAt(at, CodeInvalidRequest, "a <fault> with neither faultCode nor faultString")
	}
	d.fault.ok = d.Err() == nil
}

func (d *Decoder) faultCode() int {
	switch d.Kind() {
	case value.KindInt:
		if n, ok := d.Int(); ok && int64(int(n)) == n {
			return int(n)
		}
	case value.KindFloat:
		if f := d.Float(); f == float64(int32(f)) {
			return int(f)
		}
	case value.KindString:
		if n, err := strconv.Atoi(string(trim([]byte(d.Text())))); err == nil {
			return n
		}
	default:
		d.Skip()
	}
	d.failAt(d.at, CodeInvalidRequest, "a faultCode that is not an integer")
	return 0
}

// Fault returns the fault that a response was; ok is false if it was none.
func (d *Decoder) Fault() (code int, message string, ok bool) {
	return d.fault.code, d.fault.message, d.fault.ok
}
