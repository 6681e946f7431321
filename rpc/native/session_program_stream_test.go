package native

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// streamPlan is what the two ends of a stream of a program do. It is made of the
// two numbers of a step, and goes along as an argument.
type streamPlan struct {
	n, size int
	source  sourceWay // of who makes the items
	drain   drainWay  // of who takes them
	stop    int       // after so many items, if drain asks for that
}

type sourceWay int

const (
	endsWell  sourceWay = iota
	breaksOff           // with an error, after n items
	waits               // after n items, for its context or the end of the program
	endless             // pauses, so that time goes on
	panics              // after n items
	sourceWays
)

type drainWay int

const (
	drainsAll drainWay = iota
	drainsSlowly
	leaves // its loop; of a function: returns
	cancels
	panicsToo
	ignores // takes nothing
	drainWays
)

var (
	streamCounts = []int{0, 1, 3, 40, 300}
	streamSizes  = []int{0, 100, 4000, 20_000, 150_000}
)

func planOfStream(a, b int) streamPlan {
	p := streamPlan{
		n: streamCounts[a%5], size: streamSizes[a/5%5], source: sourceWay(a / 25 % int(sourceWays)),
		drain: drainWay(b % int(drainWays)), stop: b / int(drainWays) % 8,
	}
	p.n = min(p.n, 1<<20/(p.size+1))
	return p
}

// lasts reports whether the stream ends with its context alone.
func (p streamPlan) lasts() bool { return p.source == waits || p.source == endless }

// errBroke is what producers break off with.
var errBroke = errors.New("the producer breaks off")

// item is the i-th one of a stream.
func (p streamPlan) item(tag, i int) []any {
	return []any{tag, i, bytes.Repeat([]byte{byte(tag + i)}, p.size)}
}

// wrongItem says what is wrong with the i-th item of a stream, "" if nothing is.
func (p streamPlan) wrongItem(tag, i int, item []any) string {
	want := p.item(tag, i)
	if len(item) == 3 && item[0] == int64(tag) && item[1] == int64(i) {
		if b, ok := item[2].([]byte); ok && bytes.Equal(b, want[2].([]byte)) {
			return ""
		}
	}
	if len(item) == 3 {
		return fmt.Sprintf("item %d: got %v, %v and %v; want it with %d bytes", i, item[0], item[1], brief(item[2]), p.size)
	}
	return fmt.Sprintf("item %d: got %d elements; want 3", i, len(item))
}

// produce makes the items of a stream.
func (p streamPlan) produce(tag int, over, done <-chan struct{}) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for i := 0; p.source == endless || i < p.n; i++ {
			if !yield(p.item(tag, i), nil) {
				return
			}
			if p.source == endless && p.drain != drainsSlowly {
				select {
				case <-time.After(200 * time.Millisecond):
				case <-done:
				}
			}
		}
		if p.stop%2 == 1 {
			time.Sleep(time.Millisecond) // the end comes alone
		}
		switch p.source {
		case breaksOff:
			yield(nil, errBroke)
		case panics:
			panic("on purpose")
		case waits:
			select {
			case <-over:
			case <-done:
			}
			yield(nil, errBroke)
		}
	}
}

// drained is what has come out of a stream at its end.
type drained struct {
	mu       sync.Mutex
	taken    int    // guarded by mu, as is all that follows
	complete bool   // its end was seen
	wrong    string // an item that is
}

func (d *drained) take(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.taken++; d.wrong == "" {
		d.wrong = text
	}
}

func (d *drained) isComplete() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.complete = true
}

// judge says what is wrong with what was drained of a stream that was made by plan.
func (d *drained) judge(p streamPlan) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.wrong != "":
		return d.wrong
	case d.complete && p.source != endsWell:
		return fmt.Sprintf("it looked complete with %d items, and its producer did not end it", d.taken)
	case d.complete && d.taken != p.n:
		return fmt.Sprintf("got %d items; want %d", d.taken, p.n)
	}
	return ""
}

// errLeft ends a loop.
var errLeft = errors.New("the consumer leaves")

// taking does what a plan has its drain do at the i-th item.
func (p streamPlan) taking(i int, cancel func()) error {
	switch {
	case p.drain == drainsSlowly:
		time.Sleep(30 * time.Millisecond)
	case i < p.stop:
	case p.drain == leaves:
		return errLeft
	case p.drain == panicsToo:
		panic("on purpose")
	case p.drain == cancels:
		cancel()
	}
	return nil
}

// stream makes a call with streams, as its caller.
func (w *world) stream(ctx context.Context, at *try) (any, error) {
	p := at.plan
	args := []any{at.tag, at.numbers}
	if at.kind != stepItems {
		args = append(args, w.upload(ctx, at))
	}
	if at.kind == stepUpload {
		return rpc.Invoke[any](ctx, w.ends[at.side], "upload", args...)
	}
	i := 0
	for item, err := range rpc.Stream[[]any](ctx, w.ends[at.side], stepMethods[at.kind], args...) {
		if err != nil {
			return nil, err
		}
		at.down.take(p.wrongItem(at.tag, i, item))
		if err := p.taking(i, at.cancel); err != nil {
			return nil, err
		}
		i++
	}
	at.down.isComplete()
	return nil, nil
}

// upload is the producer of an upload.
func (w *world) upload(ctx context.Context, at *try) iter.Seq2[[]any, error] {
	items := at.plan.produce(at.tag, w.over, nil)
	return func(yield func([]any, error) bool) {
		w.producers.Add(1)
		defer w.producers.Add(-1)
		items(yield)
	}
}

// serveStream is the function of such a call.
func (w *world) serveStream(ctx context.Context, req *rpc.Request, tag int, numbers int64) (any, error) {
	p := planOfStream(int(numbers>>8)&0x7f, int(numbers)&0xff)
	at := w.tried(tag)
	if at == nil {
		return nil, rpc.Errorf(rpc.CodeInvalidParams, "forged")
	}
	switch req.Method {
	case "items":
		for item, err := range p.produce(tag, w.over, ctx.Done()) {
			if errors.Is(err, errBroke) {
				return nil, rpc.Errorf(77, "fault %d", tag)
			}
			if err := req.Yield(item); err != nil {
				return nil, err
			}
		}
		return nil, nil
	case "upload":
		if p.drain == ignores {
			return tag, nil
		}
	}
	for i := 0; ; i++ {
		var item []any
		if err := req.Next(&item); errors.Is(err, io.EOF) {
			at.up.isComplete()
			if req.Yield != nil {
				return nil, nil
			}
			return tag, nil
		} else if err != nil {
			return nil, err
		}
		at.up.take(p.wrongItem(tag, i, item))
		if req.Method == "both" {
			if err := req.Yield(item); err != nil {
				return nil, err
			}
		} else if err := p.taking(i, func() {}); err != nil {
			return tag, nil
		}
	}
}

// tried returns the call with a tag.
func (w *world) tried(tag int) *try {
	w.wire.Lock()
	defer w.wire.Unlock()
	if i := tag - firstTag; i >= 0 && i < len(w.attempts) && w.attempts[i].plan != nil {
		return w.attempts[i]
	}
	return nil
}

// plan makes a step a call with streams.
func (w *world) planStream(at *try, a, b int) {
	p := planOfStream(a, b)
	at.plan, at.numbers = &p, a<<8|b
	if p.size*max(p.n, 1) > 16<<10 || p.source == endless || p.drain == drainsSlowly {
		w.crowded = true
	}
	if p.lasts() || p.drain == drainsSlowly || p.drain == cancels {
		at.hurried = true // it is given up, if only when the default time is over
		w.busy += int(defaultCallTimeout.Milliseconds())
	}
}

// wrongStream is the model of calls with streams: it looks at what has come out of
// them, and at errors that other calls cannot have. known is false for the others.
func (w *world) wrongStream(at *try) (text string, known bool) {
	p := *at.plan
	if text := at.down.judge(p); text != "" {
		return "the result: " + text, true
	}
	if text := at.up.judge(p); text != "" {
		return "the upload: " + text, true
	}
	var fault *rpc.Fault
	switch {
	case errors.Is(at.err, errLeft):
		w.outcomes["left"] = true
		return "", true
	case at.panicked:
		w.outcomes["consumer panics"] = true
		if at.kind == stepUpload || p.drain != panicsToo {
			return "want no panic", true
		}
		return "", true
	case errors.Is(at.err, errBroke):
		w.outcomes["upload breaks off"] = true
		if at.kind == stepItems || p.source != breaksOff && p.source != waits {
			return "want no such end of an upload", true
		}
		return "", true
	case at.err != nil && bytes.Contains([]byte(at.err.Error()), []byte("panic: on purpose")):
		w.outcomes["producer panics"] = true
		if at.kind == stepItems || p.source != panics {
			return "want no panic of the producer", true
		}
		return "", true
	case errors.As(at.err, &fault) && (fault.Code == 77 || fault.Code == rpc.CodeInternal):
		w.outcomes[fmt.Sprint("stream fault ", fault.Code)] = true
		if fault.Code == 77 && (at.kind != stepItems || p.source != breaksOff && p.source != waits) {
			return "want no such fault", true
		}
		if fault.Code == rpc.CodeInternal && (at.kind != stepItems || p.source != panics) && (at.kind != stepUpload || p.drain != panicsToo) {
			return "want no panic", true
		}
		return "", true
	case at.err != nil:
		return "", false
	}
	w.outcomes["stream result"] = true
	switch at.kind {
	case stepUpload:
		// A function that has seen enough answers before the end of its upload.
		early := p.drain == ignores || p.drain == leaves
		if at.result != int64(at.tag) {
			return "want its tag", true
		}
		if !early && !at.up.complete {
			return "want an upload that was complete", true
		}
	default:
		if !at.down.complete {
			return "want a stream that was complete", true
		}
	}
	return "", true
}

// wireStream is one direction of a stream, as the relay sees it.
type wireStream struct {
	credit int
	left   int // bytes of an item whose end has not come
	ended  bool
}

// lookAtStream holds a DATA or a CREDIT against what a session may send. It is
// called with wire held.
func (y *way) lookAtStream(h frameHead, body []byte) {
	t, back := y.w.t, y.w.ways[1-y.side]
	if h.kind == frameCredit {
		n, _ := binary.Uvarint(body)
		if f := back.streams[h.id]; f != nil {
			if f.credit += int(n); f.credit > programLimits[y.side].StreamWindow && !y.w.disturb.forged {
				t.Errorf("session %d gives back %d bytes of stream %d, more than it was sent", y.side, n, h.id)
			}
		} else if !y.w.disturb.forged {
			t.Errorf("session %d sent CREDIT %d, of no stream", y.side, h.id)
		}
		return
	}
	if y.w.disturb.forged {
		return
	}
	f := y.streams[h.id]
	if f == nil {
		f = &wireStream{credit: programLimits[1-y.side].StreamWindow}
		y.streams[h.id] = f
	}
	answered, called := back.calls[h.id]
	if h.id%2 == uint64(y.side) {
		answered = false // it may not know of the answer yet
		_, called = y.calls[h.id]
	}
	begins := f.left == 0
	switch {
	case !called || answered:
		t.Errorf("session %d sent DATA %d; called: %v, answered: %v", y.side, h.id, called, answered)
	case f.ended:
		t.Errorf("session %d sent DATA %d after its end", y.side, h.id)
	case h.flags&flagEnd != 0:
		f.ended = true
		if !begins {
			t.Errorf("session %d ended the stream %d within an item", y.side, h.id)
		}
		return
	case begins && f.credit <= 0:
		t.Errorf("session %d sent DATA %d without credit", y.side, h.id)
	}
	if begins {
		f.left = len(body)
		if h.more() {
			total, n := binary.Uvarint(body)
			f.left, body = int(total), body[n:]
		}
		f.credit -= f.left
	}
	f.left -= len(body)
	if f.left < 0 || h.more() == (f.left == 0) {
		t.Errorf("session %d sent DATA %d of another size than announced", y.side, h.id)
	}
}

// forgedFrame is one that is well formed, with a small id.
func forgedFrame(side, a, b int) []byte {
	bodies := []string{"", "\x01", "\x00bye", "\x01you", "\xc8\x01part", "\x03ab", "c", callBody("echo", 7, 7), callBody("sleep", 7, 900), callBody("nothing", strings.Repeat("x", 5000)), string(testHello.append(nil))}
	kinds := []frameType{frameCall, frameResult, frameFault, frameCancel, framePing, framePong, frameGoaway, frameHello, frameData, frameCredit, frameExtension}
	id := uint64(b % 16)
	if b >= 128 { // more often one of the sender's
		id = uint64(b%8*2 + side)
	}
	kind := kinds[a%len(kinds)]
	var flags byte
	body := bodies[(a/11+b/4)%len(bodies)]
	switch {
	case b%3 == 0 && (kind == frameCall || kind == frameResult || kind == frameData):
		flags = flagMore
	case b%3 == 1 && kind == frameCall:
		flags = flagItems | flagUpload
	case b%3 == 1 && kind == frameData:
		flags, body = flagEnd, ""
	}
	return []byte(frame(kind, flags, id, body))
}

// streamPrograms are seeds, as programs are.
var streamPrograms = func() (list []string) {
	plan := func(count, size int, source sourceWay, drain drainWay, stop int) (a, b byte) {
		return byte(count + 5*size + 25*int(source)), byte(int(drain) + int(drainWays)*stop)
	}
	a, b := plan(0, 0, endless, drainsSlowly, 0) // its default time ends with thousands of items that nobody took
	list = append(list, on(1, stepItems, a, b), on(0, stepItems, a, b)+on(0, stepCut, 0, 0))
	for _, kind := range []step{stepItems, stepUpload, stepBoth} {
		for source := range sourceWays {
			program := ""
			for drain := range drainWays {
				a, b := plan(3, int(drain)%5, source, drain, 2+int(source)%2)
				program += on(int(drain)%2, kind, a, b)
			}
			list = append(list, program+on(0, stepWait, 100, 100)+on(0, stepEcho, 0, 0))
		}
		// Large items; both directions; ends of all sorts.
		a, b := plan(4, 4, endsWell, drainsAll, 1)
		a2, b2 := plan(3, 2, endless, drainsSlowly, 0)
		both := on(0, kind, a, b) + on(1, kind, a, b) + on(1, kind, a2, b2)
		list = append(list, on(1, kind, a, b), both, both+on(1, stepStall, 0, 0)+on(0, stepHurry, 10, 10)+on(0, kind, a, b)+on(0, stepCancel, 0, 0)+on(0, stepWait, 100, 100))
		list = append(list, both+on(0, stepLeave, 0, 0), both+on(1, stepEnd, 0, 0), both+on(0, stepCut, 0, 0)+on(1, kind, a, b))
		list = append(list, on(0, stepHurry, 10, 10)+on(0, kind, a2, b2)+on(1, stepHurry, 100, 10)+on(1, kind, a2, b2)+on(0, stepWait, 127, 255))
		// Too much at once.
		a3, b3 := plan(4, 4, endsWell, drainsSlowly, 0)
		list = append(list, on(1, kind, a3, b3)+on(1, kind, a3, b3)+on(1, kind, a3, b3)+on(0, kind, a3, b3)+on(0, kind, a3, b3))
		// Forged DATA and CREDIT.
		for _, frame := range []byte{8, 19, 30, 41, 9, 20, 31} {
			list = append(list, both+on(1, stepFrame, frame, 130)+on(0, stepFrame, frame, 129)+on(0, kind, a, b))
		}
	}
	return slices.Clip(list)
}()

// late reports whether a call may have waited in line for the default time.
func (w *world) late() bool { return w.busy > int(defaultCallTimeout.Milliseconds())/2 }
