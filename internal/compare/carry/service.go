package carry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// The codes that the functions answer with.
const (
	codeOther   = 1   // it has seen something else than was sent
	codeSoldOut = 404 // errSoldOut
)

var errSoldOut = errors.New("sold out")

// service is what the servers of the world serve. Its functions that wait do so at a
// gate, which the trial has made and names in its call.
type service struct {
	mu    sync.Mutex
	gates map[string]*gate
	cuts  map[string]func() // that break the connections of a lane
}

func newService() *service { return &service{gates: map[string]*gate{}, cuts: map[string]func(){}} }

// gate is where a function and its caller wait for each other.
type gate struct {
	id string
	// begun is closed when the function has begun, or has its first item; ended when
	// its context was cancelled, or its stream stopped; open when it may go on.
	begun, ended, open event
	// stop ends the server that the function runs on, and stopped tells how it went.
	stop    func(context.Context) error
	stopped <-chan error

	mu         sync.Mutex
	runs       int
	inside     int
	mostInside int
	callers    map[string]bool // their addresses
}

// event happens once.
type event struct {
	once sync.Once
	c    chan struct{}
}

func (e *event) happen() { e.once.Do(func() { close(e.c) }) }

func (e *event) happened() bool {
	select {
	case <-e.c:
		return true
	default:
		return false
	}
}

// newGate makes a gate that functions find by its id.
func (s *service) newGate() *gate {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := &gate{id: strconv.Itoa(len(s.gates)), callers: map[string]bool{}}
	for _, e := range []*event{&g.begun, &g.ended, &g.open} {
		e.c = make(chan struct{})
	}
	s.gates[g.id] = g
	return g
}

func (s *service) gate(id string) (*gate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g, ok := s.gates[id]; ok {
		return g, nil
	}
	return nil, fmt.Errorf("no gate %q", id)
}

func (s *service) register(reg *rpc.Registry) error {
	return errors.Join(
		reg.Register("add", func(a, b int) int { return a + b }, rpc.Params("a", "b")),
		reg.Register("echo", func(v any) any { return v }),
		// seen tells what has arrived: its kind, and all of it.
		reg.Register("seen", func(v any) []string { return []string{kindOf(v), show(v)} }),
		reg.Register("line", func(l line) string { return fmt.Sprint(l) }),
		reg.Register("whoami", func(ctx context.Context) string { return rpc.PeerFrom(ctx).Name }),
		reg.Register("blob", func(n int) []byte { return make([]byte, min(n, 32<<20)) }),
		reg.Register("buy", func() error { return errSoldOut }),
		reg.Register("meta", func(ctx context.Context) string { return rpc.MetaFrom(ctx)["tenant"] }),
		reg.Register("left", left),
		reg.Register("ask", func(ctx context.Context) (bool, error) {
			return rpc.Invoke[bool](ctx, rpc.PeerFrom(ctx), "confirm", "really?")
		}),

		reg.Register("numbers", s.numbers),
		reg.Register("endless", s.endless),
		reg.Register("sum", s.sum),
		reg.Register("double", s.double),
		reg.Register("download", s.download),
		reg.Register("upload", s.upload),
		reg.Register("flood", func() io.Reader { return io.LimitReader(zeros{}, flood) }),

		reg.Register("wait", s.wait),
		reg.Register("meet", s.meet),
		reg.Register("again", s.again),
		reg.Register("drain", s.drain),
	)
}

// left is what is left of the time of the call, in milliseconds; -1 is no deadline.
func left(ctx context.Context) int64 {
	deadline, ok := ctx.Deadline()
	if !ok {
		return -1
	}
	return time.Until(deadline).Milliseconds()
}

// numbers yields 1, and 2 and 3 when its gate is open.
func (s *service) numbers(ctx context.Context, id string) (iter.Seq2[int, error], error) {
	g, err := s.gate(id)
	return func(yield func(int, error) bool) {
		if !yield(1, nil) {
			return
		}
		select {
		case <-g.open.c:
		case <-ctx.Done():
			return
		}
		_ = yield(2, nil) && yield(3, nil)
	}, err
}

// endless yields all numbers, until nobody wants another one.
func (s *service) endless(id string) (iter.Seq2[int, error], error) {
	g, err := s.gate(id)
	return func(yield func(int, error) bool) {
		defer g.ended.happen()
		for n := 1; yield(n, nil); n++ {
		}
	}, err
}

// sum adds what comes.
func (s *service) sum(id string, items iter.Seq2[int, error]) (int, error) {
	g, err := s.gate(id)
	if err != nil {
		return 0, err
	}
	total := 0
	for n, err := range items {
		if err != nil {
			return 0, err
		}
		g.begun.happen()
		total += n
	}
	return total, nil
}

// double answers each item with twice of it.
func (s *service) double(items iter.Seq2[int, error]) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for n, err := range items {
			if !yield(2*n, err) {
				return
			}
		}
	}
}

// piece is half of what download and upload move.
const piece = 64 << 10

// flood is what the function of that name returns.
const flood = 20 << 20

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// download returns a piece, and another one when its gate is open.
func (s *service) download(ctx context.Context, id string) (io.Reader, error) {
	g, err := s.gate(id)
	if err != nil {
		return nil, err
	}
	return io.MultiReader(bytes.NewReader(half('a')), &gated{ctx, g.open.c, bytes.NewReader(half('b'))}), nil
}

func half(c byte) []byte { return bytes.Repeat([]byte{c}, piece) }

// gated is read when its gate is open.
type gated struct {
	ctx  context.Context
	open <-chan struct{}
	r    io.Reader
}

func (g *gated) Read(p []byte) (int, error) {
	select {
	case <-g.open:
		return g.r.Read(p)
	case <-g.ctx.Done():
		return 0, g.ctx.Err()
	}
}

// upload counts what it reads.
func (s *service) upload(id string, r io.Reader) (int64, error) {
	g, err := s.gate(id)
	if err != nil {
		return 0, err
	}
	var first [1]byte
	if _, err := io.ReadFull(r, first[:]); err != nil {
		return 0, err
	}
	g.begun.happen()
	n, err := io.Copy(io.Discard, r)
	return n + 1, err
}

// wait returns when its gate is open, or when its caller has left.
func (s *service) wait(ctx context.Context, id string) (bool, error) {
	g, err := s.gate(id)
	if err != nil {
		return false, err
	}
	g.begun.happen()
	select {
	case <-g.open.c:
		return true, nil
	case <-ctx.Done():
		g.ended.happen()
		return false, ctx.Err()
	}
}

// meet waits for others that do the same, n in all, or for its gate.
func (s *service) meet(ctx context.Context, id string, n int) (bool, error) {
	g, err := s.gate(id)
	if err != nil {
		return false, err
	}
	g.mu.Lock()
	g.inside++
	g.mostInside = max(g.mostInside, g.inside)
	if addr := rpc.PeerFrom(ctx).Addr; addr != nil {
		g.callers[addr.String()] = true
	}
	if g.inside == n {
		g.open.happen()
	}
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		g.inside--
		g.mu.Unlock()
	}()
	select {
	case <-g.open.c:
		return true, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// met tells how many met, and on how many connections.
func (g *gate) met() (most, connections int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.mostInside, len(maps.Clone(g.callers))
}

// again never returns when it runs for the first time, and then tells how often it
// has run.
func (s *service) again(ctx context.Context, id string) (int, error) {
	g, err := s.gate(id)
	if err != nil {
		return 0, err
	}
	g.mu.Lock()
	g.runs++
	runs := g.runs
	g.mu.Unlock()
	if runs > 1 {
		return runs, nil
	}
	g.begun.happen()
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-g.open.c:
		return runs, nil
	}
}

func (g *gate) ran() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.runs
}

// drain returns when its server has stopped to accept connections.
func (s *service) drain(ctx context.Context, id string) (bool, error) {
	g, err := s.gate(id)
	if err != nil {
		return false, err
	}
	return true, g.stop(ctx)
}
