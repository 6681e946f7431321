package native

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// ErrNoSession: the peer has logged in, but does not speak the session. It is a
// Python program, a Listener, or a Server without a Handler.
var ErrNoSession = errors.New("the peer takes objects, not calls: it is a Python program or a Listener (use DialConn), or a Server without Handler")

// attempt is one attempt to connect, which all calls wait for that need it.
type attempt struct {
	done    chan struct{} // closed when the outcome is there
	session *session
	err     error
}

// connect makes one attempt to connect. The session it returns has exchanged
// HELLOs and is on the list.
func (c *Client) connect(ctx context.Context) (*session, error) {
	fail := func(err error) (*session, error) {
		err = &rpc.LinkError{Sent: rpc.NotSent, Op: "dial " + c.url, Err: err}
		c.connectFailed(err)
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.DialTimeout)
	defer cancel()
	stop := context.AfterFunc(c.life, cancel)
	defer stop()
	nc, err := dial(ctx, c.url)
	if err != nil {
		return fail(err)
	}
	secured, result, err := c.in.dial(ctx, nc, true)
	if err == nil && c.in.auth != nil && !result.Session {
		err = ErrNoSession
	}
	if err != nil {
		nc.Close()
		return fail(err)
	}
	s := newSession(context.Background(), secured, sessionConfig{
		dialer:      true,
		handler:     c.cfg.Handler,
		identity:    result.Identity,
		limits:      c.cfg.Limits,
		callTimeout: c.cfg.CallTimeout,
		events:      c.cfg.Events,
		ledger:      &c.ledger,
		retire:      func(s *session) { c.live.CompareAndSwap(s, nil) },
		logger:      c.cfg.Logger,
	})
	if !c.start(s) {
		secured.Close()
		return fail(ErrClosed)
	}
	select {
	case <-s.ready:
		return s, nil
	case <-s.gone:
		err = s.ended()
	case <-ctx.Done():
		err = ctx.Err()
		s.end(ErrClosed)
		<-s.gone
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, ErrPeerDead) || ctx.Err() != nil {
		err = fmt.Errorf("the peer did not begin the session; is it a Server with a Handler? %w", err)
	}
	return fail(err)
}

// start runs a session, unless the client is closed.
func (c *Client) start(s *session) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.sessions[s] = struct{}{}
	c.work.Go(func() {
		s.run()
		c.over(s)
	})
	return true
}

// over takes a session that has ended off the list.
func (c *Client) over(s *session) {
	c.live.CompareAndSwap(s, nil)
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sessions, s)
	c.past.bury(s)
}

// ready returns a session to call on. Without one it waits for the attempt that
// is under way, or begins one: no call fails for an attempt that failed before
// it was made.
func (c *Client) ready(p *patience) (*session, error) {
	for {
		c.mu.Lock()
		if c.closed {
			c.mu.Unlock()
			return nil, ErrClosed
		}
		if s := c.live.Load(); s != nil && s.usable() {
			c.mu.Unlock()
			return s, nil
		}
		if err := c.backoff.refused(); err != nil {
			c.mu.Unlock()
			return nil, err
		}
		a := c.attempt
		if a == nil {
			a = &attempt{done: make(chan struct{})}
			c.attempt = a
			wait := c.backoff.wait()
			c.work.Go(func() { c.try(a, wait) })
		}
		c.mu.Unlock()
		if err := p.wait(a.done); err != nil {
			return nil, err
		}
		if a.err == nil {
			return a.session, nil
		}
		if !c.cfg.WaitForReady || loginFailed(a.err) || errors.Is(a.err, ErrClosed) {
			return nil, a.err
		}
	}
}

// connectFailed counts an attempt to connect that has failed.
func (c *Client) connectFailed(err error) {
	if c.life.Err() != nil {
		return // this side has ended it
	}
	c.ledger.connectFailed()
	if f := c.cfg.Events.ConnectFailed; f != nil {
		f(err)
	}
	c.cfg.Logger.LogAttrs(c.life, slog.LevelInfo, "connect_fail", slog.String("peer", c.url),
		slog.String("transport", "native"), errorAttr(err))
}

// try is an attempt, after a wait.
func (c *Client) try(a *attempt, wait time.Duration) {
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.life.Done():
		}
	}
	a.session, a.err = c.connect(c.life)
	c.mu.Lock()
	c.attempt = nil
	c.backoff.note(a.err)
	if a.err == nil {
		c.live.Store(a.session)
	}
	c.mu.Unlock()
	close(a.done)
}

const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = 2 * time.Second
	// authRetry is how long a login that failed is not tried again.
	authRetry = 5 * time.Second
)

// backoff spreads the attempts of clients that have lost the same server: each
// waits for a random part of a time that doubles ("full jitter").
type backoff struct {
	failures int
	auth     error // the last attempt was a login that failed
	until    time.Time
}

// note takes the outcome of an attempt.
func (b *backoff) note(err error) {
	switch {
	case err == nil:
		*b = backoff{}
	case loginFailed(err):
		b.auth, b.until = err, time.Now().Add(authRetry)
	default:
		b.failures++
		b.auth, b.until = nil, time.Now().Add(spread(b.failures))
	}
}

// loginFailed reports whether an attempt has failed in a way that another one
// will not mend. A peer that says nothing may be one that is stopped, or has too
// much to do.
func loginFailed(err error) bool {
	return errors.Is(err, ErrAuth) && !errors.Is(err, os.ErrDeadlineExceeded)
}

// spread returns a random part of a time that doubles with each failure.
func spread(failures int) time.Duration {
	return rand.N(min(firstRetry<<min(failures-1, 16), lastRetry))
}

// wait returns how long the next attempt has to wait.
func (b *backoff) wait() time.Duration {
	if b.auth != nil {
		return 0
	}
	return time.Until(b.until)
}

// refused returns the failed login that is not tried again yet, nil if there is
// none.
func (b *backoff) refused() error {
	if b.auth != nil && time.Now().Before(b.until) {
		return b.auth
	}
	return nil
}
