package harness

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/parley-rpc/parley/internal/compare/measure"
	"github.com/parley-rpc/parley/internal/compare/work"
)

// clientChild is the client's side of a peer.
func clientChild(p *Peer, dir string) error {
	c := client{peer: p, dir: dir, works: map[string]*opened{}}
	return Obey(c.obey)
}

// client does the orders of a client.
type client struct {
	peer  *Peer
	dir   string
	works map[string]*opened
	held  []Conn
}

// opened is a work that is ready: its connections, and one call for each caller.
type opened struct {
	conns []Conn
	calls []Call
}

func (c *client) obey(o Order) (Report, error) {
	switch o.Do {
	case "open":
		return c.open(o)
	case "run":
		return c.run(o)
	case "close":
		return Report{}, c.close(o)
	case "set-up":
		return c.setUp(o)
	case "hold":
		return Report{}, c.hold(o)
	case "release":
		err := closeAll(c.held)
		c.held = nil
		return Report{}, err
	}
	return Report{}, fmt.Errorf("%q is no order for a client", o.Do)
}

func (c *client) open(o Order) (Report, error) {
	w := *o.Work
	if c.works[w.Name] != nil {
		return Report{}, fmt.Errorf("%s is open", w.Name)
	}
	n := w.Conns
	if c.peer.OneAtATime {
		n = w.Callers
	}
	op := &opened{calls: make([]Call, w.Callers)}
	warm := make([]Call, w.Callers)
	err := op.dial(c, o.Addr, n)
	measured := w.Measured()
	for i := 0; i < w.Callers && err == nil; i++ {
		var errs [2]error
		warm[i], errs[0] = op.conns[i%n].Prepare(w.WarmUp(i))
		op.calls[i], errs[1] = op.conns[i%n].Prepare(measured)
		err = errors.Join(errs[:]...)
	}
	if err != nil {
		return Report{}, errors.Join(err, closeAll(op.conns))
	}
	if err := warmUp(n, measure.Load{Calls: warm, Limit: o.Calls, Duration: time.Duration(o.NS)}); err != nil {
		_ = closeAll(op.conns) // the call may have broken them
		if errors.Is(err, work.ErrWrong) {
			return Report{}, err
		}
		return Report{Refused: err.Error()}, nil
	}
	c.works[w.Name] = op
	return Report{}, nil
}

func (op *opened) dial(c *client, addr string, n int) error {
	for range n {
		conn, err := c.peer.Dial(c.dir, addr)
		if err != nil {
			return fmt.Errorf("dial %s: %w", addr, err)
		}
		op.conns = append(op.conns, conn)
	}
	return nil
}

// warmUp calls as l says. Some connections are made by their first call: those
// come one after another, as connections that Dial makes do.
func warmUp(conns int, l measure.Load) error {
	ctx := context.Background()
	for _, call := range l.Calls[:conns] {
		if err := call(ctx); err != nil {
			return err
		}
	}
	if l.Limit == 1 && conns == len(l.Calls) {
		return nil // each has made its call
	}
	_, err := measure.Run(ctx, l)
	return err
}

func (c *client) run(o Order) (Report, error) {
	op := c.works[o.Work.Name]
	if op == nil {
		return Report{}, fmt.Errorf("%s is not open", o.Work.Name)
	}
	s, err := measure.Run(context.Background(), measure.Load{Calls: op.calls, Duration: time.Duration(o.NS), Limit: o.Calls, Rate: o.Rate})
	if err != nil {
		return Report{}, err
	}
	shrink()
	return Report{
		CPU: int64(s.CPU), Calls: s.Calls, Wall: int64(s.Wall), Late: s.Late, Unsent: s.Unsent,
		Allocs: &s.Allocs, AllocBytes: &s.AllocBytes, Latency: s.Latency,
	}, nil
}

func (c *client) close(o Order) error {
	op := c.works[o.Work.Name]
	if op == nil {
		return nil // it was refused
	}
	delete(c.works, o.Work.Name)
	return closeAll(op.conns)
}

// first is what connections are tried with: one small call.
func first() *work.Input { return work.Work{Form: work.Add}.Measured() }

// setUp measures new connections, each until the answer to its first call.
func (c *client) setUp(o Order) (Report, error) {
	var r Report
	for range o.Calls {
		begin := time.Now()
		conn, err := c.connect(o.Addr)
		r.SetUps = append(r.SetUps, int64(time.Since(begin)))
		if err != nil {
			return Report{}, err
		}
		if err := conn.Close(); err != nil {
			return Report{}, err
		}
	}
	return r, nil
}

// connect returns a connection that has answered a call.
func (c *client) connect(addr string) (Conn, error) {
	conn, err := c.peer.Dial(c.dir, addr)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	call, err := conn.Prepare(first())
	if err == nil {
		err = call(context.Background())
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// holders is how many connections are made at the same time where nobody
// measures how long it takes.
const holders = 16

func (c *client) hold(o Order) error {
	conns, errs := make([]Conn, o.Conns), make([]error, o.Conns)
	slots := make(chan struct{}, holders)
	var running sync.WaitGroup
	for i := range conns {
		slots <- struct{}{}
		running.Go(func() {
			conns[i], errs[i] = c.connect(o.Addr)
			<-slots
		})
	}
	running.Wait()
	for i, err := range errs {
		if err != nil {
			return err // one is enough
		}
		c.held = append(c.held, conns[i])
	}
	return nil
}

func closeAll(conns []Conn) error {
	var errs []error
	for _, conn := range conns {
		errs = append(errs, conn.Close())
	}
	return errors.Join(errs...)
}
