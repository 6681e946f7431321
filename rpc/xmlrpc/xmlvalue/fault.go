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
// code that is no integer is 0, and what it was stands before the message. With
// neither code nor message, the message says so, and what there was.
func (d *Decoder) Fault() (code int, message string, ok bool) {
	return d.fault.code, d.fault.message, d.fault.ok
}

// readFault reads the value of a <fault>. Servers exist that send the code as
// text, or text as the code (Odoo's old endpoint: "AccessError"), or the message
// as base64 because of its letters; one of the two may be missing, or both (npm's
// xmlrpc makes an empty struct of an Error), or there is text and no struct. The
// server has answered with a fault all the same, and nothing that can be told to
// somebody is a reason not to tell it.
func (d *Decoder) readFault() {
	v := value.DecodeAny(d)
	if d.Err() != nil {
		return
	}
	m, _ := v.(map[string]any)
	code, coded := m["faultCode"]
	message, told := m["faultString"]
	d.fault = fault{message: faultText(message), ok: true}
	if !coded && !told {
		d.fault.message = bareFault(v)
		return
	}
	var isCode bool
	if d.fault.code, isCode = faultCode(code); !isCode {
		d.fault.message = strings.TrimSuffix(faultText(code)+": "+d.fault.message, ": ")
	}
}

// bareFault is the message of a fault that has neither faultCode nor faultString.
func bareFault(v any) string {
	const missing = "a <fault> without faultCode and faultString"
	switch v := v.(type) {
	case string:
		if v != "" {
			return v
		}
	case nil:
	case map[string]any:
		if len(v) > 0 {
			return missing + ": " + faultText(v)
		}
	default:
		return missing + ": " + faultText(v)
	}
	return missing
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
