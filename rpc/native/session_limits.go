package native

import (
	"fmt"
	"time"
)

// Limits are the bounds of a session, on the side that sets them. The zero value
// is the default.
type Limits struct {
	// MaxMessage is the largest message accepted, in bytes: the arguments or the
	// result of a call. Zero means 16 MiB; at least 64 KiB. The peer knows it and
	// sends no larger one.
	MaxMessage int
	// MaxCalls is how many calls of the peer may be unanswered at once. Zero
	// means 1024. The peer knows it, and lets further callers wait.
	MaxCalls int
	// MaxBuffered bounds what the calls of the peer take in memory together, in
	// bytes of their messages: those that have begun to arrive and those that are
	// not answered yet. A call beyond it is answered with a fault. As much again
	// is for the values that large calls are decoded to: those that find no room
	// for them wait until others have returned. Zero means 64 MiB; at least
	// MaxMessage.
	MaxBuffered int
	// StreamWindow is how many bytes of one stream may have come and wait to be
	// taken by the function or loop that reads it, beyond one item. Zero means 256
	// KiB; at least 64 KiB, at most half of MaxBuffered. More is faster over a long
	// way: a window arrives in each round trip at most. All streams of a connection
	// together, with the values of the items that functions have at the moment, are
	// bounded by MaxBuffered; one beyond it is broken off.
	StreamWindow int
	// PingAfter is how long nothing may come from the peer before it is asked for
	// a sign of life. Zero means 5 s.
	PingAfter time.Duration
	// DeadAfter is how long no frame may begin to come, or how long the peer may
	// take nothing of what is sent, before the session ends with ErrPeerDead. Zero
	// means 15 s; at least PingAfter.
	DeadAfter time.Duration

	keys keyLimits // inside TLS
}

const (
	minMaxMessage      = 64 << 10
	defaultMaxCalls    = 1024
	defaultMaxBuffered = 64 << 20
	minStreamWindow    = 64 << 10
	defaultWindow      = 256 << 10
	defaultPingAfter   = 5 * time.Second
	defaultDeadAfter   = 15 * time.Second

	// maxQueued bounds the bytes that wait to be written. Calls beyond it wait
	// under their own context.
	maxQueued = 1 << 20
	// ownQueue is how much of that is not counted in the budget of the server.
	ownQueue = 128 << 10
	// maxQueuedControl bounds it for what cannot wait: answers to a PING, refusals
	// and cancellations. A peer that causes more of them without reading any ends
	// its session.
	maxQueuedControl = maxQueued + 128<<10
)

// withDefaults puts the defaults in place of zeros.
func (l Limits) withDefaults() (Limits, error) {
	set := func(v *int, initial int) {
		if *v == 0 {
			*v = initial
		}
	}
	set(&l.MaxMessage, defaultMaxMessage)
	set(&l.MaxCalls, defaultMaxCalls)
	set(&l.MaxBuffered, max(defaultMaxBuffered, l.MaxMessage))
	maxWindow := min(maxCredit/2, max(minStreamWindow, l.MaxBuffered/2))
	set(&l.StreamWindow, min(defaultWindow, maxWindow))
	if l.PingAfter == 0 {
		l.PingAfter = defaultPingAfter
		if l.DeadAfter > 0 {
			l.PingAfter = min(l.PingAfter, l.DeadAfter)
		}
	}
	l.keys = l.keys.withDefaults()
	if l.DeadAfter == 0 {
		l.DeadAfter = max(defaultDeadAfter, l.PingAfter)
	}
	switch {
	case l.MaxMessage < minMaxMessage || l.MaxMessage > 1<<30:
		return l, fmt.Errorf("MaxMessage: got %d; want 0 (%d), or %d to %d bytes", l.MaxMessage, defaultMaxMessage, minMaxMessage, 1<<30)
	case l.MaxCalls < 0 || l.MaxCalls > 1<<20:
		return l, fmt.Errorf("MaxCalls: got %d; want 0 (%d), or 1 to %d", l.MaxCalls, defaultMaxCalls, 1<<20)
	case l.MaxBuffered < l.MaxMessage:
		return l, fmt.Errorf("MaxBuffered: got %d; want 0 (%d), or at least MaxMessage (%d)", l.MaxBuffered, defaultMaxBuffered, l.MaxMessage)
	case l.StreamWindow < minStreamWindow || l.StreamWindow > maxWindow:
		return l, fmt.Errorf("StreamWindow: got %d; want 0 (%d), or %d to half of MaxBuffered (%d)", l.StreamWindow, defaultWindow, minStreamWindow, maxWindow)
	case l.PingAfter < 0:
		return l, fmt.Errorf("PingAfter: got %v; want 0 (%v) or more", l.PingAfter, defaultPingAfter)
	case l.DeadAfter < l.PingAfter:
		return l, fmt.Errorf("DeadAfter: got %v; want 0 (%v), or at least PingAfter (%v)", l.DeadAfter, defaultDeadAfter, l.PingAfter)
	}
	return l, nil
}
