package native

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
)

// defaultHandshakeTimeout bounds the challenge, from the connection to the last
// #WELCOME#.
const defaultHandshakeTimeout = 5 * time.Second

// handshakeResult is what the challenge has shown.
type handshakeResult struct {
	// Identity is who the peer has proved to be: the identity of the key.
	Identity rpc.Identity
	// Session: both sides offered the session, and it is spoken from now on.
	// Otherwise the peer sends objects.
	Session bool
	// Tagged: the peer is of our own kind, not Python.
	Tagged bool
	// Login: the peer has logged in without the challenge, so that nothing has told
	// yet what it speaks.
	Login bool
	// Dialect is how the peer answered the challenge; dialectUnknown without one.
	Dialect dialect

	admission *admission // on the accepting side; nil without a login
}

// serverHandshake runs the challenge in the listener's role: it speaks first.
// It takes at most 5 s, or until ctx ends. Afterwards nc has no deadline, and
// not a byte that follows the handshake was read. After an error nc is of no
// more use; the caller closes it.
func serverHandshake(ctx context.Context, nc net.Conn, a Auth, offerSession bool) (handshakeResult, error) {
	h := handshake{auth: a, role: listenerRole, offer: offerSession}
	return h.run(ctx, nc)
}

// clientHandshake is serverHandshake in the dialer's role.
func clientHandshake(ctx context.Context, nc net.Conn, a Auth, offerSession bool) (handshakeResult, error) {
	h := handshake{auth: a, role: dialerRole, offer: offerSession}
	return h.run(ctx, nc)
}

// handshake is one run of the challenge.
type handshake struct {
	auth    Auth
	role    role
	offer   bool          // offer the session
	timeout time.Duration // zero means defaultHandshakeTimeout
	proved  func()        // if set, called when the peer has proved its key

	keys []authkey
	nc   net.Conn
	in   *frameReader
	out  []byte // messages, framed, not written yet
}

// errHandshakeTimeout is the cause of a handshake's own deadline, in contrast
// to the caller's.
var errHandshakeTimeout = errors.New("the time for the handshake is over")

func (h *handshake) run(ctx context.Context, nc net.Conn) (handshakeResult, error) {
	var err error
	if h.keys, err = authkeysOf(h.auth); err != nil {
		return handshakeResult{}, err
	}
	if h.timeout == 0 {
		h.timeout = defaultHandshakeTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, h.timeout, errHandshakeTimeout)
	defer cancel()
	release := interrupt(ctx, nc.SetDeadline)
	defer release()

	h.nc = nc
	h.in = newFrameReader(nc, maxHandshake, 2*(maxHandshake+headerSize))
	var result handshakeResult
	if h.role == listenerRole {
		result, err = h.listener()
	} else {
		result, err = h.dialer()
	}
	if err == nil {
		return result, nil
	}
	if cause := context.Cause(ctx); cause != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		if errors.Is(cause, errHandshakeTimeout) {
			return handshakeResult{}, fmt.Errorf("%w: it did not come to an end within %v; is an authkey set there? Or does it speak TLS (tls://), or XML-RPC (http://)? %w", ErrNoChallenge, h.timeout, err)
		}
		err = fmt.Errorf("%w (%w)", err, cause)
	}
	return handshakeResult{}, err
}

// listener challenges, then is challenged.
func (h *handshake) listener() (result handshakeResult, err error) {
	own := h.challenge()
	if err := h.flush(); err != nil {
		return result, err
	}
	response, err := h.read("the answer to our challenge")
	if err != nil {
		return result, h.fail(err)
	}
	index, peer, err := verify(h.keys, own, response, h.auth.AllowMD5())
	if err != nil {
		return result, h.fail(err)
	}
	if h.proved != nil {
		h.proved()
	}
	h.add([]byte(welcome))
	// A dialer of our own kind has sent its challenge along with its answer, and
	// then gets ours along with the welcome. Python waits for the welcome first.
	if h.in.buffered() == 0 {
		if err := h.flush(); err != nil {
			return result, err
		}
	}
	key := h.keys[index]
	t, err := h.answer(own, key.key, peer)
	if err != nil {
		return result, err
	}
	if err := h.flush(); err != nil {
		return result, err
	}
	// The last message is read exactly: what follows it is no longer ours.
	if h.in.buffered() > 0 {
		return result, fmt.Errorf("%w: more bytes came than a handshake has", ErrNoChallenge)
	}
	h.in = newFrameReader(h.nc, maxHandshake, 0)
	if err := h.awaitWelcome(); err != nil {
		return result, err
	}
	return handshakeResult{Identity: key.identity, Session: h.offer && t.session, Tagged: t.role != 0, Dialect: peer}, nil
}

// dialer is challenged, then challenges.
func (h *handshake) dialer() (result handshakeResult, err error) {
	key := h.keys[0]
	message, t, err := h.readChallenge(nil)
	if errors.Is(err, io.EOF) {
		return result, fmt.Errorf("%w: the peer closed the connection without a word: it may speak TLS (tls://) or XML-RPC (http://), be full, or not admit this address", err)
	}
	if err != nil {
		return result, err
	}
	response, spoken, err := respond(key.key, message, dialectUnknown, h.auth.AllowMD5())
	if err != nil {
		return result, err
	}
	h.add(response)
	var own []byte
	if t.role != 0 {
		own = h.challenge() // one write: see listener
	}
	if err := h.flush(); err != nil {
		return result, err
	}
	if err := h.awaitWelcome(); err != nil {
		if spoken == dialectSHA256 && errors.Is(err, ErrKeyRefused) {
			err = errMD5("challenge", "it asks for HMAC-MD5, and was given SHA-256, which it has refused", h.auth.AllowMD5())
		}
		return result, err
	}
	if own == nil {
		own = h.challenge()
		if err := h.flush(); err != nil {
			return result, err
		}
	}
	if response, err = h.read("the answer to our challenge"); err != nil {
		return result, h.fail(err)
	}
	// The listener has to prove the key that we have used: it has just said that
	// it knows it.
	_, peer, err := verify(h.keys[:1], own, response, h.auth.AllowMD5())
	if err != nil {
		return result, h.fail(err)
	}
	if h.in.buffered() > 0 {
		return result, fmt.Errorf("%w: more bytes came than a handshake has", ErrNoChallenge)
	}
	h.add([]byte(welcome))
	if err := h.flush(); err != nil {
		return result, err
	}
	return handshakeResult{Identity: key.identity, Session: h.offer && t.session, Tagged: t.role != 0, Dialect: peer}, nil
}

// challenge adds a new challenge to what is written next, and returns its
// message.
func (h *handshake) challenge() []byte {
	framed := appendChallenge([]byte(challengePrefix), h.role, h.offer)
	h.add(framed)
	return framed[len(challengePrefix):]
}

// answer reads a challenge and adds the response to what is written next. own
// is our message on this connection.
func (h *handshake) answer(own, key []byte, peer dialect) (tag, error) {
	message, t, err := h.readChallenge(own)
	if err != nil {
		return t, err
	}
	response, _, err := respond(key, message, peer, h.auth.AllowMD5())
	if err != nil {
		return t, err
	}
	h.add(response)
	return t, nil
}

// readChallenge reads a challenge that a peer in the other role may send.
func (h *handshake) readChallenge(own []byte) ([]byte, tag, error) {
	b, err := h.read("a challenge")
	if err != nil {
		return nil, tag{}, err
	}
	message, ok := bytes.CutPrefix(b, []byte(challengePrefix))
	if !ok {
		return nil, tag{}, fmt.Errorf("%w: expected a challenge, got %s; is an authkey set there?", ErrNoChallenge, describe(b))
	}
	t, err := parseTag(message)
	if err != nil {
		return nil, t, err
	}
	if t.role == h.role || own != nil && bytes.Equal(message, own) {
		return nil, t, ErrReflected
	}
	return message, t, nil
}

// awaitWelcome reads the verdict on our response.
func (h *handshake) awaitWelcome() error {
	b, err := h.read("the verdict on our answer")
	switch {
	case err != nil:
		return err
	case string(b) == welcome:
		return nil
	case string(b) == failure:
		return ErrKeyRefused
	}
	return fmt.Errorf("%w: expected %s or %s, got %s", ErrNoChallenge, welcome, failure, describe(b))
}

// read reads one message. what names it in errors.
func (h *handshake) read(what string) ([]byte, error) {
	b, err := h.in.next(nil)
	switch {
	case err == nil:
		return b, nil
	case isTLS(h.in.head[:]):
		return nil, fmt.Errorf("%w: it began with TLS: serve it on tls://, or have it use tcp:// (%w)", ErrNoChallenge, err)
	case errors.Is(err, ErrTooLarge), errors.Is(err, ErrFrame):
		return nil, fmt.Errorf("%w: expected %s of at most %d bytes, got \"%s\": %w", ErrNoChallenge, what, maxHandshake,
			value.Clip(string(h.in.head[:headerSize]), headerSize), err)
	}
	return nil, fmt.Errorf("handshake: waiting for %s: %w", what, err)
}

// add frames a message that the next flush writes.
func (h *handshake) add(message []byte) {
	h.out = append(appendFrameHeader(h.out, len(message)), message...)
}

// flush writes all that was added, in one write.
func (h *handshake) flush() error {
	_, err := h.nc.Write(h.out)
	h.out = h.out[:0]
	if err != nil {
		return fmt.Errorf("handshake: write: %w", err)
	}
	return nil
}

// fail tells the peer that its answer is not accepted, and returns err.
func (h *handshake) fail(err error) error {
	if errors.Is(err, ErrAuth) {
		h.out = h.out[:0]
		h.add([]byte(failure))
		if h.flush() == nil {
			linger(h.nc)
		}
	}
	return err
}

// lingerTime and lingerSize bound the wait for a peer to take a last message.
const (
	lingerTime = 250 * time.Millisecond
	lingerSize = 64 << 10
)

// linger ends our side of nc and reads what still comes: closing a socket with
// unread bytes resets it, and the peer would lose what was written last.
func linger(nc net.Conn) { lingerOver(nc, lingerSize) }

// lingerOver is linger where up to size bytes may still come.
func lingerOver(nc net.Conn, size int) {
	w, ok := nc.(interface{ CloseWrite() error })
	if !ok || w.CloseWrite() != nil || nc.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, nc, int64(size)) // whatever ends it, nc is closed next
}

// interrupt makes the reads and writes that set governs (SetDeadline,
// SetReadDeadline or SetWriteDeadline of a connection) fail promptly with
// os.ErrDeadlineExceeded when ctx ends. The release that it returns must be
// called; after it there is no deadline.
func interrupt(ctx context.Context, set func(time.Time) error) (release func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		_ = set(longAgo) // fails on a closed connection only
	})
	return func() {
		if !stop() {
			<-done
			_ = set(time.Time{})
		}
	}
}
