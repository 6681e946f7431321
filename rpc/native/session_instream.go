package native

import (
	"context"
	"encoding/binary"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native/cbor"
	"github.com/parley-rpc/parley/rpc/value"
)

// instream is a stream that arrives: the items of an answer, or those of the last
// argument of a call. The reader puts items in, one goroutine takes them out. It
// is in state.instreams from the beginning of its call to the answer; what has come
// by then can still be taken.
//
// What the peer may send is bounded by credit, which it gets back as items are
// taken. So a consumer that is slow stops its producer, and nobody else.
type instream struct {
	s  *session
	id uint64 // of the call; guarded by session.mu until the call is sent

	queue   []itemBlock   // guarded by session.mu; complete items that nobody has taken
	held    int           // guarded by session.mu; bytes of memory that state.streamed counts
	closed  bool          // guarded by session.mu; nobody takes items any more
	credit  int           // guarded by session.mu; bytes that the peer may still send
	ended   bool          // guarded by session.mu; all items have come
	err     error         // guarded by session.mu; why no more will come
	came    int           // guarded by session.mu; items
	busy    bool          // guarded by session.mu; the consumer has a block, and does not wait
	since   time.Duration // guarded by session.mu; when something came last, or the consumer began to wait; see sinceBorn
	arrived chan struct{} // holds an element when something of the above has changed

	part *part // the reader's; an item that has begun to arrive

	// The consumer's.
	taken itemBlock // what it is at
	rest  []byte    // what is left of it
	eaten int       // bytes that the peer was not given back yet
	load  int       // what the values of an item are counted for, in bytes
	dec   cbor.Decoder
}

// itemBlock is memory with complete items: many small ones, each behind its length
// (uvarint), or a large one.
type itemBlock struct {
	memory *[]byte
	held   int // bytes that are counted for it
	single bool
}

const (
	// blockSize is how many bytes of small items are kept together. A block is
	// counted as a whole: an item of a byte takes one, too.
	blockSize = 16 << 10
	// smallItem is the size of an item, in bytes, up to which it goes into such a
	// block even if it comes in parts.
	smallItem = 4 << 10
	// lightItem is what the values of an item may take, in bytes, without being
	// counted: it is paid for with the call.
	lightItem = 4 << 10
)

// blocks is a cache: nothing depends on what it holds. That of messages has
// larger memory, of which an item of a byte would keep more than is counted.
var blocks = sync.Pool{New: func() any { b := make([]byte, 0, blockSize); return &b }}

func (b itemBlock) free() {
	if b.single {
		putMessage(b.memory)
	} else {
		*b.memory = (*b.memory)[:0]
		blocks.Put(b.memory)
	}
}

func newInstream(s *session, id uint64) *instream {
	return &instream{s: s, id: id, credit: s.limits.StreamWindow, arrived: make(chan struct{}, 1)}
}

func (f *instream) signal() {
	select {
	case f.arrived <- struct{}{}:
	default:
	}
}

// heard notes that something has come. The reader calls it, from within update; f
// may be nil.
func (f *instream) heard() {
	if f != nil {
		f.since = time.Duration(f.s.lastRead.Load())
	}
}

// failInstream makes err the end of a stream. The reader calls it.
func (st *state) failInstream(f *instream, err error) {
	if p := f.part; p != nil {
		st.releaseInstream(f, p.held)
		f.part = nil
	}
	f.err = err
	st.drop(f)
	f.signal()
}

// drop gives up what has come of a stream and was not taken.
func (st *state) drop(f *instream) {
	for _, b := range f.queue {
		st.releaseInstream(f, b.held)
		b.free()
	}
	f.queue = nil
}

// closeInstream gives up all of a stream that nobody reads any more.
func (st *state) closeInstream(f *instream) {
	st.drop(f)
	st.releaseInstream(f, f.held)
	f.closed = true
}

// holdInstream counts n more bytes of a stream, or ends it if they are too much.
// The reader calls it.
func (st *state) holdInstream(f *instream, n int) bool {
	if err := st.tryHold(f, n); err != nil {
		st.failInstream(f, err)
		return false
	}
	return true
}

// tryHold counts n more bytes of a stream, if there are as many. One that is alone
// is bounded by its credit: a window of items of a byte takes two.
func (st *state) tryHold(f *instream, n int) error {
	most, others := f.s.limits.MaxBuffered, st.streamed-f.held
	switch {
	case others > 0 && st.streamed+n > most:
		return errHeld(most)
	case !st.purse.memory.take(int64(n)):
		return st.purse.errMemory()
	}
	st.streamed += n
	f.held += n
	return nil
}

func (st *state) releaseInstream(f *instream, n int) {
	n = min(n, f.held) // it may have been closed
	st.streamed -= n
	f.held -= n
	st.purse.memory.give(int64(n))
}

// data takes a DATA.
func (r *reader) data(h frameHead) (err error) {
	if h.flags&flagEnd == 0 && (h.more() || !fits(h)) {
		return r.largeData(h)
	}
	body, err := r.peek(h)
	if err != nil {
		return err
	}
	r.s.update(func(st *state) {
		f := st.instreams[h.id]
		f.heard()
		switch {
		case f == nil:
			err = r.s.unknownStream(h)
		case f.err != nil: // nobody waits for it
			f.part = nil
		case f.part != nil:
			if err = f.checkPart(h); err == nil {
				*f.part.buf = append(*f.part.buf, body...)
				st.complete(f)
			}
		case f.ended:
			err = breach("DATA %d after its end", h.id)
		case h.flags&flagEnd != 0:
			f.ended = true
			f.signal()
		default:
			if err = f.spend(len(body)); err == nil {
				st.add(f, body)
			}
		}
	})
	if err != nil {
		return err
	}
	return r.discard(h)
}

// spend takes an item of n bytes from the credit.
func (f *instream) spend(n int) error {
	switch {
	case n == 0:
		return breach("DATA %d without content", f.id)
	case f.credit <= 0:
		return breach("DATA %d of %d bytes without credit", f.id, n)
	}
	f.credit -= n
	return nil
}

// add puts a small item into the queue.
func (st *state) add(f *instream, body []byte) {
	n := len(f.queue)
	if n == 0 || f.queue[n-1].single || len(*f.queue[n-1].memory)+uvarintLen(uint64(len(body)))+len(body) > blockSize {
		if !st.holdInstream(f, blockSize) {
			return
		}
		f.queue = append(f.queue, itemBlock{memory: blocks.Get().(*[]byte), held: blockSize})
		n++
	}
	f.came++
	b := f.queue[n-1].memory
	*b = append(binary.AppendUvarint(*b, uint64(len(body))), body...)
	f.signal()
}

// checkPart holds a frame against the item that it is a part of, and counts it.
func (f *instream) checkPart(h frameHead) error {
	p := f.part
	left := p.total - p.size
	if h.flags&flagEnd != 0 || h.body == 0 || h.body > left || h.more() == (h.body == left) {
		return breach("DATA %d of another size than the %d bytes that were announced", h.id, p.total)
	}
	p.size += h.body
	return nil
}

// complete puts the item that has arrived in parts into the queue. It is called
// from within update.
func (st *state) complete(f *instream) {
	p := f.part
	f.part = nil
	if p.total <= smallItem { // one of its own would keep more memory than is counted
		st.releaseInstream(f, p.held)
		st.add(f, *p.buf)
		putMessage(p.buf)
		return
	}
	f.came++
	f.queue = append(f.queue, itemBlock{memory: p.buf, held: p.held, single: true})
	f.signal()
}

// largeData takes a frame of an item that is large.
func (r *reader) largeData(h frameHead) (err error) {
	var f *instream
	begins := false
	r.s.update(func(st *state) {
		switch f = st.instreams[h.id]; {
		case f == nil:
			err = r.s.unknownStream(h)
		case f.err != nil:
			f.part, f = nil, nil // nobody waits for it
		default:
			if begins = f.part == nil; begins && f.ended {
				err = breach("DATA %d after its end", h.id)
			}
		}
	})
	if err != nil {
		return err
	}
	if f == nil {
		return r.discard(h)
	}
	if begins {
		p := &part{kind: frameData, buf: getMessage()}
		if err := r.begin(p, &h); err != nil {
			return err
		}
		r.s.update(func(*state) { err = f.spend(p.total) })
		if err != nil {
			return err
		}
		f.part = p
	}
	p := f.part
	if err := f.checkPart(h); err != nil {
		return err
	}
	if !r.growItem(f) {
		return r.discard(h)
	}
	if err := r.read(p.buf, h); err != nil {
		return err
	}
	r.s.update(func(st *state) {
		f.heard()
		switch {
		case st.instreams[h.id] != f || f.err != nil: // its call has ended
			f.part = nil
			st.releaseInstream(f, p.held)
		case !h.more():
			st.complete(f)
		}
	})
	return nil
}

// growItem makes room for the size that an item has now, as grow does for a
// message.
func (r *reader) growItem(f *instream) (ok bool) {
	p := f.part
	if p.size <= p.held {
		return true
	}
	want := min(p.total, max(growStep, 4*p.size))
	r.s.update(func(st *state) {
		if st.instreams[f.id] == f && f.err == nil {
			ok = st.holdInstream(f, want-p.held)
		}
	})
	if !ok {
		return false
	}
	p.held = want
	if have := cap(*p.buf); have < want || have > 4*want { // more than is counted
		old := *p.buf
		*p.buf = append(make([]byte, 0, want), old...)
		putMessage(&old)
	}
	return true
}

// item returns the next item, which is valid until the next call. Nil without an
// error: none has come yet. After the last one the error is io.EOF.
func (f *instream) item() (item []byte, err error) {
	if len(f.rest) == 0 {
		if err := f.nextBlock(); err != nil || len(f.rest) == 0 {
			return nil, err
		}
	}
	if f.taken.single {
		item, f.rest = f.rest, nil
		return item, nil
	}
	n, size := binary.Uvarint(f.rest)
	item = f.rest[size : size+int(n)]
	f.rest = f.rest[size+int(n):]
	return item, nil
}

// nextBlock takes a block out of the queue.
func (f *instream) nextBlock() (err error) {
	done := f.taken
	if f.taken = (itemBlock{}); done.single {
		*done.memory = reuse(&f.dec, *done.memory)
	}
	f.s.update(func(st *state) {
		st.releaseInstream(f, done.held)
		if f.busy = len(f.queue) > 0; !f.busy {
			f.since = f.s.sinceBorn()
		}
		switch {
		case len(f.queue) > 0:
			f.taken = f.queue[0]
			f.rest = *f.taken.memory
			f.queue = slices.Delete(f.queue, 0, 1)
		case f.err != nil:
			err = f.err
		case f.ended:
			err = io.EOF
		}
	})
	if done.memory != nil {
		done.free()
	}
	return err
}

// ate gives an item back to the peer as credit, in due time.
func (f *instream) ate(n int) {
	if f.eaten += n; f.eaten < f.s.limits.StreamWindow/2 {
		return
	}
	f.s.update(func(st *state) {
		if st.instreams[f.id] != f || f.ended || f.err != nil || st.err != nil {
			return
		}
		f.credit += f.eaten
		st.out = appendSessionHead(st.out, frameCredit, 0, f.id, uvarintLen(uint64(f.eaten)))
		st.out = binary.AppendUvarint(st.out, uint64(f.eaten))
	})
	f.eaten = 0
}

// weigh counts what the values of an item take until the next one is asked for:
// a few bytes may stand for many of them. An item for which there is no memory
// ends the stream. One that has as much as the last one costs no lock.
func (f *instream) weigh(item []byte) (err error) {
	load := 0
	if len(item) >= lightItem/manyfold {
		load = cbor.Weigh(item)
	}
	if load < lightItem {
		load = 0
	}
	if load <= f.load && load >= f.load/2 {
		return nil
	}
	f.s.update(func(st *state) {
		switch more := load - f.load; {
		case f.closed:
			err = errStreamOver
		case st.err != nil: // all is given back
		case more <= 0:
			st.releaseInstream(f, -more)
		default:
			err = st.tryHold(f, more)
		}
		if err != nil {
			f.err, f.rest = err, nil
			st.drop(f)
		}
	})
	if err == nil {
		f.load = load
	}
	return err
}

// decode reads an item with read.
func (f *instream) decode(item []byte, read func(src value.Source) error) error {
	decode(&f.dec, item)
	err := read(&f.dec)
	if err == nil {
		err = f.dec.Finish()
	}
	return err
}

// deliver hands the items that have come to a request, until ctx is over: they may
// come as fast as they are taken, for ever, or take long to be taken.
func (f *instream) deliver(ctx context.Context, c *streaming) error {
	for {
		if err := ctx.Err(); err != nil {
			return callError(rpc.Unknown, c.req.Method, err)
		}
		item, err := f.item()
		if item == nil || err != nil {
			if err == io.EOF { //nolint:errorlint // is item's own
				err = nil
			}
			return err
		}
		if err := f.weigh(item); err != nil {
			return err
		}
		c.used = true
		if err := f.decode(item, func(src value.Source) error { return rpc.DeliverItem(src, c.req) }); err != nil {
			return err
		}
		f.ate(len(item))
	}
}

// next waits for the next item and puts it into dst.
func (f *instream) next(ctx context.Context, dst any) error {
	for {
		if len(f.rest) == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		item, err := f.item()
		if err != nil {
			return err
		}
		if item != nil {
			if err := f.weigh(item); err != nil {
				return err
			}
			err := f.decode(item, func(src value.Source) error { value.Decode(src, dst); return sourceError(src) })
			f.ate(len(item))
			if err != nil {
				return rpc.Errorf(rpc.CodeInvalidParams, "an item of the stream: %v", err)
			}
			return nil
		}
		select {
		case <-f.arrived:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func sourceError(src value.Source) error {
	if err := src.Err(); err != nil {
		return err
	}
	return nil
}
