package native

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/parley-rpc/parley/internal/limits"
	"github.com/parley-rpc/parley/rpc/value"
)

const (
	defaultMaxConns = 1024

	// Connections that have not proved anything yet.
	maxPending         = 64
	maxPendingPerHost  = 8
	maxPendingLoopback = 32 // loopback and unix sockets: one host of many programs
	// crowd is how many times as many a host may have while they are new. Without it
	// one that connects fast enough would take all places, and honest peers would
	// have to leave in the middle of their argon2id.
	crowd = 8

	// loginGrace is how long a connection may say nothing before it has to make
	// room for another: those of many honest peers may come at once.
	loginGrace = 500 * time.Millisecond
	// argonGrace is loginGrace where a client may have to work for its proof, as
	// argon2id does.
	argonGrace = 2 * time.Second
	// proofGrace is the same for one that has proved its key: all that is missing
	// is a round trip.
	proofGrace = time.Second

	// maxRefusals is how many lines a second a listener logs about logins that
	// failed.
	maxRefusals = 10

	firstBackoff = 5 * time.Millisecond
	lastBackoff  = time.Second
)

// acceptorConfig is what an acceptor needs; only deliver must be set.
type acceptorConfig struct {
	auth         Auth   // the keys of the challenge; nil: there is none
	login        *login // how peers log in without it; nil as well: they are taken as they are
	offerSession bool
	timeout      time.Duration  // of the challenge; zero means 5 s
	maxConns     int            // accepted and not done, in handshake or after; zero means 1024
	allowFrom    []netip.Prefix // nil admits every address
	logger       *slog.Logger
	entrance     *entrance // counts them; nil: nobody wants to know

	// deliver takes over a connection that has logged in. It is called on the
	// connection's own goroutine, which wait waits for, and owns nc. done gives
	// the connection's place back and is called exactly once, when nc is closed.
	deliver func(nc net.Conn, result handshakeResult, done func())
}

// acceptor runs the accept loop of a listener and a handshake for each
// connection, on a goroutine of its own.
//
//	accept -> admit (address, places) -> handshake -> deliver
//
// Silent connections cannot lock out others: when there is no place for a
// newcomer, the oldest connection that has proved nothing yet makes room, or
// else the one that has been silent longest since it has.
type acceptor struct {
	acceptorConfig
	listener net.Listener
	ctx      context.Context // ends with stop; the parent of every handshake
	cancel   context.CancelFunc

	loop       sync.WaitGroup // the accept loop and the handshakes
	deliveries sync.WaitGroup // calls of deliver
	admitted   *admissions    // what has logged in and is open

	mu      sync.Mutex
	pending []*pendingConn  // guarded by mu; oldest first
	conns   int             // guarded by mu; pending ones and those delivered, not done
	err     error           // guarded by mu; why the loop ended
	limited limits.Lines    // guarded by mu; of rate_limited
	refused limits.Lines    // guarded by mu; of auth_fail
	wrong   limits.Failures // guarded by mu
	ended   chan struct{}   // closed by the loop when it ends
}

// pendingConn is a connection before it is delivered.
type pendingConn struct {
	nc      net.Conn
	host    netip.Addr // as hostOf; logins are counted by it
	started time.Time
	silent  time.Time // guarded by acceptor.mu; since when nothing is known to have come
	secured bool      // guarded by acceptor.mu; its TLS handshake is made
	proved  bool      // guarded by acceptor.mu
	evicted bool      // guarded by acceptor.mu
}

// startAcceptor accepts from l, which it owns from now on, until stop.
func startAcceptor(l net.Listener, cfg acceptorConfig) *acceptor {
	if cfg.maxConns == 0 {
		cfg.maxConns = defaultMaxConns
	}
	if cfg.logger == nil {
		cfg.logger = slog.Default()
	}
	a := &acceptor{acceptorConfig: cfg, listener: l, ended: make(chan struct{}), admitted: newAdmissions()}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	a.admitted.watch(a.judge())
	a.loop.Go(a.run)
	return a
}

// stop ends the accept loop and every handshake, and waits for both. What was
// delivered goes on. It may be called more than once.
func (a *acceptor) stop() {
	a.cancel()
	a.listener.Close()
	a.loop.Wait()
	a.mu.Lock()
	suppressed := a.refused.Rest()
	a.mu.Unlock()
	if suppressed > 0 {
		a.logger.Warn("auth_fail", "transport", "native", "outcome", "the listener is closed", "suppressed", suppressed)
	}
}

// wait waits, after stop, for every deliver to return. What is open after that is
// not cut off any more when its login is revoked.
func (a *acceptor) wait() {
	a.deliveries.Wait()
	a.admitted.end()
}

// Close is stop and wait.
func (a *acceptor) Close() {
	a.stop()
	a.wait()
}

// failure is why the loop ended by itself; nil after stop. It is valid once
// ended is closed.
func (a *acceptor) failure() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}

func (a *acceptor) run() {
	defer close(a.ended)
	var backoff time.Duration
	for {
		nc, err := a.listener.Accept()
		if err == nil {
			backoff = 0
			a.admit(nc)
			continue
		}
		if a.ctx.Err() != nil {
			return
		}
		if !passing(err) {
			a.mu.Lock()
			a.err = err
			a.mu.Unlock()
			return
		}
		backoff = min(max(firstBackoff, 2*backoff), lastBackoff)
		a.logger.Warn("accept_retry", "error", err, "wait", backoff)
		select {
		case <-time.After(backoff):
		case <-a.ctx.Done():
			return
		}
	}
}

// passing reports whether an error of Accept goes away by itself: a lack of
// descriptors or memory, or a peer that left before it was accepted.
func passing(err error) bool {
	for _, e := range []error{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM,
		syscall.ECONNABORTED, syscall.ECONNRESET, syscall.EINTR, syscall.EAGAIN,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// admit gives nc a place and its goroutine, or closes it.
func (a *acceptor) admit(nc net.Conn) {
	peer := nc.RemoteAddr()
	a.entrance.opened()
	if !a.admits(peer) {
		nc.Close()
		a.refusal(peer, "outcome", "address not in AllowFrom")
		a.entrance.refuse(peer, "address not in AllowFrom")
		return
	}
	now := time.Now()
	p := &pendingConn{nc: nc, host: hostOf(peer), started: now, silent: now}
	a.mu.Lock()
	full, ok := "too many wrong keys from this address", false
	if a.wrong.Wait(p.host, now) == 0 {
		full, ok = a.place(p.host, now)
	}
	if ok {
		a.conns++
		a.pending = append(a.pending, p)
	}
	suppressed, tell := 0, false
	if full != "" {
		suppressed, tell = a.limited.Next(now, 1)
	}
	a.mu.Unlock()
	if tell {
		a.log(peer).Warn("rate_limited", "outcome", full, "connections", suppressed+1)
	}
	if !ok {
		nc.Close()
		a.entrance.refuse(peer, full)
		return
	}
	a.loop.Go(func() { a.handshake(p) })
}

// place makes room for a connection from host. full says which limit was met,
// if one was and somebody had to leave for it. Only the last limit, and the crowd
// of a host, are held against honest peers that come at the same time. It is called
// with mu held.
func (a *acceptor) place(host netip.Addr, now time.Time) (full string, ok bool) {
	sameHost := func(q *pendingConn) bool { return q.host == host }
	everyone := func(*pendingConn) bool { return true }
	fromHost := 0
	for _, q := range a.pending {
		if sameHost(q) {
			fromHost++
		}
	}
	perHost := maxPendingPerHost
	if host.IsLoopback() {
		perHost = maxPendingLoopback
	}
	for ; fromHost >= perHost && a.evict(sameHost, now, a.grace()); fromHost-- {
		full = "too many logins under way from this address"
	}
	for ; fromHost >= a.crowdOf(perHost, host) && a.evict(sameHost, now, 0); fromHost-- {
		full = "too many logins under way from this address"
	}
	for len(a.pending) >= maxPending && a.evict(everyone, now, a.grace()) {
		full = "too many logins under way"
	}
	if a.conns >= a.maxConns {
		return "too many connections", a.evict(everyone, now, 0)
	}
	return full, true
}

// crowdOf is how many logins of a host may be under way while they are new. Programs
// of this machine start by the hundred, and may have half of all places.
func (a *acceptor) crowdOf(perHost int, host netip.Addr) int {
	if host.IsLoopback() {
		return max(crowd*perHost, a.maxConns/2)
	}
	return crowd * perHost
}

// evict closes a pending connection among those that which selects, and frees
// its place at once: the oldest that has proved nothing for at least grace, one
// that has not made its TLS handshake first, or else the one that has been silent
// longest since its proof, for at least proofGrace. It is called with mu held.
func (a *acceptor) evict(which func(*pendingConn) bool, now time.Time, grace time.Duration) bool {
	var leaves, secured, proved *pendingConn
	for _, q := range a.pending {
		silent := now.Sub(q.silent)
		switch {
		case !which(q):
		case q.proved && silent >= proofGrace && (proved == nil || q.silent.Before(proved.silent)):
			proved = q
		case q.proved || silent < grace:
		case q.secured && secured == nil:
			secured = q
		case !q.secured:
			leaves = q
		}
		if leaves != nil {
			break
		}
	}
	if leaves = cmp.Or(leaves, secured, proved); leaves == nil {
		return false
	}
	leaves.evicted = true
	a.remove(leaves)
	a.conns--
	leaves.nc.Close()
	return true
}

// remove takes p from pending. It is called with mu held.
func (a *acceptor) remove(p *pendingConn) {
	if i := slices.Index(a.pending, p); i >= 0 {
		a.pending = slices.Delete(a.pending, i, i+1)
	}
}

// handshake logs p in and delivers it.
func (a *acceptor) handshake(p *pendingConn) {
	nc, result, err := a.logIn(a.ctx, p.nc, func(s loginStep) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if p.secured = true; s == stepProved {
			p.proved, p.silent = true, time.Now()
		}
	})
	stopped := a.ctx.Err() != nil

	a.mu.Lock()
	evicted := p.evicted
	if errors.Is(err, ErrUnproven) || wrongProof(err) {
		a.wrong.Note(p.host, time.Now())
	}
	if !evicted {
		a.remove(p)
		if err != nil || stopped {
			a.conns--
		}
	}
	a.mu.Unlock()

	log := a.log(p.nc.RemoteAddr())
	duration := slog.Duration("duration", time.Since(p.started))
	switch {
	case evicted || stopped: // neither is the peer's doing
		p.nc.Close()
		if stopped {
			a.entrance.closed()
		} else {
			a.entrance.refuse(p.nc.RemoteAddr(), "it made room for a newer one before its login")
		}
		return
	case err != nil:
		p.nc.Close()
		a.refusal(p.nc.RemoteAddr(), append(refusalAttrs(err), "outcome", "refused", duration)...)
		a.entrance.fail(p.nc.RemoteAddr(), err)
		return
	case a.guarded():
		identity, credential := identityAttrs(result.Identity)
		log = log.With(identity, credential)
		log.Info("auth_ok", "outcome", "admitted", duration)
		result.admission = a.admitted.add(p, result.Identity, a.judge())
	}
	done := sync.OnceFunc(func() {
		a.mu.Lock()
		a.conns--
		a.mu.Unlock()
		a.entrance.closed()
		if ad := result.admission; ad != nil {
			a.admitted.remove(ad)
			outcome := "closed"
			if ad.revoked() {
				outcome = "revoked"
			}
			log.Info("conn_close", "outcome", outcome, "duration", time.Since(p.started))
		}
	})
	a.deliveries.Go(func() { a.deliver(nc, result, done) })
}

// refusal logs a login that failed, and how many were not logged before it.
func (a *acceptor) refusal(peer net.Addr, args ...any) {
	a.mu.Lock()
	suppressed, ok := a.refused.Next(time.Now(), maxRefusals)
	a.mu.Unlock()
	if !ok {
		return
	}
	if suppressed > 0 {
		args = append(args, "suppressed", suppressed)
	}
	a.log(peer).Warn("auth_fail", args...)
}

// log returns the logger for events of a peer.
func (a *acceptor) log(peer net.Addr) *slog.Logger {
	return a.logger.With("peer", value.Clip(urlOf(peer), 128), "transport", "native")
}

// admits reports whether AllowFrom holds an address. Unix sockets have none:
// they are guarded by their mode.
func (a *acceptor) admits(peer net.Addr) bool {
	if _, ok := peer.(*net.UnixAddr); ok || a.allowFrom == nil {
		return true
	}
	ip := ipOf(peer)
	return slices.ContainsFunc(a.allowFrom, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// hostOf returns what stands for a peer when logins are counted: its IPv4
// address, its IPv6 network (a host has a whole /64 to itself), or one address
// for everything on this machine, and another one for all that tell none.
func hostOf(peer net.Addr) netip.Addr {
	if _, ok := peer.(*net.UnixAddr); ok {
		return netip.IPv6Loopback()
	}
	ip := ipOf(peer)
	switch {
	case !ip.IsValid():
		return netip.IPv6Unspecified()
	case ip.IsLoopback():
		return netip.IPv6Loopback()
	case ip.Is6():
		return netip.PrefixFrom(ip, 64).Masked().Addr()
	}
	return ip
}
