package native

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// A program is what two peers do on one session, step by step. It is three bytes
// for each step: the kind, the side (the lowest bit) with a number, a number.
// Time is that of a bubble, so that a minute costs nothing and what waits for
// ever is found.
//
//	session 0 <-- pipe --> relay <-- pipe --> session 1
//
// The relay sees every frame, may hold them up, and adds those that no session
// would send.
type step byte

const (
	stepEcho   step = iota // calls; they return at once
	stepLarge              // with a blob of some frames, which comes back
	stepHeavy              // with values that take much memory
	stepSleep              // that returns late, or at the end of its context
	stepDeaf               // that does not heed its context
	stepFault              // that fails
	stepPanic              //
	stepBack               // that is answered by what the caller says when it is asked
	stepHurry              // the next call of the side has a deadline
	stepCancel             // a call is given up
	stepWait               // time passes
	stepStall              // nothing comes through in one direction
	stepResume             //
	stepLeave              // GOAWAY
	stepEnd                // a side ends at once
	stepCut                // the connection is lost
	stepFrame              // a frame that the other session has not sent
	stepItems              // a call whose result is a stream; see streamPlan
	stepUpload             // whose last argument is one
	stepBoth               // that gets its upload back
	steps
)

// disturbance is what may keep a call from its answer.
type disturbance struct {
	left   bool // GOAWAY
	broken bool // the session may end at any time: answers are missing
	forged bool // answers may be anything
}

// try is a call that a program makes.
type try struct {
	kind     step
	side     int
	tag      int
	size     int
	hurried  bool // has a deadline, or was cancelled
	cancel   context.CancelFunc
	returned int
	result   any
	err      error
	panicked bool

	// Of calls with streams.
	plan     *streamPlan
	numbers  int // that it is made of
	up, down drained

	due, over time.Time // by its deadline or cancellation; zero: none
}

// firstTag is the tag of the first call, by which functions know them.
const firstTag = 1000

// world runs one program.
type world struct {
	t        *testing.T
	ends     [2]*session
	ways     [2]*way    // from session 0, from session 1
	wire     sync.Mutex // guards what the ways have seen, and attempts
	shared   *budget    // of session 0
	attempts []*try
	hurry    [2]time.Duration
	disturb  disturbance
	leftBy   [2]bool
	crowded  bool // limits may have been met
	busy     int  // ms that the handlers sleep, all together
	outcomes map[string]bool
	done     chan *try

	over      chan struct{} // closed at the end of the program: nobody waits any more
	producers atomic.Int32  // uploads that are being made
}

// way is one direction of the relay.
type way struct {
	w        *world
	side     int // of the session that sends
	from, to net.Conn
	turn     chan struct{} // holds a token while somebody writes
	open     chan struct{} // closed while frames come through
	stalled  bool
	over     chan struct{} // closed when nothing comes through any more
	lastCall uint64
	hello    bool
	calls    map[uint64]bool // begun by the sender; true: answered
	last     *uint64         // of the GOAWAY of the sender
	streams  map[uint64]*wireStream
}

var programLimits = [2]Limits{
	{MaxMessage: 256 << 10, MaxCalls: 4, MaxBuffered: 512 << 10, StreamWindow: 64 << 10},
	{MaxMessage: 256 << 10, MaxCalls: 3, MaxBuffered: 512 << 10, StreamWindow: 100 << 10},
}

// runProgram runs a program and checks what has come of it.
func runProgram(t *testing.T, program []byte) (outcomes map[string]bool) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, shared: newBudget(256<<10, 1), done: make(chan *try, len(program)), over: make(chan struct{}), outcomes: map[string]bool{}}
		outcomes = w.outcomes
		w.start()
		for len(program) >= 3 {
			w.step(step(program[0])%steps, int(program[1]&1), int(program[1]>>1), int(program[2]))
			program = program[3:]
		}
		w.finish()
	})
	return outcomes
}

func (w *world) start() {
	a, a2 := net.Pipe()
	b, b2 := net.Pipe()
	w.ways[0] = newWay(w, 0, a2, b2)
	w.ways[1] = newWay(w, 1, b2, a2)
	for _, y := range w.ways {
		go y.run()
	}
	w.ends[0], w.ends[1] = testSessions(w.t, a, b,
		sessionConfig{handler: callerFunc(w.handle), limits: programLimits[0], budget: w.shared},
		sessionConfig{handler: callerFunc(w.handle), limits: programLimits[1]})
}

func newWay(w *world, side int, from, to net.Conn) *way {
	y := &way{w: w, side: side, from: from, to: to, turn: make(chan struct{}, 1), open: make(chan struct{}), over: make(chan struct{}), calls: map[uint64]bool{}, streams: map[uint64]*wireStream{}}
	close(y.open)
	return y
}

// run passes frames on until one end is closed, and then closes the other.
func (y *way) run() {
	defer close(y.over)
	defer y.to.Close()
	for {
		b, err := readFrame(y.from, nil, 1<<20)
		if err != nil {
			return
		}
		y.look(b)
		if !y.write(frameOf(string(b))) {
			return
		}
	}
}

func (y *way) write(b []byte) bool {
	y.turn <- struct{}{}
	defer func() { <-y.turn }()
	<-y.open
	_, err := y.to.Write(b)
	return err == nil
}

// look holds a frame against what a session may send.
func (y *way) look(b []byte) {
	y.w.wire.Lock()
	defer y.w.wire.Unlock()
	t := y.w.t
	h, n, err := parseFrameHead(b, len(b))
	if err != nil {
		t.Errorf("session %d sent a frame that is none: %v", y.side, err)
		return
	}
	if (h.kind == frameHello) == y.hello {
		t.Errorf("session %d sent %v %d; HELLO comes first, and once", y.side, h.kind, h.id)
	}
	y.hello = true
	back := y.w.ways[1-y.side]
	switch h.kind {
	case frameCall:
		if _, goesOn := y.calls[h.id]; !goesOn {
			if h.id <= y.lastCall || h.id%2 != uint64(y.side) {
				t.Errorf("session %d sent CALL %d after %d", y.side, h.id, y.lastCall)
			}
			y.lastCall = h.id
			y.calls[h.id] = false
		}
	case frameResult, frameFault:
		answered, called := back.calls[h.id]
		if answered || !called && !y.w.disturb.forged {
			t.Errorf("session %d sent %v %d; called: %v, answered: %v", y.side, h.kind, h.id, called, answered)
		}
		if y.last != nil && h.id > *y.last && !y.w.disturb.forged {
			t.Errorf("session %d sent %v %d after GOAWAY %d", y.side, h.kind, h.id, *y.last)
		}
		if called && !h.more() {
			back.calls[h.id] = true
		}
	case frameData, frameCredit:
		y.lookAtStream(h, b[n:])
	case frameGoaway:
		if g, err := parseGoaway(b[n:]); err != nil {
			t.Errorf("session %d sent %q: %v", y.side, b, err)
		} else if g.reason != reasonShutdown && !y.w.disturb.forged {
			t.Errorf("session %d holds the other to have broken the protocol: %s", y.side, g.text)
		}
		y.last = &h.id
	}
}

// handle answers the calls of both sides.
func (w *world) handle(ctx context.Context, req *rpc.Request) (any, error) {
	var args []any
	if err := decodeAll(req, &args); err != nil {
		return nil, err
	}
	tag, ok := int64(0), false
	if len(args) > 1 {
		tag, ok = args[0].(int64)
	}
	if !ok {
		return nil, rpc.Errorf(rpc.CodeInvalidParams, "forged")
	}
	switch req.Method {
	case "items", "upload", "both":
		numbers, _ := args[1].(int64)
		return w.serveStream(ctx, req, int(tag), numbers)
	case "fault":
		return nil, rpc.Errorf(77, "fault %d", tag)
	case "panic":
		panic(tag)
	case "sleep":
		ms, _ := args[1].(int64)
		select {
		case <-time.After(time.Duration(ms%5000) * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	case "deaf":
		ms, _ := args[1].(int64)
		time.Sleep(time.Duration(ms%5000) * time.Millisecond)
	case "back":
		return req.Peer.Call(ctx, &rpc.Request{Method: "echo", Args: rpc.Values{tag, 0}})
	case "large":
		return args[1], nil
	case "heavy":
		time.Sleep(20 * time.Millisecond)
	}
	return tag, nil
}

var stepMethods = map[step]string{
	stepEcho: "echo", stepLarge: "large", stepHeavy: "heavy", stepSleep: "sleep", stepDeaf: "deaf",
	stepFault: "fault", stepPanic: "panic", stepBack: "back",
	stepItems: "items", stepUpload: "upload", stepBoth: "both",
}

func (w *world) step(kind step, side, a, b int) {
	switch kind {
	case stepHurry:
		w.hurry[side] = time.Duration(1+a*b) * time.Millisecond
	case stepCancel:
		if n := len(w.attempts); n > 0 {
			at := w.attempts[n-1-a%n]
			at.hurried = true
			if now := time.Now(); at.due.IsZero() || now.Before(at.due) {
				at.due = now
			}
			at.cancel()
		}
	case stepWait:
		time.Sleep(time.Duration(a*b) * time.Millisecond)
	case stepStall:
		if y := w.ways[side]; !y.stalled {
			y.stalled, y.open = true, make(chan struct{})
		}
		w.disturb.broken = true
	case stepResume:
		w.ways[side].resume()
	case stepLeave:
		w.disturb.left, w.leftBy[side] = true, true
		w.ends[side].leave()
	case stepEnd:
		w.disturb.broken = true
		w.ends[side].end(ErrClosed)
	case stepCut:
		w.disturb.broken = true
		w.ways[side].to.Close()
	case stepFrame:
		w.disturb.broken, w.disturb.forged = true, true
		go w.ways[side].write(forgedFrame(side, a, b))
	default:
		w.call(kind, side, a, b)
	}
	if kind != stepEcho || b%2 == 0 {
		synctest.Wait()
	}
}

func (y *way) resume() {
	if y.stalled {
		y.stalled = false
		close(y.open)
	}
}

func (w *world) call(kind step, side, a, b int) {
	w.wire.Lock()
	at := &try{kind: kind, side: side, tag: firstTag + len(w.attempts)}
	w.attempts = append(w.attempts, at)
	switch kind {
	case stepItems, stepUpload, stepBoth:
		w.planStream(at, a, b)
	}
	w.wire.Unlock()
	if len(w.attempts) > 7 || kind == stepLarge || kind == stepHeavy {
		w.crowded = true
	}
	var arg any = a * b // ms
	switch kind {
	case stepSleep, stepDeaf:
		w.busy += a * b % 5000
	case stepLarge:
		at.size = 50<<10 + a<<10
		arg = bytes.Repeat([]byte{byte(at.tag)}, at.size)
	case stepHeavy:
		maps := make([]any, 2000+20*b)
		for i := range maps {
			maps[i] = map[string]any{}
		}
		arg = maps
	}
	ctx, cancel := context.WithCancel(context.Background())
	if d := w.hurry[side]; d > 0 {
		ctx, cancel = context.WithTimeout(context.Background(), d)
		at.hurried, at.due, w.hurry[side] = true, time.Now().Add(d), 0
	} else if at.plan != nil && at.plan.source == endless { // it moves for ever
		ctx, cancel = context.WithTimeout(ctx, defaultCallTimeout)
	}
	at.cancel = cancel
	go func() {
		defer cancel()
		defer func() {
			at.panicked = recover() != nil
			at.over = time.Now()
			at.returned++
			w.done <- at
		}()
		if at.plan != nil {
			at.result, at.err = w.stream(ctx, at)
		} else {
			at.result, at.err = rpc.Invoke[any](ctx, w.ends[side], stepMethods[kind], at.tag, arg)
		}
	}()
}

// finish lets everything come to its end, and looks at what is left.
func (w *world) finish() {
	t := w.t
	for _, y := range w.ways {
		y.resume()
	}
	time.Sleep(2 * time.Minute) // longer than any call may take
	synctest.Wait()
	close(w.over)
	synctest.Wait()
	if n := w.producers.Load(); n != 0 && !w.disturb.broken {
		t.Errorf("%d producers of uploads are left", n)
	}
	if len(w.done) != len(w.attempts) {
		t.Errorf("%d calls returned; want %d", len(w.done), len(w.attempts))
	}
	for _, at := range w.attempts {
		if text := w.wrong(at); text != "" {
			t.Errorf("call %d of session %d (%s): got %v, %v, returned %d times: %s", at.tag, at.side, stepMethods[at.kind], brief(at.result), at.err, at.returned, text)
		}
	}
	for i, s := range w.ends {
		switch over := s.ended() != nil; {
		case over && w.disturb == disturbance{}:
			t.Errorf("session %d has ended: %v", i, s.ended())
		case !over && w.disturb.left && !w.disturb.broken:
			t.Errorf("session %d has not ended; one side has left", i)
		case !over:
			w.settled(i, s)
		}
	}
	for _, s := range w.ends {
		s.Close()
	}
	for i, y := range w.ways {
		<-y.over
		for id, answered := range y.calls {
			if !answered && !w.disturb.broken && w.ways[1-i].last == nil {
				t.Errorf("CALL %d of session %d was not answered", id, i)
			}
		}
	}
	if m, c := w.shared.memory.left.Load(), w.shared.calls.left.Load(); m != w.shared.memory.total || c != w.shared.calls.total {
		t.Errorf("%d bytes and %d calls of the budget are left; want all", m, c)
	}
}

// settled checks that nothing is left of any call.
func (w *world) settled(i int, s *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &s.st
	if w.disturb.forged { // the other side may have begun and not ended some
		return
	}
	if !st.idle() || st.held != 0 || st.slots.used != 0 || len(st.slots.waiters) > 0 || !st.workers.empty() || st.heavy.line != nil || st.heavy.load != 0 ||
		st.purse.memory.used != 0 || st.purse.calls.used != 0 || st.queueDrawn {
		w.t.Errorf("session %d is left with %d calls, %d running, %d places, %d in line, %d bytes held, %d heavy, %d and %d of the budget, %d+%d to write", i,
			len(st.calls), st.running.n, st.slots.used, len(st.slots.waiters), st.held, st.heavy.load, st.purse.memory.used, st.purse.calls.used, len(st.out), len(st.large))
	}
	if len(st.instreams) != 0 || len(st.outstreams) != 0 || st.streamed != 0 {
		w.t.Errorf("session %d is left with %d streams that come and %d that go, %d bytes held", i, len(st.instreams), len(st.outstreams), st.streamed)
	}
}

func brief(v any) any {
	if b, ok := v.([]byte); ok {
		return fmt.Sprintf("%d bytes", len(b))
	}
	return v
}

// lateInProgram is how late a call may be: a consumer may be within its loop.
const lateInProgram = 100 * time.Millisecond

// wrong is the model: it says why the outcome of a call cannot be, "" if it can.
func (w *world) wrong(at *try) string {
	var fault *rpc.Fault
	var link *rpc.LinkError
	switch {
	case at.returned != 1:
		return "want once"
	case w.disturb.forged: // what it gets may be forged; that it got something is all
		w.outcomes["forged"] = true
		return ""
	case !at.due.IsZero() && at.over.Sub(at.due) > lateInProgram:
		return fmt.Sprintf("%v after its deadline", at.over.Sub(at.due))
	case at.plan != nil:
		if text, known := w.wrongStream(at); known {
			return text
		}
	}
	switch {
	case at.err == nil:
		w.outcomes["result"] = true
		return at.wrongResult()
	case errors.As(at.err, &link):
		return w.wrongLink(at, link)
	case !errors.As(at.err, &fault):
		return "want a fault or a LinkError"
	}
	w.outcomes[fmt.Sprint("fault ", fault.Code)] = true
	switch fault.Code {
	case 77:
		if at.kind != stepFault || fault.Message != fmt.Sprintf("fault %d", at.tag) {
			return "want no fault, or its own"
		}
	case rpc.CodeInternal:
		if at.kind != stepPanic {
			return "want no panic"
		}
	case rpc.CodeOverLimit:
		if !w.crowded {
			return "want no limit to be met"
		}
	case rpc.CodeCancelled, rpc.CodeDeadlineExceeded:
		if !at.hurried && !w.disturb.broken && !w.late() {
			return "want it not to be given up"
		}
	default:
		if at.kind != stepBack || w.disturb == (disturbance{}) && !w.crowded && !at.hurried {
			return "want no such fault"
		}
	}
	return ""
}

func (at *try) wrongResult() string {
	switch at.kind {
	case stepFault, stepPanic:
		return "want a fault"
	case stepLarge:
		b, ok := at.result.([]byte)
		if !ok || len(b) != at.size || slices.ContainsFunc(b, func(c byte) bool { return c != byte(at.tag) }) {
			return fmt.Sprintf("want the %d bytes it was called with", at.size)
		}
	default:
		if at.result != int64(at.tag) {
			return "want its tag"
		}
	}
	return ""
}

func (w *world) wrongLink(at *try, link *rpc.LinkError) string {
	w.outcomes[fmt.Sprint("link ", link.Sent)] = true
	switch gaveUp := errors.Is(link, context.DeadlineExceeded) || errors.Is(link, context.Canceled); {
	case gaveUp && !at.hurried && !w.disturb.broken && !w.late():
		return "want it not to be given up"
	case gaveUp || w.disturb.broken:
	case !w.disturb.left:
		return "want the session to go on"
	case link.Sent != rpc.NotSent && at.kind == stepLarge && w.leftBy[at.side]:
		// It was in line when the peer was told, and saw nothing to wait for.
	case link.Sent != rpc.NotSent:
		return "want an answer to what was sent: the session was left, not broken"
	}
	return ""
}

// on makes a step of a program: its kind, the side and two numbers.
func on(side int, kind step, a, b byte) string {
	return string([]byte{byte(kind), a<<1 | byte(side), b})
}

// programs are the seeds. Together they have every kind of step, and come to
// every outcome.
var programs = []string{
	on(0, stepEcho, 0, 0) + on(1, stepEcho, 0, 1) + on(1, stepEcho, 0, 1) + on(0, stepFault, 0, 0) + on(1, stepPanic, 0, 0) + on(0, stepBack, 0, 0) + on(1, stepBack, 0, 0),
	strings.Repeat(on(0, stepSleep, 10, 10)+on(1, stepSleep, 20, 10), 6) + on(0, stepWait, 100, 100),
	on(0, stepLarge, 60, 0) + on(1, stepLarge, 60, 0) + on(1, stepLarge, 127, 0) + on(0, stepEcho, 0, 1) + on(0, stepLarge, 100, 0),
	strings.Repeat(on(1, stepHeavy, 0, 200), 12) + on(1, stepEcho, 0, 0) + on(1, stepCancel, 3, 0) + on(1, stepCancel, 1, 0),
	strings.Repeat(on(1, stepHeavy, 0, 200), 3) + on(1, stepCancel, 0, 0) + on(1, stepCancel, 1, 0) + on(1, stepHeavy, 0, 0),
	on(0, stepHurry, 2, 10) + on(0, stepSleep, 100, 10) + on(1, stepHurry, 2, 10) + on(1, stepDeaf, 100, 10) + on(1, stepSleep, 100, 10) + on(0, stepCancel, 0, 0) + on(0, stepWait, 20, 100),
	on(0, stepSleep, 20, 20) + on(1, stepSleep, 20, 20) + on(1, stepLeave, 0, 0) + on(0, stepEcho, 0, 0) + on(1, stepEcho, 0, 0) + on(0, stepBack, 0, 0),
	on(0, stepEcho, 0, 1) + on(0, stepLeave, 0, 0) + on(0, stepEcho, 0, 0),
	on(0, stepDeaf, 20, 20) + on(0, stepLeave, 0, 0) + on(1, stepLeave, 0, 0) + on(1, stepEcho, 0, 0),
	on(0, stepStall, 0, 0) + on(0, stepLarge, 100, 0) + on(0, stepEcho, 0, 0) + on(0, stepHurry, 2, 2) + on(0, stepLarge, 100, 0) + on(0, stepWait, 20, 20) + on(0, stepResume, 0, 0) + on(0, stepEcho, 0, 0),
	on(1, stepStall, 0, 0) + on(0, stepLarge, 100, 0) + on(0, stepCancel, 0, 0) + on(1, stepResume, 0, 0) + on(1, stepStall, 0, 0) + on(0, stepEcho, 0, 0) + on(0, stepWait, 127, 255),
	on(0, stepSleep, 100, 10) + on(1, stepLarge, 100, 0) + on(1, stepEnd, 0, 0) + on(0, stepEcho, 0, 0) + on(1, stepEcho, 0, 0),
	on(1, stepStall, 0, 0) + on(0, stepLarge, 49, 241) + on(0, stepEnd, 0, 0),
	on(0, stepSleep, 100, 10) + on(1, stepDeaf, 100, 0) + on(0, stepCut, 0, 0) + on(0, stepEcho, 0, 0),
	on(1, stepFrame, 0, 135) + on(1, stepEcho, 0, 0) + on(1, stepFrame, 1, 3),
	on(0, stepEcho, 0, 0) + on(0, stepFrame, 4, 8) + on(0, stepFrame, 10, 3) + on(1, stepFrame, 3, 1) + on(0, stepFrame, 6, 0),
	on(0, stepSleep, 100, 10) + on(1, stepFrame, 1, 1) + on(1, stepFrame, 12, 1) + on(1, stepEcho, 0, 0),
	strings.Repeat(on(0, stepEcho, 0, 1), 20) + on(0, stepWait, 127, 100) + strings.Repeat(on(1, stepEcho, 0, 1), 20),
}

// FuzzSessionPrograms runs programs of two peers. Whatever they do, every call
// returns once and with an outcome that the model allows, answers are those to
// the calls, nothing is left of any of them, and nothing waits for ever.
func FuzzSessionPrograms(f *testing.F) {
	for _, p := range slices.Concat(programs, streamPrograms) {
		f.Add([]byte(p))
	}
	f.Fuzz(func(t *testing.T, program []byte) { runProgram(t, program[:min(len(program), 3*60)]) })
}

// TestProgramsCoverTheSession: the seeds above leave nothing out.
func TestProgramsCoverTheSession(t *testing.T) {
	var seen [steps]bool
	outcomes := map[string]bool{}
	for _, p := range slices.Concat(programs, streamPrograms) {
		for i := 0; i < len(p); i += 3 {
			seen[p[i]] = true
		}
		for o := range runProgram(t, []byte(p)) {
			outcomes[o] = true
		}
	}
	if i := slices.Index(seen[:], false); i >= 0 {
		t.Errorf("no program has step %d", i)
	}
	for _, want := range []string{
		"result", "forged", "fault 77", "fault -32603", "fault -32003", "link not sent", "link outcome unknown",
		"stream result", "left", "upload breaks off", "consumer panics", "producer panics", "stream fault 77", "stream fault -32603",
	} {
		if !outcomes[want] {
			t.Errorf("got %v; want %q among them", outcomes, want)
		}
	}
}
