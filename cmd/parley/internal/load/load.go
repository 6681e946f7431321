// Package load puts servers of the user's own under load: one of them for parley
// bench, several side by side for parley compare --against.
package load

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/parley-rpc/parley/cmd/parley/internal/dial"
	"github.com/parley-rpc/parley/cmd/parley/internal/exit"
	"github.com/parley-rpc/parley/cmd/parley/internal/notation"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/internal/compare/measure"
	"github.com/parley-rpc/parley/rpc"
)

// Server is a server under load, and the call to make there.
type Server struct {
	URL     string
	connect dial.Connector
	timeout time.Duration // of each call
	advise  func(error) error
	Request rpc.Request
}

// Prepare checks what connecting needs, and returns the server with a method to
// call there. The arguments come later, since a password may stand before them on
// standard input.
func Prepare(std terminal.Streams, t *dial.Target, method string) (Server, error) {
	connect, err := t.Prepare(std)
	if err != nil {
		return Server{}, err
	}
	return Server{URL: t.URL, connect: connect, timeout: t.Timeout, advise: t.Advise, Request: rpc.Request{Method: method}}, nil
}

// Open connects and makes one call, and returns how long it took both.
func (s *Server) Open(ctx context.Context, r *dial.Route, conns int) (dial.Client, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	begin := time.Now()
	c, err := s.connect(ctx, r, conns)
	if err != nil {
		return nil, 0, err
	}
	request := s.Request
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

// WireBytes counts what a call moves over its connection, both ways, without the
// beginning of the connection. It is nil if that cannot be known: the server may
// refuse a second connection, or one that comes from a relay.
func (s *Server) WireBytes(ctx context.Context) *float64 {
	r, err := dial.NewRoute(s.URL)
	if err != nil {
		return nil
	}
	defer r.Close()
	c, _, err := s.Open(ctx, r, 1)
	if err != nil {
		return nil
	}
	defer c.Close()
	before := r.Settled()
	calls := 0
	for begin := time.Now(); calls < wireCalls && (calls == 0 || time.Since(begin) < wireTime); calls++ {
		ctx, cancel := context.WithTimeout(ctx, s.timeout)
		request := s.Request
		_, err := c.Call(ctx, &request)
		cancel()
		if err != nil {
			return nil
		}
	}
	bytes := float64(r.Settled()-before) / float64(calls)
	return &bytes
}

// goneAfter is how often in a row the link may break under one caller.
const goneAfter = 3

// errGone is a link that broke for good.
type errGone struct{ error }

func (e errGone) Unwrap() error { return e.error }

// Caller returns what one caller calls. Its time-out is that of the client, which
// costs less than a context for each call.
func (s *Server) Caller(c dial.Client) measure.Call {
	request := s.Request
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

// Tally counts the calls that failed, by why they did.
type Tally struct {
	mu       sync.Mutex // protects what follows
	faults   map[int]*Fault
	TimeOuts int64
	Links    int64
	First    error
}

// GoOn counts a failure and tells whether it goes on. All callers call it.
func (t *Tally) GoOn(err error) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.First == nil {
		t.First = err
	}
	var fault *rpc.Fault
	var gone errGone
	switch code := exit.Code(err); {
	case errors.As(err, &fault) && code != exit.Auth:
		t.fault(fault)
	case code == exit.Deadline:
		t.TimeOuts++
	case code == exit.Link:
		t.Links++
		return !errors.As(err, &gone)
	default:
		return false
	}
	return true
}

func (t *Tally) fault(f *rpc.Fault) {
	if t.faults == nil {
		t.faults = map[int]*Fault{}
	}
	counted := t.faults[f.Code]
	if counted == nil {
		if len(t.faults) >= maxFaultCodes {
			f = &rpc.Fault{Message: "and other codes"}
		}
		if counted = t.faults[f.Code]; counted == nil {
			counted = &Fault{Code: f.Code, Message: terminal.Printable(f.Message)}
			t.faults[f.Code] = counted
		}
	}
	counted.Count++
}

func (t *Tally) Reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults, t.TimeOuts, t.Links, t.First = nil, 0, 0, nil
}

// List returns the faults, the most frequent first.
func (t *Tally) List() []Fault {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]Fault, 0, len(t.faults))
	for _, code := range slices.Sorted(maps.Keys(t.faults)) {
		list = append(list, *t.faults[code])
	}
	slices.SortStableFunc(list, func(a, b Fault) int { return int(b.Count - a.Count) })
	return list
}

// Fault is one kind of fault, with the message of the first.
type Fault struct {
	Code    int    `json:"code"`
	Count   int64  `json:"count"`
	Message string `json:"message"`
}

func (f Fault) String() string {
	return fmt.Sprintf("%s × fault %d: %s", compare.Figure(float64(f.Count)), f.Code, f.Message)
}
