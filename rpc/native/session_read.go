package native

import (
	"bufio"
	"encoding/binary"
	"io"
	"slices"
	"time"
)

const (
	// readBuffer is what an idle session keeps for reading, in bytes. The body of
	// a frame that does not fit is read past it.
	readBuffer = 4 << 10

	// maxNames and maxName bound the method names that a reader remembers, so as
	// to take no memory for them again.
	maxNames = 256
	maxName  = 64
)

// reader is the receiving side of a session. It runs on one goroutine, waits
// for nothing but the connection, and runs no code of users. session_parts.go
// has what it does with messages.
type reader struct {
	s     *session
	in    *bufio.Reader
	parts map[uint64]*part  // messages that have begun to arrive, by id
	held  int               // bytes of the RESULTs among them
	names map[string]string // methods that were called
}

func newReader(s *session) *reader {
	return &reader{s: s, in: bufio.NewReaderSize(s, readBuffer)}
}

// run reads frames until it cannot, and says why.
func (r *reader) run() error {
	defer r.dropAll()
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
	_, err = r.in.Discard(headerSize + n)
	return h, err
}

// peek returns the body of a frame for which fits is true. It stays to be
// discarded.
func (r *reader) peek(h frameHead) ([]byte, error) { return r.in.Peek(h.body) }

func fits(h frameHead) bool { return h.body <= readBuffer }

// read appends the body of a frame to *b.
func (r *reader) read(b *[]byte, h frameHead) error {
	if h.body <= r.in.Buffered() {
		body, err := r.in.Peek(h.body)
		if err != nil {
			return err
		}
		*b = append(*b, body...)
		return r.discard(h)
	}
	at := len(*b)
	*b = slices.Grow(*b, h.body)[:at+h.body]
	_, err := io.ReadFull(r.in, (*b)[at:])
	return err
}

func (r *reader) discard(h frameHead) error {
	_, err := r.in.Discard(h.body)
	return err
}

// frame takes one frame.
func (r *reader) frame(h frameHead) error {
	switch {
	case h.kind >= frameExtension:
		return r.discard(h)
	case h.kind == frameCall, h.kind == frameResult:
		return r.message(h)
	case h.kind == frameFault:
		return r.fault(h)
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
	if len(body) > 0 && h.kind != frameGoaway && h.kind != frameHello {
		return breach("%s with a body of %d bytes: expected none", h.kind, len(body))
	}
	s := r.s
	switch h.kind {
	case frameCancel:
		return r.cancel(h.id)
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

// name returns the name of a method as a string.
func (r *reader) name(b []byte) string {
	if name, ok := r.names[string(b)]; ok {
		return name
	}
	name := string(b)
	if len(r.names) < maxNames && len(name) <= maxName {
		if r.names == nil {
			r.names = map[string]string{}
		}
		r.names[name] = name
	}
	return name
}
