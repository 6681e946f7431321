package xmlrpc

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// direct makes calls over the connections of a client. A call is written and its
// answer read on the goroutine of its caller, where http.Transport hands both to
// goroutines of the connection: that is twice as much work as HTTP is. And each
// connection is made for a call, which is on it at once. http.Transport makes
// connections ahead, of which many are never used; a server takes those for
// silent ones and closes them, and a call that is being written on one in that
// moment is lost. What it promises stands at Client.
type direct struct {
	dial        func(ctx context.Context, addr string) (*sentConn, error)
	addr        string // of the server: host:port
	proxy       func(*http.Request) (*url.URL, error)
	tls         *tls.Config // to the server, and to a proxy at https
	secure      *secure     // nil without TLS to the server
	once        bool        // a connection is used for one call
	slots       chan struct{}
	dialTimeout time.Duration
	idleFor     time.Duration
	newProbe    func(*directConn) probe

	mu     sync.Mutex    // protects what follows
	idle   []*directConn // the one used last at the end
	timer  *time.Timer   // closes them when they have been idle too long
	armed  bool          // the timer runs
	closed bool
}

// roundTrip sends r with body and returns the answer, whose body has to be read
// to its end and closed.
func (d *direct) roundTrip(ctx context.Context, r *http.Request, body []byte, trace *sendTrace) (*http.Response, error) {
	via, err := d.way(ctx, r)
	if err != nil {
		return nil, err
	}
	if err := d.enter(ctx); err != nil {
		return nil, err
	}
	h := hooks{httptrace.ContextClientTrace(ctx)}
	for lost := 0; ; {
		h.getConn(d.addr)
		c, err := d.take(ctx, via, h)
		used := err == nil && c.used
		if err == nil {
			h.gotConn(c)
			trace.use(c.sentConn)
			var resp *http.Response
			if resp, err = c.exchange(ctx, r, body, trace, h); err == nil {
				return resp, nil
			}
			c.end(false)
		}
		unsent := trace.sent() == rpc.NotSent && ctx.Err() == nil
		switch {
		case unsent && used: // it was closed while it was idle
		case unsent && lost == 0 && lostBefore(err) && pause(ctx):
			lost++
		default:
			d.leave()
			if unsent && lost > 0 && lostBefore(err) {
				err = fmt.Errorf("%w (on two new connections, before anything was sent: it may have too many)", err)
			}
			return nil, err
		}
		trace.again()
	}
}

// enter waits until there is room for another call.
func (d *direct) enter(ctx context.Context) error {
	select {
	case d.slots <- struct{}{}:
		return nil
	default:
	}
	select {
	case d.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *direct) leave() { <-d.slots }

// take returns a connection that is idle, or a new one.
func (d *direct) take(ctx context.Context, via way, h hooks) (*directConn, error) {
	for {
		c, surplus := d.pick(via)
		if surplus != nil {
			surplus.part()
		}
		if c == nil {
			break
		}
		if time.Since(c.since) < d.idleFor && c.probe.quiet() {
			return c, nil
		}
		c.drop()
	}
	c, err := d.connect(ctx, via, h)
	if err != nil {
		// The dialler knows when ctx ends, and is quicker than that at times.
		if deadline, ok := ctx.Deadline(); ok && ctx.Err() == nil && !time.Now().Before(deadline) {
			err = context.DeadlineExceeded
		}
	}
	return c, err
}

// pick takes a connection that goes the same way out of those that are idle. If
// there is none, one that goes another way is surplus if the new connection would
// be one too many.
func (d *direct) pick(via way) (c, surplus *directConn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := len(d.idle) - 1; i >= 0; i-- {
		if c := d.idle[i]; c.via.key == via.key {
			d.idle = slices.Delete(d.idle, i, i+1)
			return c, nil
		}
	}
	if len(d.idle) > 0 && len(d.idle)+len(d.slots) > cap(d.slots) {
		surplus = d.idle[0]
		d.idle = slices.Delete(d.idle, 0, 1)
	}
	return nil, surplus
}

// connect makes a connection.
func (d *direct) connect(ctx context.Context, via way, h hooks) (*directConn, error) {
	addr := d.addr
	if via.proxy != nil {
		addr = via.addr
	}
	sc, err := d.dial(ctx, addr)
	if err != nil {
		return nil, via.failed(err)
	}
	c := &directConn{sentConn: sc, owner: d, timed: newTimedConn(sc.Conn), via: via}
	c.reader = bufio.NewReader(readDirect{c})
	c.probe = d.newProbe(c)
	if via.proxy != nil {
		err = via.failed(d.pass(ctx, c, h))
	}
	if err == nil && d.secure != nil {
		err = d.secure.start(ctx, c, h)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// put keeps a connection for the next call.
func (d *direct) put(c *directConn) {
	c.used, c.since = true, time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		c.Close()
		return
	}
	c.probe.rest()
	d.idle = append(d.idle, c)
	switch {
	case d.armed:
	case d.timer == nil:
		d.timer = time.AfterFunc(d.idleFor, d.expire)
	default:
		d.timer.Reset(d.idleFor)
	}
	d.armed = true
}

// expire closes what has been idle for too long, and sees to the rest later.
func (d *direct) expire() {
	d.mu.Lock()
	now := time.Now()
	n := 0
	for n < len(d.idle) && now.Sub(d.idle[n].since) >= d.idleFor {
		n++
	}
	old := slices.Clone(d.idle[:n])
	d.idle = slices.Delete(d.idle, 0, n)
	if d.armed = len(d.idle) > 0 && !d.closed; d.armed {
		d.timer.Reset(d.idleFor - now.Sub(d.idle[0].since))
	}
	d.mu.Unlock()
	for _, c := range old {
		c.part()
	}
}

// closeIdle closes the connections that no call uses.
func (d *direct) closeIdle() {
	d.mu.Lock()
	idle := d.idle
	d.idle = nil
	d.mu.Unlock()
	for _, c := range idle {
		c.part()
	}
}

// close keeps connections from being kept any more.
func (d *direct) close() {
	d.mu.Lock()
	d.closed = true
	if d.timer != nil {
		d.timer.Stop()
	}
	d.mu.Unlock()
	d.closeIdle()
}
