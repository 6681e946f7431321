package lanes

import "fmt"

const (
	// ownFiles are those of a process besides connections: the runtime, a listener,
	// modules of Python, connections that end while others begin.
	ownFiles = 40
	// laneFiles are those of this process for a lane: what it says to two children,
	// and what they say.
	laneFiles = 8
)

// files is how many files and sockets the process that needs most will have open
// at once. A child keeps the connections of all works, and of one through a relay,
// which is in this process.
func (r *run) files() int {
	need := ownFiles + laneFiles*len(r.lanes)
	relays := 0
	for _, l := range r.lanes {
		all, most := 0, 0
		for _, t := range r.plan.works {
			n := t.Conns
			if l.OneAtATime {
				n = t.Callers
			}
			all, most = all+n, max(most, n)
		}
		need = max(need, ownFiles+max(r.plan.idle, all+most))
		relays = max(relays, 2*most)
	}
	return max(need, ownFiles+laneFiles*len(r.lanes)+min(atOnce, len(r.lanes))*relays)
}

// checkFiles refuses a comparison that would fail in its middle for want of files,
// of which each process may have so many; 0: not known.
func (r *run) checkFiles(limit uint64) error {
	need := uint64(r.files())
	if limit == 0 || need <= limit {
		return nil
	}
	raised := uint64(256)
	for raised < need {
		raised *= 2
	}
	return fmt.Errorf("compare: a process may have %d files open, and this comparison needs about %d for its connections: raise the limit (ulimit -n %d), or name fewer --lanes and --work",
		limit, need, raised)
}
