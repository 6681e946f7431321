package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/parley-rpc/parley/cmd/parley/internal/exit"
	"github.com/parley-rpc/parley/cmd/parley/internal/notation"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/internal/compare/measure"
	"github.com/parley-rpc/parley/rpc"
)

// loaded is a server under load, and the call to make there.
type loaded struct {
	url     string
	connect connector
	timeout time.Duration // of each call
	request rpc.Request
}

// open connects and makes one call, and returns how long it took both.
func (s *loaded) open(ctx context.Context, r *route, conns int) (client, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	begin := time.Now()
	c, err := s.connect(ctx, r, conns)
	if err != nil {
		return nil, 0, err
	}
	request := s.request
	if _, err := c.Call(ctx, &request); err != nil {
		c.Close()
		return nil, 0, notation.Unsendable(err)
	}
	return c, time.Since(begin), nil
}

// The calls whose bytes are counted: so many, or as many as there is time for.
const (
	wireCalls = 20
	wireTime  = 500 * time.Millisecond
)

// wireBytes counts what a call moves over its connection, both ways, without the
// beginning of the connection. It is nil if that cannot be known: the server may
// refuse a second connection, or one that comes from a relay.
func (s *loaded) wireBytes(ctx context.Context) *float64 {
	r, err := newRoute(s.url)
	if err != nil {
		return nil
	}
	defer r.close()
	c, _, err := s.open(ctx, r, 1)
	if err != nil {
		return nil
	}
	defer c.Close()
	before := r.relay.Settled()
	calls := 0
	for begin := time.Now(); calls < wireCalls && (calls == 0 || time.Since(begin) < wireTime); calls++ {
		ctx, cancel := context.WithTimeout(ctx, s.timeout)
		request := s.request
		_, err := c.Call(ctx, &request)
		cancel()
		if err != nil {
			return nil
		}
	}
	bytes := float64(r.relay.Settled()-before) / float64(calls)
	return &bytes
}

// goneAfter is how often in a row the link may break under one caller.
const goneAfter = 3

// errGone is a link that broke for good.
type errGone struct{ error }

func (e errGone) Unwrap() error { return e.error }

// caller returns what one caller calls. Its time-out is that of the client, which
// costs less than a context for each call.
func (s *loaded) caller(c client) measure.Call {
	request := s.request
	broken := 0
	return func(ctx context.Context) error {
		r := request
		_, err := c.Call(ctx, &r)
		if err == nil {
			broken = 0
			return nil
		}
		if exit.Code(err) != exit.Link {
			broken = 0
		} else if broken++; broken == goneAfter {
			return errGone{err}
		}
		return err
	}
}

// maxFaultCodes bounds the codes that are counted apart, which are the server's.
const maxFaultCodes = 16

// tally counts the calls that failed, by why they did.
type tally struct {
	mu       sync.Mutex // protects what follows
	faults   map[int]*benchFault
	timeOuts int64
	links    int64
	first    error
}

// goOn counts a failure and tells whether it goes on. All callers call it.
func (t *tally) goOn(err error) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.first == nil {
		t.first = err
	}
	var fault *rpc.Fault
	var gone errGone
	switch code := exit.Code(err); {
	case errors.As(err, &fault) && code != exit.Auth:
		t.fault(fault)
	case code == exit.Deadline:
		t.timeOuts++
	case code == exit.Link:
		t.links++
		return !errors.As(err, &gone)
	default:
		return false
	}
	return true
}

func (t *tally) fault(f *rpc.Fault) {
	if t.faults == nil {
		t.faults = map[int]*benchFault{}
	}
	counted := t.faults[f.Code]
	if counted == nil {
		if len(t.faults) >= maxFaultCodes {
			f = &rpc.Fault{Message: "and other codes"}
		}
		if counted = t.faults[f.Code]; counted == nil {
			counted = &benchFault{Code: f.Code, Message: terminal.Printable(f.Message)}
			t.faults[f.Code] = counted
		}
	}
	counted.Count++
}

func (t *tally) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults, t.timeOuts, t.links, t.first = nil, 0, 0, nil
}

// list returns the faults, the most frequent first.
func (t *tally) list() []benchFault {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]benchFault, 0, len(t.faults))
	for _, code := range slices.Sorted(maps.Keys(t.faults)) {
		list = append(list, *t.faults[code])
	}
	slices.SortStableFunc(list, func(a, b benchFault) int { return int(b.Count - a.Count) })
	return list
}

// benchFault is one kind of fault, with the message of the first.
type benchFault struct {
	Code    int    `json:"code"`
	Count   int64  `json:"count"`
	Message string `json:"message"`
}

func (f benchFault) String() string {
	return fmt.Sprintf("%s × fault %d: %s", compare.Figure(float64(f.Count)), f.Code, f.Message)
}
