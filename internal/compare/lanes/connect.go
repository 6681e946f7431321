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
	err := r.each("idle connections", func(i int) error {
		grown, err := r.stand(i).Idle(r.ctx, r.plan.idle)
		if err == nil && grown[0] != nil {
			r.conns[i].idle = append(r.conns[i].idle, float64(*grown[0])/1024/float64(r.plan.idle))
		}
		return err
	})
	if err != nil {
		return err
	}
	for range r.plan.setUpTurns {
		r.step("new connections")
		for i, s := range r.stands {
			if r.lost[i] != "" {
				continue
			}
			times, err := s.SetUp(r.ctx, r.plan.setUps)
			switch {
			case err == nil:
			case r.ends(err):
				return err
			default:
				r.lose(i, "new connections", err)
				continue
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
