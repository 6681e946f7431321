package native

import (
	"strconv"
	"strings"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native/cbor"
	"github.com/parley-rpc/parley/rpc/value"
)

const (
	multicallName = "system.multicall"
	// elementRoom is what each element of a multicall that is still to come is sure
	// to have, in bytes: enough for the fault that there is no room.
	elementRoom = 256
)

// multicall encodes the answer of a system.multicall, each element when it comes:
// one that cannot be encoded, or that the answer has no room for, is a fault and
// costs the others nothing. It is rpc.Elements.
type multicall struct {
	in    *incoming
	enc   cbor.Encoder
	begun bool
	n     int // elements so far
	left  int // and those to come
}

func (m *multicall) Begin(n int) {
	m.begun, m.n, m.left = true, 0, n
	m.enc.Reset(withHeadRoom(m.in.answer), cbor.Options{})
	m.enc.List(value.KindList, n)
}

func (m *multicall) Add(result any, fault *rpc.Fault) *rpc.Fault {
	m.left--
	before := m.enc.Mark()
	if fault == nil {
		fault = m.encode(result)
	}
	if fault != nil {
		m.enc.Rewind(before)
		m.appendFault(fault)
	}
	m.n++
	if m.size() <= m.in.s.hello.maxMessage-m.left*elementRoom {
		return nil
	}
	full := rpc.Errorf(rpc.CodeOverLimit, "over limit: with this one the answers take more than the %d bytes that the caller accepts: make fewer calls in one", m.in.s.hello.maxMessage)
	m.enc.Rewind(before)
	m.appendFault(full)
	return full
}

// encode appends a result as the list of one that it is here.
func (m *multicall) encode(result any) (fault *rpc.Fault) {
	in, name := m.in, multicallName+"["+strconv.Itoa(m.n)+"]"
	defer func() {
		if p := recover(); p != nil {
			fault = in.panicked(name, p)
		}
	}()
	if fault = in.s.reserve(in, m.size()+sizeOf(result)); fault != nil {
		return fault
	}
	value.Encode(&m.enc, []any{result})
	if err := m.enc.Err(); err != nil {
		return in.unencoded(name, err)
	}
	return nil
}

func (m *multicall) appendFault(f *rpc.Fault) {
	value.Encode(&m.enc, map[string]any{"faultCode": f.Code, "faultString": strings.ToValidUTF8(f.Message, "\uFFFD")})
}

// size is that of the answer so far, in bytes.
func (m *multicall) size() int { return len(m.enc.Output()) - headRoom }

// end makes the answer that of the call.
func (m *multicall) end() error {
	m.enc.End()
	if err := m.enc.Err(); err != nil {
		return m.in.unencoded(multicallName, err)
	}
	m.in.answer = m.enc.Output()
	return nil
}
