package carry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// What a trial in Go does with the gates and the servers of its own process, a
// program in Python asks functions to do.
func (w *world) registerForPython(reg *rpc.Registry) error {
	s := w.service
	atGate := func(name string, do func(context.Context, *gate) (any, error)) error {
		return reg.Register("gate."+name, func(ctx context.Context, id string) (any, error) {
			g, err := s.gate(id)
			if err != nil {
				return nil, err
			}
			return do(ctx, g)
		})
	}
	return errors.Join(
		reg.Register("gate.new", func(open bool) string {
			g := s.newGate()
			if open {
				g.open.happen()
			}
			return g.id
		}),
		atGate("begun", func(ctx context.Context, g *gate) (any, error) { return g.begun.within(ctx) }),
		atGate("ended", func(ctx context.Context, g *gate) (any, error) { return g.ended.within(ctx) }),
		atGate("runs", func(_ context.Context, g *gate) (any, error) { return g.ran(), nil }),
		atGate("met", func(_ context.Context, g *gate) (any, error) {
			most, connections := g.met()
			return []int{most, connections}, nil
		}),
		atGate("drained", func(ctx context.Context, g *gate) (any, error) {
			select {
			case err := <-g.stopped:
				return err == nil, err
			case <-ctx.Done():
				return false, ctx.Err()
			}
		}),
		reg.Register("mortal", func(lane string) ([]string, error) {
			g := s.newGate()
			url, err := w.mortal(lane, g)
			return []string{g.id, url}, err
		}),
		reg.Register("cut", s.cut),
	)
}

// patience is how long a program in Python waits for what should happen.
const patience = 10 * time.Second

// within waits for an event, and reports whether it has happened.
func (e *event) within(ctx context.Context) (bool, error) {
	select {
	case <-e.c:
		return true, nil
	case <-time.After(patience):
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// onCut has f break the connections of a lane.
func (s *service) onCut(lane string, f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cuts[lane] = f
}

// cut breaks the connections of a lane that lead through its proxy.
func (s *service) cut(lane string) error {
	s.mu.Lock()
	f, ok := s.cuts[lane]
	s.mu.Unlock()
	if !ok {
		return fmt.Errorf("nothing breaks the connections of %q", lane)
	}
	f()
	return nil
}
