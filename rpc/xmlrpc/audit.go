package xmlrpc

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/parley-rpc/parley/internal/limits"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
)

// eventAttrs are the attributes of a login in the log.
func eventAttrs(peer net.Addr, id rpc.Identity) []slog.Attr {
	return append(peerAttrs(peer), slog.String("identity", clip(id.Name)), slog.String("credential", clip(id.Credential)))
}

// peerAttrs are the attributes of a connection in the log, of which peer may be
// nil.
func peerAttrs(peer net.Addr) []slog.Attr {
	text := ""
	if peer != nil {
		text = clip(peer.Network() + "://" + peer.String())
	}
	return []slog.Attr{slog.String("peer", text), slog.String("transport", transportName)}
}

// refusalAttrs say why a login failed: the error, and the credential that the
// client has named, and not proved, if the error has a method Credential() string
// that tells.
func refusalAttrs(err error) []slog.Attr {
	attrs := []slog.Attr{slog.String("error", value.Clip(err.Error(), 1024))}
	var named interface{ Credential() string }
	if errors.As(err, &named) && named.Credential() != "" {
		attrs = append(attrs, slog.String("credential", clip(named.Credential())))
	}
	return attrs
}

// doorLog tells of connections that are closed before a request was read, or that
// make others leave. A flood of them is no flood of lines. A nil one tells nobody.
type doorLog struct {
	logger *slog.Logger

	mu     sync.Mutex
	banned limits.Lines // guarded by mu; of auth_fail
	full   limits.Lines // guarded by mu; of rate_limited
}

// notAllowed tells of an address that may not connect.
func (d *doorLog) notAllowed(peer net.Addr) {
	d.mu.Lock()
	suppressed, ok := d.banned.Next(time.Now(), maxAuthFails)
	d.mu.Unlock()
	if !ok {
		return
	}
	attrs := append(peerAttrs(peer), slog.String("outcome", "address not in AllowFrom"))
	if suppressed > 0 {
		attrs = append(attrs, slog.Int("suppressed", suppressed))
	}
	d.logger.LogAttrs(context.Background(), slog.LevelWarn, "auth_fail", attrs...)
}

// limited tells of a limit on connections that was met.
func (d *doorLog) limited(peer net.Addr, limit string) {
	if d == nil {
		return
	}
	d.mu.Lock()
	suppressed, ok := d.full.Next(time.Now(), 1)
	d.mu.Unlock()
	if ok {
		d.logger.LogAttrs(context.Background(), slog.LevelWarn, "rate_limited", append(peerAttrs(peer),
			slog.String("outcome", limit), slog.Int("connections", suppressed+1))...)
	}
}
