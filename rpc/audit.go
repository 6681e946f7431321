package rpc

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/parley-rpc/parley/internal/limits"
	"github.com/parley-rpc/parley/rpc/value"
)

const (
	// maxDenials is how many lines a second are logged about what one identity was
	// denied.
	maxDenials = 10
	// maxDeniers is how many identities are told apart for that.
	maxDeniers = 1024
)

// What was denied, in the log.
const (
	deniedCall    = "denied"  // a call of a method that there is
	deniedUnknown = "unknown" // a call of one that there is not
	deniedHelp    = "hidden"  // a question about a method, whether there is one or not
)

// deny tells the log that the peer may not use a method, and returns what the
// peer is told: the same as for a method that does not exist.
func (r *Registry) deny(ctx context.Context, p *Peer, method, outcome string) *Fault {
	suppressed, tell := r.denials.line(p.Identity, time.Now())
	if logger := r.logger(); tell && logger.Enabled(ctx, slog.LevelWarn) {
		attrs := append(p.logAttrs(), slog.String("method", value.Clip(method, 255)), slog.String("outcome", outcome))
		if suppressed > 0 {
			attrs = append(attrs, slog.Int("suppressed", suppressed))
		}
		logger.LogAttrs(ctx, slog.LevelWarn, "authz_deny", attrs...)
	}
	return notFound(method)
}

// logAttrs are the attributes of a peer in the log.
func (p *Peer) logAttrs() []slog.Attr {
	addr := ""
	if p.Addr != nil {
		addr = p.Addr.Network() + "://" + p.Addr.String()
	}
	return []slog.Attr{
		slog.String("peer", value.Clip(addr, 128)), slog.String("transport", p.Transport),
		slog.String("identity", value.Clip(p.Name, 128)), slog.String("credential", value.Clip(p.Credential, 128)),
	}
}

// denials keeps a flood of denied calls from being a flood of lines. Each
// identity has lines of its own, so that none can keep another out of the log.
// The zero denials is ready for use.
type denials struct {
	mu     sync.Mutex
	of     map[Identity]*limits.Lines // guarded by mu
	others limits.Lines               // guarded by mu; of identities beyond maxDeniers
}

// line asks whether there may be one more line about id, and says how many were
// suppressed before it.
func (d *denials) line(id Identity, now time.Time) (suppressed int, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lines(id, now).Next(now, maxDenials)
}

// lines returns those of an identity. d.mu is held.
func (d *denials) lines(id Identity, now time.Time) *limits.Lines {
	if l := d.of[id]; l != nil {
		return l
	}
	if len(d.of) >= maxDeniers { // forget those that there is nothing to say about
		for other, l := range d.of {
			if l.Forgettable(now) {
				delete(d.of, other)
			}
		}
	}
	if len(d.of) >= maxDeniers {
		return &d.others
	}
	if d.of == nil {
		d.of = map[Identity]*limits.Lines{}
	}
	l := &limits.Lines{}
	d.of[id] = l
	return l
}
