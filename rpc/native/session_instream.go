package native

import (
	"context"
	"encoding/binary"
	"io"
	"slices"

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
	held    int           // guarded by session.mu; bytes that state.streamed counts
	credit  int           // guarded by session.mu; bytes that the peer may still send
	ended   bool          // guarded by session.mu; all items have come
	err     error         // guarded by session.mu; why no more will come
	arrived chan struct{} // holds an element when something of the above has changed

	part *part // the reader's; an item that has begun to arrive

	// The consumer's.
	taken itemBlock // what it is at
	rest  []byte    // what is left of it
	eaten int       // bytes that the peer was not given back yet
	dec   cbor.Decoder
}

// itemBlock is memory with complete items: many small ones, each behind its length
// (uvarint), or a large one.
type itemBlock struct {
	memory *[]byte
	single bool
}

// blockSize is how many bytes of small items are kept together.
const blockSize = 16 << 10

func newInstream(s *session, id uint64) *instream {
	return &instream{s: s, id: id, credit: s.limits.StreamWindow, arrived: make(chan struct{}, 1)}
}

func (f *instream) signal() {
	select {
	case f.arrived <- struct{}{}:
	default:
	}
}

// fail makes err the end of the stream.
func (st *state) failInstream(f *instream, err error) {
	f.err, f.part = err, nil
	st.drop(f)
	f.signal()
}

// drop gives up what has come of a stream and was not taken.
func (st *state) drop(f *instream) {
	for _, b := range f.queue {
		putMessage(b.memory)
	}
	st.releaseInstream(f, f.held)
	f.queue = nil
}

// hold counts n more bytes of a stream, or ends it if they are too much.
func (st *state) holdInstream(f *instream, n int, l *Limits) bool {
	switch {
	case st.streamed+n > l.MaxBuffered:
		st.failInstream(f, errHeld(l.MaxBuffered))
		return false
	case !st.purse.memory.take(int64(n)):
		st.failInstream(f, st.purse.errMemory())
		return false
	}
	st.streamed += n
	f.held += n
	return true
}

func (st *state) releaseInstream(f *instream, n int) {
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
		switch {
		case f == nil:
			err = r.s.unknownStream(h)
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
		case f.err != nil: // nobody waits for it
		default:
			if err = f.spend(len(body)); err == nil && st.holdInstream(f, len(body), &r.s.limits) {
				f.add(body)
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
func (f *instream) add(body []byte) {
	n := len(f.queue)
	if n == 0 || f.queue[n-1].single || len(*f.queue[n-1].memory)+len(body) > blockSize {
		f.queue = append(f.queue, itemBlock{memory: getMessage()})
		n++
	}
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
	f.queue = append(f.queue, itemBlock{f.part.buf, true})
	f.part = nil
	f.signal()
}

// largeData takes a frame of an item that is large.
func (r *reader) largeData(h frameHead) (err error) {
	var f *instream
	begins := false
	r.s.update(func(st *state) {
		if f = st.instreams[h.id]; f == nil {
			err = r.s.unknownStream(h)
		} else if begins = f.part == nil; begins && f.err == nil && f.ended {
			err = breach("DATA %d after its end", h.id)
		}
		if f != nil && f.err != nil {
			f = nil // nobody waits for it
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
		switch {
		case st.instreams[h.id] != f: // its call has ended
			f.part = nil
			st.drop(f)
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
		if ok = st.instreams[f.id] == f; ok {
			ok = st.holdInstream(f, want-p.held, &r.s.limits)
		}
	})
	if ok {
		p.held = want
		*p.buf = slices.Grow(*p.buf, want-len(*p.buf))
	}
	return ok
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
	if f.taken.memory != nil {
		*f.taken.memory = reuse(&f.dec, *f.taken.memory)
		putMessage(f.taken.memory)
		f.taken = itemBlock{}
	}
	f.s.update(func(*state) {
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
	return err
}

// ate gives an item back to the peer as credit, in due time.
func (f *instream) ate(n int) {
	if f.eaten += n; f.eaten < f.s.limits.StreamWindow/2 {
		return
	}
	f.s.update(func(st *state) {
		st.releaseInstream(f, min(f.eaten, f.held))
		if st.instreams[f.id] != f || f.ended || st.err != nil {
			return
		}
		f.credit += f.eaten
		st.out = appendSessionHead(st.out, frameCredit, 0, f.id, uvarintLen(uint64(f.eaten)))
		st.out = binary.AppendUvarint(st.out, uint64(f.eaten))
	})
	f.eaten = 0
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

// deliver hands the items that have come to a request.
func (f *instream) deliver(req *rpc.Request) error {
	for {
		item, err := f.item()
		if item == nil || err != nil {
			if err == io.EOF { //nolint:errorlint // is item's own
				err = nil
			}
			return err
		}
		if err := f.decode(item, func(src value.Source) error { return rpc.DeliverItem(src, req) }); err != nil {
			return err
		}
		f.ate(len(item))
	}
}

// next waits for the next item and puts it into dst.
func (f *instream) next(ctx context.Context, dst any) error {
	for {
		item, err := f.item()
		if err != nil {
			return err
		}
		if item != nil {
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
