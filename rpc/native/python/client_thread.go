package python

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
)

// Thread is one connection of a [Manager] for itself, and so one thread of the
// server: what Python keeps for each thread is kept from call to call, such as the
// owner of an RLock, or the lock of a Condition.
//
//	t, err := m.Thread(ctx)
//	defer t.Close()
//	_, err = rpc.Invoke[bool](ctx, t.Caller(lock), "acquire")
//
// It takes one call at a time, for which the others wait under their contexts. If
// one gets no answer, the Thread is of no more use.
type Thread struct {
	m    *Manager
	turn chan struct{} // holds a token while a call is under way

	forget func() bool // the end of the Manager ends the Thread until then

	mu   sync.Mutex
	conn *native.Conn // guarded by mu; nil: given up or closed
}

// Thread reserves a connection until it is closed. It counts in
// ManagerConfig.MaxConns.
func (m *Manager) Thread(ctx context.Context) (*Thread, error) {
	ctx, cancel := m.bounded(ctx)
	defer cancel()
	conn, err := m.take(ctx)
	if err != nil {
		return nil, m.linkError(rpc.NotSent, &rpc.Request{Method: "accept_connection"}, err)
	}
	t := &Thread{m: m, turn: make(chan struct{}, 1), conn: conn}
	t.forget = context.AfterFunc(m.life, func() { // not Close: forget may not be there yet
		if conn := t.end(); conn != nil {
			conn.Close()
		}
	})
	return t, nil
}

// Caller returns the object of p as this Thread calls it.
func (t *Thread) Caller(p *Proxy) rpc.Caller { return threadCaller{t, p} }

// Close closes the connection. Python releases no lock when a thread ends.
func (t *Thread) Close() error {
	t.forget()
	if conn := t.end(); conn != nil {
		return conn.Close()
	}
	return nil
}

// end gives the place of the Thread back, once.
func (t *Thread) end() *native.Conn {
	t.mu.Lock()
	conn := t.conn
	t.conn = nil
	t.mu.Unlock()
	if conn != nil {
		<-t.m.slots
	}
	return conn
}

type threadCaller struct {
	t *Thread
	p *Proxy
}

var errOtherManager = errors.New("the Thread and the Proxy are of different Managers")

func (c threadCaller) Call(ctx context.Context, req *rpc.Request) (any, error) {
	if c.t.m != c.p.m {
		return nil, fmt.Errorf("python: call %s: %w", req.Method, errOtherManager)
	}
	return c.p.callOn(ctx, c.t, req)
}

func (t *Thread) take(ctx context.Context) (*native.Conn, error) {
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	t.mu.Lock()
	conn := t.conn
	t.mu.Unlock()
	if conn == nil {
		<-t.turn
		return nil, fmt.Errorf("the thread: %w", net.ErrClosed)
	}
	if err := unasked(ctx, conn); err != nil {
		t.Close()
		<-t.turn
		return nil, err
	}
	return conn, nil
}

func (t *Thread) put(*native.Conn) { <-t.turn }

func (t *Thread) drop(*native.Conn) {
	t.end()
	<-t.turn
}
