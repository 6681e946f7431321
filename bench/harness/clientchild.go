package harness

import (
	"context"
	"errors"
	"fmt"

	"github.com/parley-rpc/parley/bench/peers"
	"github.com/parley-rpc/parley/bench/work"
)

// clientChild is the client's side of a peer.
func clientChild(p *peers.Peer) error {
	c := client{peer: p}
	return obey(func(o Order) (Report, error) {
		switch o.Do {
		case "open":
			return Report{}, c.open(o)
		case "run":
			return c.run(o)
		case "close":
			return Report{}, c.close()
		}
		return Report{}, fmt.Errorf("%q is no order for a client", o.Do)
	})
}

// client holds the connections of one work, and one prepared call per caller.
type client struct {
	peer  *peers.Peer
	conns []peers.Conn
	calls []peers.Call
}

// warmUps is how many calls each caller makes before anything is measured, each
// answer compared as a whole.
const warmUps = 3

func (c *client) open(o Order) error {
	w, err := work.Find(o.Work)
	if err != nil {
		return err
	}
	n := w.Conns
	if c.peer.OneAtATime {
		n = w.Callers
	}
	for range n {
		conn, err := c.peer.Dial(o.Addr)
		if err != nil {
			return fmt.Errorf("dial %s: %w", o.Addr, err)
		}
		c.conns = append(c.conns, conn)
	}
	warm := make([]peers.Call, w.Callers)
	c.calls = make([]peers.Call, w.Callers)
	measured := work.Measured(w.Form)
	for i := range w.Callers {
		conn := c.conns[i%n]
		var errs [2]error
		warm[i], errs[0] = conn.Prepare(work.WarmUp(w.Form, i))
		c.calls[i], errs[1] = conn.Prepare(measured)
		if err := errors.Join(errs[:]...); err != nil {
			return err
		}
	}
	// Some connections are made by their first call. They come one after another,
	// as those that Dial makes do.
	ctx := context.Background()
	for _, call := range warm[:n] {
		if err := call(ctx); err != nil {
			return err
		}
	}
	_, err = repeat(ctx, warm, 0, warmUps)
	return err
}

func (c *client) run(o Order) (Report, error) {
	if len(c.calls) == 0 {
		return Report{}, errors.New("run without open")
	}
	return repeat(context.Background(), c.calls, o.NS, o.Calls)
}

func (c *client) close() error {
	var errs []error
	for _, conn := range c.conns {
		errs = append(errs, conn.Close())
	}
	c.conns, c.calls = nil, nil
	return errors.Join(errs...)
}
