package native

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

const (
	// maxTries is how often a call is made at most that may have run.
	maxTries = 3
	// maxPasses is how often one is made that surely has not: servers that restart
	// one after another may send it away several times.
	maxPasses = 10
)

// invoke makes a call, innermost.
func (c *Client) invoke(ctx context.Context, req *rpc.Request) (any, error) {
	if onReader(ctx) {
		return nil, callError(rpc.NotSent, req.Method, ErrInline)
	}
	call, err := c.calls.encode(req)
	if err != nil {
		return nil, err
	}
	defer call.free()
	p := newPatience(ctx, c.cfg.CallTimeout)
	if err := c.perform(&p, call, req); err != nil {
		c.ledger.fails(call, err)
		return nil, err
	}
	return call.deliver(req)
}

// perform has a call answered. It makes it again on another session where that is
// safe: if it cannot have run on the first one, or may run twice.
func (c *Client) perform(p *patience, call *call, req *rpc.Request) error {
	// A stream may have been consumed in part.
	twice := req.Idempotent && call.streaming == nil
	if twice {
		p.begin() // all tries share the time
	}
	unknown := false // a try may have run
	for try := 1; ; try++ {
		s, err := c.session(p, call)
		if err == nil {
			if err = s.do(p, call); err == nil {
				return nil
			}
		}
		lost := isUnknown(err)
		unknown = unknown || lost
		if s != nil && !s.usable() {
			c.live.CompareAndSwap(s, nil)
		}
		most := maxPasses
		if unknown {
			most = maxTries
		}
		if s == nil || try >= most || !ofLink(s, err) || p.ctx.Err() != nil || unknown && !twice || call.usedUp() {
			if unknown && try > 1 {
				err = unknownAfter(try, req.Method, err)
			}
			return err
		}
		if lost {
			c.pause(p, try)
		}
		call.err = nil
		if err := call.encode(req); err != nil {
			return err
		}
		c.ledger.repeats()
	}
}

// session returns a session to call on.
func (c *Client) session(p *patience, call *call) (*session, error) {
	if s := c.live.Load(); s != nil {
		return s, nil
	}
	c.ledger.begins(call)
	s, err := c.ready(p)
	if err != nil {
		return nil, callError(rpc.NotSent, call.method, err)
	}
	return s, nil
}

// pause waits before a call is made again whose outcome is unknown: it may be
// what has brought the server down, and it is not the only one.
func (c *Client) pause(p *patience, try int) {
	timer := time.NewTimer(min(spread(try), p.left()))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.ctx.Done():
	case <-c.life.Done():
	}
}

// ofLink reports whether a call has failed because its session takes no calls
// any more, and neither by its own fault nor because of its caller.
func ofLink(s *session, err error) bool {
	var link *rpc.LinkError
	return errors.As(err, &link) && !s.usable() && !isOwnEnd(err) && !errors.Is(err, ErrClosed)
}

func isUnknown(err error) bool {
	var link *rpc.LinkError
	return errors.As(err, &link) && link.Sent == rpc.Unknown
}

// unknownAfter is the error of a call that was made several times, for the last
// of which err stands; an earlier one may have run.
func unknownAfter(tries int, method string, err error) error {
	if link := new(rpc.LinkError); errors.As(err, &link) {
		err = link.Err
	}
	return callError(rpc.Unknown, method, fmt.Errorf("%w (the last of %d tries)", err, tries))
}
