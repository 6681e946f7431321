package xmlrpc

import (
	"bytes"
	"context"
	"fmt"
	"runtime/debug"
	"strconv"
	"sync"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

const (
	multicallName = "system.multicall"
	// maxMulticallAnswer is how many bytes the answers in a multicall may have before
	// its next call is made. Without it a small request could make 64 large results.
	maxMulticallAnswer = 16 << 20
)

// multicall writes the answer of a system.multicall, each element when it comes:
// one that cannot be written is a fault and costs the others nothing, and what
// is there at the deadline is sent. It is rpc.Elements.
type multicall struct {
	e   *endpoint
	ctx context.Context // of the one call that this is

	mu    sync.Mutex // protects what follows: the deadline may come at any time
	begun bool
	over  bool // the deadline came, or the end
	n     int  // elements so far
	left  int  // and those to come
	out   []byte
}

func (m *multicall) Begin(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.begun, m.n, m.left = true, 0, n
	m.out = xmlvalue.AppendListOpen(nil)
}

func (m *multicall) Add(result any, fault *rpc.Fault) *rpc.Fault {
	// Beyond the end of m.out, which is where it is written, nobody reads.
	var out []byte
	if fault == nil {
		out, fault = m.write(result)
	}
	if fault != nil {
		out = xmlvalue.AppendFaultValue(m.out, fault.Code, fault.Message)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.over {
		return lateFault
	}
	m.out = out
	m.n++
	m.left--
	if len(m.out) > maxMulticallAnswer {
		return rpc.Errorf(rpc.CodeOverLimit, "%s: the answers before this one have more than %d bytes, and it was not called: make fewer calls in one", multicallName, maxMulticallAnswer)
	}
	return nil
}

var lateFault = rpc.Errorf(rpc.CodeDeadlineExceeded, "deadline exceeded")

// write appends a result as the list of one that it is here.
func (m *multicall) write(result any) (out []byte, fault *rpc.Fault) {
	defer func() {
		if p := recover(); p != nil {
			fault = m.e.internal(m.ctx, m.name(), fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	out, err := xmlvalue.AppendElement(m.out, result, m.e.options)
	if err != nil {
		return nil, m.e.unwritable(m.ctx, m.name(), err)
	}
	return out, nil
}

// name is what the log calls the element that is due.
func (m *multicall) name() string { return multicallName + "[" + strconv.Itoa(m.n) + "]" }

// end returns the whole answer; ok is false if the handler has made one of its
// own.
func (m *multicall) end() (body []byte, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.begun && !m.over {
		m.over = true
		m.out = xmlvalue.AppendListClose(m.out)
	}
	return m.out, m.begun
}

// late returns the answer as it stands at the deadline: what has not been
// answered never will be. The memory is its own, since the call that runs may come
// to its end now.
func (m *multicall) late() (body []byte, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	body = bytes.Clone(m.out)
	if m.begun && !m.over {
		m.over = true
		for range m.left {
			body = xmlvalue.AppendFaultValue(body, lateFault.Code, lateFault.Message)
		}
		body = xmlvalue.AppendListClose(body)
	}
	return body, m.begun
}
