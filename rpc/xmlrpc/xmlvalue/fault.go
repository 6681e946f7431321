package xmlvalue

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/parley-rpc/parley/rpc/value"
)

type fault struct {
	code    int
	message string
	ok      bool
}

// Fault returns the fault that a response was; ok is false if it was none. A
// code that is no integer is 0, and what it was stands before the message.
func (d *Decoder) Fault() (code int, message string, ok bool) {
	return d.fault.code, d.fault.message, d.fault.ok
}

// readFault reads the struct of a <fault>. Servers exist that send the code as
// text, or text as the code (Odoo's old endpoint: "AccessError"), or the message
// as base64 because of its letters; one of the two may be missing. Nothing that
// can be told to somebody is a reason not to tell it.
func (d *Decoder) readFault() {
	at := d.pos
	if k := d.Kind(); k != value.KindMap {
		d.failAt(at, CodeInvalidRequest, "expected a struct in <fault>, got "+k.String())
		return
	}
	var code, message any
	found := false
	for d.Map(); d.More(); {
		switch string(d.Name()) {
		case "faultCode":
			code, found = value.DecodeAny(d), true
		case "faultString":
			message, found = value.DecodeAny(d), true
		default:
			d.Skip()
		}
	}
	if !found {
		d.failAt(at, CodeInvalidRequest, "a <fault> with neither faultCode nor faultString")
	}
	if d.Err() != nil {
		return
	}
	d.fault = fault{message: faultText(message), ok: true}
	var isCode bool
	if d.fault.code, isCode = faultCode(code); !isCode {
		d.fault.message = strings.TrimSuffix(faultText(code)+": "+d.fault.message, ": ")
	}
}

// faultCode returns the integer that a faultCode is; none is 0.
func faultCode(v any) (code int, ok bool) {
	switch v := v.(type) {
	case nil:
		return 0, true
	case int64:
		if code = int(v); int64(code) == v {
			return code, true
		}
	case float64:
		if code = int(int32(v)); float64(code) == v {
			return code, true
		}
	case string:
		if v = string(trim([]byte(v))); v == "" {
			return 0, true
		}
		if n, err := strconv.Atoi(v); err == nil {
			return n, true
		}
	}
	return 0, false
}

// faultText returns what a part of a fault says.
func faultText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case []byte:
		return strings.ToValidUTF8(string(v), "\uFFFD")
	}
	return fmt.Sprint(v)
}
