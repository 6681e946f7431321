package python

import (
	"context"
	"fmt"
	"net"

	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/value"
)

// take returns a connection with a thread of the server behind it, which nobody
// else uses until put or drop.
func (m *Manager) take(ctx context.Context) (*native.Conn, error) {
	select {
	case m.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("%w, while all %d connections were in use (ManagerConfig.MaxConns)", ctx.Err(), m.cfg.MaxConns)
	}
	conn, err := m.free(ctx)
	if conn == nil && err == nil {
		conn, err = m.connect(ctx)
	}
	if err != nil {
		<-m.slots
		return nil, err
	}
	return conn, nil
}

// free returns a connection that is idle and sound, nil if there is none. The
// server may have closed one, as when it was started again.
func (m *Manager) free(ctx context.Context) (*native.Conn, error) {
	for {
		m.mu.Lock()
		if m.closed {
			m.mu.Unlock()
			return nil, net.ErrClosed
		}
		last := len(m.idle) - 1
		if last < 0 {
			m.mu.Unlock()
			return nil, nil
		}
		conn := m.idle[last]
		m.idle = m.idle[:last]
		m.mu.Unlock()
		if unasked(ctx, conn) == nil {
			return conn, nil
		}
		conn.Close()
	}
}

// connect makes a connection, and asks for a thread that serves it.
func (m *Manager) connect(ctx context.Context) (*native.Conn, error) {
	m.mu.Lock()
	m.threads++
	name := fmt.Sprintf("parley-%d", m.threads)
	m.mu.Unlock()
	message, err := m.wire.pack(callMessage(nil, "accept_connection", arguments{positional: []any{name}}))
	if err != nil {
		return nil, err
	}
	conn, err := m.dial(ctx)
	if err != nil {
		return nil, err
	}
	data, failed := converse(ctx, conn, message)
	if failed != nil {
		err = failed.err
	} else {
		var r reply
		if r, err = m.wire.readReply(data); err == nil {
			err = r.failure("accept_connection", nil)
		}
		var result any
		if err == nil {
			result, err = r.result.value()
		}
		if err == nil && (r.kind != kindReturn || result != nil) {
			err = fmt.Errorf("%w: expected ('#RETURN', None), got '%s' and %s", errMalformed, r.kind, whatIs(result))
		}
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// put makes a connection free again.
func (m *Manager) put(conn *native.Conn) {
	m.mu.Lock()
	keep := !m.closed && len(m.proxies) > 0
	if keep {
		m.idle = append(m.idle, conn)
	}
	m.mu.Unlock()
	if !keep {
		conn.Close()
	}
	<-m.slots
}

// forget takes a Proxy off the list. Behind the last one connections are closed,
// and so threads of the server end, as in Python.
func (m *Manager) forget(p *Proxy) {
	m.mu.Lock()
	var idle []*native.Conn
	if delete(m.proxies, p); len(m.proxies) == 0 {
		idle, m.idle = m.idle, nil
	}
	m.mu.Unlock()
	for _, conn := range idle {
		conn.Close()
	}
}

// abandon ends a connection whose call got no answer. If one is due, it is waited
// for, since it may bring a reference to an object, which nobody would give back.
// As many answers are waited for as there may be connections.
func (m *Manager) abandon(conn *native.Conn, failed *failedExchange, create bool) {
	m.mu.Lock()
	wait := failed.due && !m.closed && m.due < m.cfg.MaxConns
	if wait {
		m.due++
		m.work.Add(1)
	}
	m.mu.Unlock()
	if !wait {
		conn.Close()
		return
	}
	go func() {
		defer m.work.Done()
		defer conn.Close()
		defer func() {
			m.mu.Lock()
			m.due--
			m.mu.Unlock()
		}()
		ctx, cancel := context.WithTimeout(m.life, m.cfg.CallTimeout)
		defer cancel()
		data, err := conn.RecvBytes(ctx)
		if err != nil {
			return
		}
		if p := m.broughtBy(data, create); p != nil {
			_, _ = m.manageUnder(ctx, "decref", value.Tuple{p.id}, nil) // nobody is there to hear of it
		}
	}()
}

// broughtBy returns the object that a late answer refers to, nil if there is none.
func (m *Manager) broughtBy(data []byte, create bool) *Proxy {
	r, err := m.wire.readReply(data)
	if err != nil {
		return nil
	}
	var p *Proxy
	v, err := r.result.value()
	switch {
	case err != nil:
	case r.kind == kindProxy:
		p, _ = m.sentProxy(v)
	case create && r.kind == kindReturn:
		p, _ = m.created("", v)
	}
	return p
}
