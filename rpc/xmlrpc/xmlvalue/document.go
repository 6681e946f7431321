package xmlvalue

import (
	"bytes"

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
// the whole document and Fault tells; else it stands before the result, which is nil where the
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
	d.data, d.maxString, d.decoder = data, d.o.MaxString, d
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

func (d *Decoder) readCall() {
	if empty, ok := d.root("methodCall"); !ok {
		return
	} else if empty {
		d.fail(CodeInvalidRequest, "an empty <methodCall>")
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
	empty, ok := d.root("methodResponse")
	if !ok {
		return
	}
	d.stage = atResult
	if empty {
		d.head.kind = value.KindNil
		return
	}
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
		_ = d.Finish() // the error is looked at by the caller
		return
	}
	empty, ok = d.open("params")
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

// root opens the root element and tells, as open does, if it is an empty-element tag.
func (d *Decoder) root(name string) (empty, ok bool) {
	if d.Err() != nil {
		return false, false
	}
	switch d.next() {
	case tokenEnd:
		d.fail(CodeNotWellFormed, "an empty document")
		return false, false
	case tokenText:
		d.fail(CodeNotWellFormed, "expected <"+name+">, got no XML but "+clip(d.data[d.pos:]))
		return false, false
	}
	return d.open(name)
}
