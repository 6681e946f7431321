package xmlrpc

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/parley-rpc/parley/internal/limits"
	"github.com/parley-rpc/parley/rpc"
)

const (
	// drainWait is how long the rest of a request is waited for, so that its
	// sender gets to read why it was refused before the connection is closed.
	drainWait = time.Second
	// maxAuthFails is how many lines a second are logged about logins that failed.
	maxAuthFails = 10
	// maxStrangers bounds the callers that are remembered of the connections of
	// other servers.
	maxStrangers = 1024
)

// challenges say how to log in.
var challenges = []string{`Basic realm="parley", charset="UTF-8"`, `Bearer realm="parley"`}

// entrance is where requests are logged in, if a Server has an Auth.
type entrance struct {
	auth    Authenticator
	revoker rpc.Revoker // nil if what was proved does not end
	clear   bool        // passwords may cross a network readable
	logger  *slog.Logger

	mu      sync.Mutex   // protects what follows
	failed  limits.Lines // lines of auth_fail
	limited limits.Lines // lines of rate_limited
	// Who has logged in on a connection that another server has accepted, and in
	// which order.
	strangers map[stranger]struct{}
	order     []stranger
}

// stranger is a caller on a connection of which the address alone is known.
type stranger struct {
	addr string
	id   rpc.Identity
}

func newEntrance(s *Server) *entrance {
	if s.Auth == nil {
		return nil
	}
	revoker, _ := s.Auth.(rpc.Revoker)
	return &entrance{
		auth: s.Auth, revoker: revoker, clear: s.DangerouslyListenBeyondLoopback, logger: logger(s.Logger),
		strangers: map[stranger]struct{}{},
	}
}

// readable refuses a request that crossed a network for everyone to read, and a
// password with it, where callers have to log in.
func (x *exchange) readable() *refusal {
	if x.entrance == nil || x.entrance.clear || x.r.TLS != nil {
		return nil
	}
	if from := x.from(); !from.IsValid() || from.IsLoopback() {
		return nil
	}
	return &refusal{status: http.StatusForbidden, reason: "calls from other machines are taken over TLS only"}
}

// login finds out who sends the request. It looks at its head alone.
func (x *exchange) login() *refusal {
	e := x.entrance
	if e == nil {
		return nil
	}
	if x.conn != nil {
		x.conn.decide()
	}
	id, err := e.ask(x.r.Context(), x.r.Header, x.from())
	if err != nil {
		return e.refuse(x, err)
	}
	var peer *rpc.Peer
	news := false
	if x.conn != nil {
		peer, news = x.conn.loggedIn(id, x.began)
	} else {
		peer = &rpc.Peer{Identity: id, Transport: transportName, Addr: x.remoteAddr()}
		news = e.isNew(stranger{x.r.RemoteAddr, id})
	}
	// It may have ended since it was asked for, and before anyone could find it on
	// the connection.
	if e.revoker != nil && !e.revoker.Live(id, x.began) {
		return e.refuse(x, errRevoked)
	}
	x.peer = peer
	if x.conn != nil {
		x.conn.heard()
	}
	if news {
		e.logger.LogAttrs(x.r.Context(), slog.LevelInfo, "auth_ok", append(eventAttrs(peer.Addr, id),
			slog.String("outcome", "admitted"), slog.Duration("duration", time.Since(x.began)))...)
	}
	return nil
}

var (
	errRevoked   = errors.New("the credential was revoked during the login")
	errAmbiguous = errors.New("more than one Authorization")
)

// ask asks the Authenticator. Which of several logins another server or a proxy
// would take is open, so that they are none.
func (e *entrance) ask(ctx context.Context, h http.Header, from netip.Addr) (rpc.Identity, error) {
	given := h["Authorization"]
	switch len(given) {
	case 0:
		return e.auth.AuthenticateHTTP(ctx, "", from)
	case 1:
		return e.auth.AuthenticateHTTP(ctx, given[0], from)
	}
	return rpc.Identity{}, errAmbiguous
}

// refuse makes the refusal of a login that failed, and logs it. What the client
// is told does not depend on why.
func (e *entrance) refuse(x *exchange, err error) *refusal {
	status, retry := http.StatusUnauthorized, time.Duration(0)
	var h interface {
		HTTPStatus() (status int, retryAfter time.Duration)
	}
	if errors.As(err, &h) {
		if s, after := h.HTTPStatus(); s >= 400 && s <= 599 {
			status, retry = s, after
		}
	}
	no := &refusal{status: status, reason: "log in with HTTP Basic or a bearer key"}
	if len(x.r.Header["Authorization"]) > 0 {
		no.reason = "the login is not valid: wrong, unknown, expired or revoked"
	}
	switch status {
	case http.StatusUnauthorized:
	case http.StatusTooManyRequests:
		no.reason = "too many wrong logins came from this address"
	case http.StatusServiceUnavailable:
		no.reason = "too many logins are being checked"
	default:
		no.reason = "the login could not be checked"
	}
	if retry > 0 {
		seconds := (retry + time.Second - 1) / time.Second
		no.header = [2]string{"Retry-After", strconv.Itoa(int(seconds))}
	}
	if x.r.Context().Err() == nil { // otherwise the client has left
		e.logRefusal(x, status, err)
	}
	return no
}

func (e *entrance) logRefusal(x *exchange, status int, err error) {
	event, limit, most := "auth_fail", &e.failed, maxAuthFails
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		event, limit, most = "rate_limited", &e.limited, 1
	}
	e.mu.Lock()
	suppressed, ok := limit.Next(time.Now(), most)
	e.mu.Unlock()
	if !ok {
		return
	}
	attrs := append(peerAttrs(x.remoteAddr()), slog.String("outcome", "refused"), slog.Int("status", status),
		slog.Duration("duration", time.Since(x.began)))
	attrs = append(attrs, refusalAttrs(err)...)
	if suppressed > 0 {
		attrs = append(attrs, slog.Int("suppressed", suppressed))
	}
	e.logger.LogAttrs(x.r.Context(), slog.LevelWarn, event, attrs...)
}

// isNew reports whether s is not among those that were here last, and puts it
// there.
func (e *entrance) isNew(s stranger) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.strangers[s]; ok {
		return false
	}
	if len(e.order) == maxStrangers {
		delete(e.strangers, e.order[0])
		e.order = slices.Delete(e.order, 0, 1)
	}
	e.strangers[s] = struct{}{}
	e.order = append(e.order, s)
	return true
}

// watch closes the connections of those who are not live any more, until ctx
// ends.
func (e *entrance) watch(ctx context.Context, cs *conns) {
	for {
		changed := e.revoker.Changed() // first, so that no change is missed
		cs.cut(e.revoker.Live)
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// from returns where the request came from: not valid for a unix socket, and
// 0.0.0.0 if another server that has accepted it does not say.
func (x *exchange) from() netip.Addr {
	if x.conn != nil {
		return x.conn.from
	}
	if ap, err := netip.ParseAddrPort(x.r.RemoteAddr); err == nil {
		return ap.Addr().Unmap()
	}
	local, _ := x.r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if _, ok := local.(*net.UnixAddr); ok {
		return netip.Addr{}
	}
	return netip.IPv4Unspecified()
}
