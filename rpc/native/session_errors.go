package native

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// Why a session ended. Callers meet these inside of an [rpc.LinkError], which
// says whether their call was sent.
var (
	// ErrClosed: this side has closed the session.
	ErrClosed = errors.New("the session is closed")
	// ErrGoingAway: the peer shuts down. It answers what it has accepted and
	// takes no more calls.
	ErrGoingAway = errors.New("the peer is shutting down")
	// ErrPeerDead: nothing came from the peer for as long as DeadAfter says, or
	// it took nothing for as long.
	ErrPeerDead = errors.New("the peer is dead or stopped")
	// ErrInline: a function that is registered with [rpc.Short] has made a call,
	// of whatever connection, under its own context. It runs on the goroutine
	// that reads its connection, and would wait there for what it keeps from
	// being read. Nothing was sent.
	ErrInline = errors.New("a short function cannot make calls: it would hold up its own connection; register it without rpc.Short")
	// ErrVersion: the two sides have no version of the session in common.
	ErrVersion = errors.New("no common version of the session protocol")
)

// ProtocolError is a breach of the session protocol. It ends the session, since
// nothing that follows can be trusted to mean what it seems to.
type ProtocolError struct {
	// ByUs says that the peer holds this side to have broken the protocol.
	ByUs bool
	// Text says what was expected and what came.
	Text string
}

// Error returns "the peer broke the session protocol: ...".
func (e *ProtocolError) Error() string {
	if e.ByUs {
		return "the peer says that this side broke the session protocol: " + e.Text
	}
	return "the peer broke the session protocol: " + e.Text
}

func breach(format string, args ...any) error {
	return &ProtocolError{Text: fmt.Sprintf(format, args...)}
}

// lost is the error of a connection that ended without a farewell.
func lost(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the peer closed the connection: %w", io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("the connection broke: %w", err)
}

// callError is the error of a call whose link failed it.
func callError(sent rpc.Sent, method string, err error) error {
	return &rpc.LinkError{Sent: sent, Op: "call " + method, Err: err}
}

// versionError says that a HELLO has no version in common with ours.
func versionError(peer hello) error {
	return fmt.Errorf("%w: the peer speaks %d to %d, this side %d", ErrVersion, peer.lowest, peer.highest, sessionVersion)
}

// errLate is what a call fails with whose default time is over.
func errLate(c *call, length time.Duration) error {
	e := errNoItem{length: length}
	if c.streaming == nil {
		return errNoAnswer(length)
	}
	if e.takes = c.streaming.in != nil; e.takes {
		e.came = c.streaming.in.came
	}
	if e.sends = c.streaming.out != nil; e.sends {
		e.sent = c.streaming.out.sent
	}
	return e
}

// errNoItem is what a stream without a deadline of its own fails with that does not
// move any more.
type errNoItem struct {
	length       time.Duration
	takes, sends bool // which streams the call has
	came, sent   int  // items
}

func (e errNoItem) Error() string {
	what, moved := "no item came", fmt.Sprintf("%d had come", e.came)
	switch {
	case e.takes && e.sends:
		what, moved = "no item came or was sent", fmt.Sprintf("%s, %d were sent", moved, e.sent)
	case e.sends:
		what, moved = "no answer came, and no item was sent", fmt.Sprintf("%d were sent", e.sent)
	}
	return fmt.Sprintf("%s within %v, the default (%s); give the context a deadline, which bounds the whole stream, to wait longer", what, e.length, moved)
}

func (errNoItem) Is(target error) bool { return target == context.DeadlineExceeded }

// errNoAnswer is what a call without a deadline of its own fails with.
type errNoAnswer time.Duration

func (e errNoAnswer) Error() string {
	return fmt.Sprintf("no answer within %v, the default; give the context a deadline to wait longer", time.Duration(e))
}

func (errNoAnswer) Is(target error) bool { return target == context.DeadlineExceeded }
