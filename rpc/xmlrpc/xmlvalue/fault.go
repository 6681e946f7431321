package xmlvalue

import (
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

// readFault reads the value of a <fault>. Servers exist that leave out the code or
// the message, or both (npm's xmlrpc makes an empty struct of an Error), or send
// text and no struct. The server has answered with a fault all the same, and
// nothing that can be told to somebody is a reason not to tell it.
func (d *Decoder) readFault() {
	v := value.DecodeAny(d)
	if d.Err() != nil {
		return
	}
	d.fault.ok = true
	m, isStruct := v.(map[string]any)
	code, coded := m["faultCode"]
	message, told := m["faultString"]
	if coded || told {
		d.fault.code, d.fault.message = value.FaultParts(code, message)
		return
	}
	if !isStruct || len(m) > 0 {
		_, d.fault.message = value.FaultParts(nil, v)
	}
	if _, isText := v.(string); !isText || d.fault.message == "" {
		d.fault.message = strings.TrimSuffix("a <fault> without faultCode and faultString: "+d.fault.message, ": ")
	}
}
