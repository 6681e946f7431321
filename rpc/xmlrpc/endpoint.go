package xmlrpc

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

// Defaults of a Server and, the first, of a Client too.
const (
	defaultMaxBody       = 4 << 20
	defaultMaxBuffered   = 32 << 20
	defaultMaxCalls      = 256
	defaultMaxConns      = 1024
	defaultTimeout       = 25 * time.Second
	defaultHeaderTimeout = 5 * time.Second
	defaultReadTimeout   = 30 * time.Second
	defaultWriteTimeout  = 60 * time.Second
	defaultIdleTimeout   = 60 * time.Second
	defaultPath          = "/RPC2"
)

// maxHeaderBytes bounds the head of a request.
const maxHeaderBytes = 16 << 10

// endpoint is what a Server is to HTTP: its fields, checked and with their
// defaults. Only the counters change.
type endpoint struct {
	handler      rpc.Caller
	gates        gates
	entrance     *entrance     // nil if nobody has to log in
	timeout      time.Duration // of a call
	readTimeout  time.Duration // for a whole request
	writeTimeout time.Duration // for an answer
	gzip         bool          // compress replies
	options      xmlvalue.Options
	maxValues    int64 // in a call
	logger       *slog.Logger

	bodies    bodyReader
	values    *budget // in all running calls, those with few of them left out
	calls     slots
	lingering slots
}

func newEndpoint(s *Server) (*endpoint, error) {
	if s.Handler == nil {
		return nil, errors.New("xmlrpc: Server.Handler is nil: set it to what answers the calls, such as an rpc.Registry")
	}
	for _, f := range []struct {
		name string
		n    int64
	}{
		{"Timeout", int64(s.Timeout)},
		{"MaxCalls", int64(s.MaxCalls)},
		{"MaxBody", int64(s.MaxBody)},
		{"MaxBuffered", int64(s.MaxBuffered)},
		{"MaxConns", int64(s.MaxConns)},
		{"HeaderTimeout", int64(s.HeaderTimeout)},
		{"ReadTimeout", int64(s.ReadTimeout)},
		{"WriteTimeout", int64(s.WriteTimeout)},
		{"IdleTimeout", int64(s.IdleTimeout)},
	} {
		if f.n < 0 {
			return nil, fmt.Errorf("xmlrpc: Server.%s is negative; zero means its default", f.name)
		}
	}
	if err := s.Values.Validate(); err != nil {
		return nil, fmt.Errorf("xmlrpc: Server.Values: %w", err)
	}
	g, err := newGates(s)
	if err != nil {
		return nil, err
	}
	maxValues := int64(or(s.Values.MaxElements, value.DefaultMaxElements))
	maxBody := or(s.MaxBody, defaultMaxBody)
	return &endpoint{
		handler:      s.Handler,
		gates:        g,
		entrance:     newEntrance(s),
		timeout:      or(s.Timeout, defaultTimeout),
		readTimeout:  or(s.ReadTimeout, defaultReadTimeout),
		writeTimeout: or(s.WriteTimeout, defaultWriteTimeout),
		gzip:         !s.NoGzip,
		options:      s.Values,
		maxValues:    maxValues,
		logger:       logger(s.Logger),
		bodies: bodyReader{
			max:    maxBody,
			memory: newBudget(int64(max(or(s.MaxBuffered, defaultMaxBuffered), maxBody))),
		},
		values:    newBudget(valuesShare * maxValues),
		calls:     slots{max: int64(or(s.MaxCalls, defaultMaxCalls))},
		lingering: slots{max: maxLingering},
	}, nil
}

func or[T comparable](v, zero T) T {
	if v == *new(T) {
		return zero
	}
	return v
}

// ServeHTTP answers one request.
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := exchange{endpoint: e, w: w, r: r, conn: connOf(r.Context()), began: time.Now()}
	if x.conn != nil && e.entrance == nil { // otherwise a login has to be heard
		x.conn.heard()
	}
	if no := x.serve(); no != nil {
		x.refuse(no)
	}
}

// refusal is the answer to a request that is no call: a status and a reason.
type refusal struct {
	status int
	reason string
	header [2]string // one more header, name and value; "" for none
}

// slots count what runs at the same time.
type slots struct {
	max   int64
	taken atomic.Int64
}

func (s *slots) take() bool {
	if s.taken.Add(1) > s.max {
		s.taken.Add(-1)
		return false
	}
	return true
}

func (s *slots) free() { s.taken.Add(-1) }

// tooBusy is the refusal for want of room.
func tooBusy(reason string) *refusal {
	return &refusal{http.StatusServiceUnavailable, reason, [2]string{"Retry-After", "1"}}
}
