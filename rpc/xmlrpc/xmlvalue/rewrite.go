package xmlvalue

import (
	"fmt"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// AppendRewritten appends the response that d stands before in the plainest form
// there is, for a reader that knows no other: every value has a type, text is one
// piece, integers are <int> or <i8>, dates are in UTC and without a zone, base64
// is one line, names come before values. Nothing is put between the elements. Text and names
// that are empty are an empty CDATA section, since some readers take no text for
// no value.
//
// What the plain form cannot carry, an integer beyond 64 bits, is a *value.Error.
// So is what the response has wrong, as of Decoder.Finish. Of o only the limits
// count. On an error, dst is returned as it was.
func AppendRewritten(dst []byte, d *Decoder, o Options) ([]byte, error) {
	if err := o.Validate(); err != nil {
		return dst, err
	}
	if code, message, ok := d.Fault(); ok {
		if err := d.Finish(); err != nil {
			return dst, err
		}
		return AppendFault(dst, code, message, o), nil
	}
	plain := Options{MaxDepth: o.MaxDepth, MaxElements: o.MaxElements, NonFinite: true, Fraction: true, Location: time.UTC}
	r := rewriter{d, NewEncoder(append(dst, responseOpen...), plain)}
	r.value()
	if err := d.Finish(); err != nil {
		return dst, err
	}
	if err := r.e.Err(); err != nil {
		return dst, err
	}
	return append(r.e.buf, responseClose...), nil
}

// rewriter reads values and writes them at once, so that it holds none but the
// one at hand. It recurses no deeper than the Decoder's limit.
type rewriter struct {
	d *Decoder
	e *Encoder
}

func (r rewriter) value() {
	d, e := r.d, r.e
	switch k := d.Kind(); k {
	case value.KindNil:
		d.Nil()
		e.Nil()
	case value.KindBool:
		e.Bool(d.Bool())
	case value.KindInt:
		if n, ok := d.Int(); ok {
			e.Int(n)
		} else if n := d.BigInt(); n != nil {
			d.Fail(fmt.Errorf("an integer of %d bits does not fit <i8>, 63 bits and a sign", n.BitLen()))
		}
	case value.KindFloat:
		e.Float(d.Float())
	case value.KindString:
		if text := d.Text(); text != "" {
			e.Text(text)
		} else if e.begin("string") {
			e.raw("<value><string><![CDATA[]]></string></value>")
		}
	case value.KindBytes:
		e.Bytes(d.Bytes())
	case value.KindTime:
		e.Time(d.Time())
	case value.KindList:
		d.List()
		for e.List(k, -1); d.More() && e.Err() == nil; {
			r.value()
		}
		e.End()
	case value.KindMap:
		d.Map()
		for e.Map(-1); d.More() && e.Err() == nil; {
			r.name(string(d.Name()))
			r.value()
		}
		e.End()
	default:
		d.Fail(fmt.Errorf("expected a value, got %s", k))
	}
}

func (r rewriter) name(name string) {
	if name != "" || r.e.Err() != nil {
		r.e.Name(name)
		return
	}
	r.e.buf = append(r.e.buf, "<member><name><![CDATA[]]></name>"...)
	r.e.stack[len(r.e.stack)-1] = atMember
}
