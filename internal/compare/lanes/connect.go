package lanes

import (
	"github.com/parley-rpc/parley/internal/compare"
)

// connection is what the connections of a lane have cost.
type connection struct {
	setUp []float64 // microseconds, the median of each turn
	idle  []float64 // KiB for one, of each start
}

func (c *connection) result(lane string, idle int) compare.Connection {
	r := compare.Connection{Lane: lane, SetUp: stat(c.setUp), IdleKiB: stat(c.idle)}
	if r.IdleKiB != nil {
		r.Idle = idle
	}
	return r
}

// connections measures what connections cost. Memory comes first: a server that
// has had connections before has a place for new ones.
func (r *run) connections() error {
	r.step("idle connections")
	grown, err := r.stands.Idle(r.ctx, r.plan.idle)
	if err != nil {
		return err
	}
	for i, bytes := range grown {
		if bytes != nil {
			r.conns[i].idle = append(r.conns[i].idle, float64(*bytes)/1024/float64(r.plan.idle))
		}
	}
	for range r.plan.setUpTurns {
		r.step("new connections")
		for i, s := range r.stands {
			times, err := s.SetUp(r.ctx, r.plan.setUps)
			if err != nil {
				return err
			}
			var turn []float64
			for _, d := range times {
				turn = append(turn, microseconds(d))
			}
			r.conns[i].setUp = append(r.conns[i].setUp, stat(turn).Median)
		}
	}
	return nil
}
