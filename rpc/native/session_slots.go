package native

import "slices"

// slots are the places for unanswered calls. Those who find none wait in line.
type slots struct {
	used    int
	waiters []chan struct{} // first in front
}

// acquire takes a place. If there is none it returns a channel to wait on, which
// is closed when the place is taken or when waiting has no use any more.
func (s *slots) acquire(limit int) (wait chan struct{}) {
	if s.used < limit {
		s.used++
		return nil
	}
	wait = make(chan struct{})
	s.waiters = append(s.waiters, wait)
	return wait
}

// release gives a place back, or to the first in line.
func (s *slots) release() {
	if len(s.waiters) == 0 {
		s.used--
		return
	}
	close(s.waiters[0])
	s.waiters[0] = nil
	s.waiters = s.waiters[1:]
}

// leave takes somebody out of the line, or takes back the place that was given
// in the meantime.
func (s *slots) leave(wait chan struct{}) {
	if i := slices.Index(s.waiters, wait); i >= 0 {
		s.waiters = slices.Delete(s.waiters, i, i+1)
		return
	}
	s.release()
}

// closeAll sends everybody away.
func (s *slots) closeAll() {
	for _, wait := range s.waiters {
		close(wait)
	}
	s.waiters = nil
}
