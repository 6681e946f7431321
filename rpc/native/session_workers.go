package native

// Workers run the handlers of a session. They wake each other like this: one
// that is woken takes a call from the queue, and if more are there it wakes the
// next worker before it runs the handler. So a call never waits for the handler
// of another one, and yet a burst of short calls is done by a few workers, and
// the cost of waking is not paid for each of them.
//
// A worker that finds nothing to do waits for more, with the stack that it has
// grown, if there are not enough that wait. Those of an idle session are sent
// away.
type workers struct {
	queue   []*incoming // complete calls that no worker has taken; first is the next one
	first   int
	waking  bool      // one was woken and has taken nothing yet
	waiting int       // for bell
	bell    chan bool // true: there is a call; false, or closed: go away
}

// maxWaiting is how many workers wait for calls.
const maxWaiting = 2

func newWorkers() workers { return workers{bell: make(chan bool, 2*maxWaiting)} }

func (w *workers) empty() bool { return w.first == len(w.queue) }

func (w *workers) push(in *incoming) {
	if len(w.queue) == cap(w.queue) && w.first > 0 {
		n := copy(w.queue, w.queue[w.first:])
		clear(w.queue[n:])
		w.queue, w.first = w.queue[:n], 0
	}
	w.queue = append(w.queue, in)
}

func (w *workers) pop() *incoming {
	if w.empty() {
		return nil
	}
	in := w.queue[w.first]
	w.queue[w.first] = nil
	if w.first++; w.empty() {
		w.queue, w.first = w.queue[:0], 0
	}
	return in
}

// dismiss sends those away that wait.
func (w *workers) dismiss() {
	for ; w.waiting > 0; w.waiting-- {
		w.bell <- false
	}
}

// close sends all away, for good.
func (w *workers) close() {
	close(w.bell)
	w.queue, w.first, w.waiting = nil, 0, 0
}

// wake wakes a worker if there are calls and none is on its way. It is called
// from within update.
func (s *session) wake() {
	w := &s.st.workers
	if w.waking || w.empty() || s.st.err != nil {
		return
	}
	w.waking = true
	if w.waiting > 0 {
		w.waiting--
		w.bell <- true // there is room: all that were rung for are about to take it
		return
	}
	s.helpers.Add(1)
	go s.work()
}

// work answers calls for as long as there are any.
func (s *session) work() {
	defer s.helpers.Done()
	for {
		var in *incoming
		var stay bool
		s.update(func(st *state) {
			st.workers.waking = false
			in, stay = s.nextCall()
		})
		for in != nil {
			kind := in.kind
			if kind == 0 {
				kind = in.handle()
			}
			in, stay = s.finish(in, kind)
		}
		if !stay || !<-s.st.workers.bell {
			return
		}
	}
}

// nextCall takes a call for a worker, and has the next one looked after. If
// there is none, the worker stays and waits for the bell, or goes. It is called
// from within update.
func (s *session) nextCall() (in *incoming, stay bool) {
	w := &s.st.workers
	if in = w.pop(); in != nil {
		s.wake()
		return in, true
	}
	if stay = s.st.err == nil && w.waiting < maxWaiting; stay {
		w.waiting++
	}
	return nil, stay
}
