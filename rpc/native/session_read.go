package native

import (
	"encoding/binary"
	"slices"
	"time"
)

const (
	// maxNames and maxName bound the methods that a reader remembers, so as to
	// take no memory for their names again.
	maxNames = 256
	maxName  = 64
)

// reader is the receiving side of a session. It runs on one goroutine and waits
// for nothing but the connection. The only code of users that it runs is that of
// functions which are registered as short. session_parts.go has what it does with
// messages, session_batch.go how many of them are handed over at once.
type reader struct {
	s     *session
	in    inflow
	parts map[uint64]*part  // messages that have begun to arrive, by id
	held  int               // bytes of the RESULTs among them
	names map[string]method // that were called
	batch batch             // what was read and not handed over

	unwanted int // calls among the parts that are not accepted
}

func newReader(s *session) *reader {
	r := &reader{s: s}
	r.in = inflow{s: s, before: r.handOver}
	r.in.raw = newMemorylessReader(s.nc, &r.in)
	return r
}

// run reads frames until it cannot, and says why. What came before the reason is
// still done, and may be a reason itself.
func (r *reader) run() (err error) {
	defer r.dropAll()
	defer func() {
		if first := r.handOver(); first != nil {
			err = first
		}
	}()
	if err := r.greet(); err != nil {
		return err
	}
	for {
		h, err := r.head()
		if err != nil {
			return err
		}
		if err := r.frame(h); err != nil {
			return err
		}
	}
}

// greet reads the peer's HELLO. Nothing but our own is sent before.
func (r *reader) greet() error {
	h, err := r.head()
	if err != nil {
		return err
	}
	if h.kind != frameHello {
		return breach("expected HELLO first, got %s", h.kind)
	}
	if h.id != 0 {
		return breach("HELLO %d: expected id 0", h.id)
	}
	body, err := r.peek(h)
	if err != nil {
		return err
	}
	peer, err := parseHello(body)
	if err != nil {
		return breach("%v", err)
	}
	if err := r.discard(h); err != nil {
		return err
	}
	if peer.lowest > sessionVersion || peer.highest < sessionVersion {
		return versionError(peer)
	}
	r.s.hello = peer
	r.s.update(func(st *state) {
		if !st.lingering {
			r.s.nc.SetReadDeadline(time.Time{})
		}
	})
	r.s.tellBegan()
	r.s.startPinger()
	close(r.s.ready)
	return nil
}

// head reads the head of the next frame.
func (r *reader) head() (frameHead, error) {
	r.s.frames++
	b, err := r.in.Peek(headerSize)
	if err != nil {
		return frameHead{}, err
	}
	size := binary.BigEndian.Uint32(b)
	if size > maxFrameHead+maxBody {
		return frameHead{}, breach("a frame of %d bytes, at most %d are allowed", size, maxFrameHead+maxBody)
	}
	b, err = r.in.Peek(headerSize + min(int(size), maxFrameHead))
	if err != nil {
		return frameHead{}, err
	}
	h, n, err := parseFrameHead(b[headerSize:], int(size))
	if err != nil {
		return h, breach("%v", err)
	}
	return h, r.in.Discard(headerSize + n)
}

// peek returns the body of a frame for which fits is true. It stays to be
// discarded.
func (r *reader) peek(h frameHead) ([]byte, error) { return r.in.Peek(h.body) }

// whole reports whether a frame is a message that goes into the batch.
func (r *reader) whole(h frameHead) bool {
	return (h.kind == frameCall || h.kind == frameResult) && !h.more() && fits(h) && r.parts[h.id] == nil
}

func fits(h frameHead) bool { return h.body <= inflowSize }

// read appends the body of a frame to *b.
func (r *reader) read(b *[]byte, h frameHead) (err error) {
	*b, err = r.in.Read(slices.Grow(*b, h.body), h.body)
	return err
}

func (r *reader) discard(h frameHead) error { return r.in.Discard(h.body) }

// frame takes one frame.
func (r *reader) frame(h frameHead) error {
	if r.batch.full() || !r.whole(h) {
		if err := r.handOver(); err != nil {
			return err
		}
	}
	switch {
	case h.kind >= frameExtension:
		return r.discard(h)
	case h.kind == frameCall, h.kind == frameResult:
		return r.message(h)
	case h.kind == frameFault:
		return r.fault(h)
	case h.kind == frameData:
		return r.data(h)
	}
	body, err := r.peek(h)
	if err != nil {
		return err
	}
	if err := r.control(h, body); err != nil {
		return err
	}
	return r.discard(h)
}

// control takes a frame about calls or the session itself.
func (r *reader) control(h frameHead, body []byte) error {
	if len(body) > 0 && h.kind != frameGoaway && h.kind != frameHello && h.kind != frameCredit {
		return breach("%s with a body of %d bytes: expected none", h.kind, len(body))
	}
	s := r.s
	switch h.kind {
	case frameCancel:
		return r.cancel(h.id)
	case frameCredit:
		in := cursor{rest: body}
		if n := in.uvarint(); !in.bad && len(in.rest) == 0 {
			return s.credit(h.id, n)
		}
		return breach("CREDIT %d without a number", h.id)
	case framePing:
		return s.urgent(func(st *state) { st.out = appendSessionHead(st.out, framePong, 0, h.id, 0) })
	case framePong:
		return s.ponged(h.id)
	case frameGoaway:
		g, err := parseGoaway(body)
		if err != nil {
			return breach("%v", err)
		}
		return s.peerLeaves(h.id, g)
	case frameHello:
		return breach("a second HELLO")
	}
	return breach("a frame of %s, which version %d of the session does not have", h.kind, sessionVersion)
}

// method is what a reader remembers of one that was called. It is not short if it
// was registered after that.
type method struct {
	name  string
	short bool
}

// method returns the method of a name.
func (r *reader) method(b []byte) method {
	if m, ok := r.names[string(b)]; ok {
		return m
	}
	m := method{name: string(b)}
	m.short = r.s.short != nil && r.s.short.Short(m.name)
	if len(r.names) < maxNames && len(b) <= maxName {
		if r.names == nil {
			r.names = map[string]method{}
		}
		r.names[m.name] = m
	}
	return m
}
