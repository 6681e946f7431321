package rpc

import (
	"context"
	"errors"
	"net"
	"time"
)

// Identity is who a peer has proved to be. The zero Identity is a peer that
// proved nothing.
type Identity struct {
	Name       string // "deploy-bot"
	Credential string // which of its credentials it used: "deploy-bot.k1"
}

// Authorizer decides whether a caller may use a method. A registry asks it for
// every call, of every transport, in a multicall and on the way back too. It is
// safe for concurrent use.
type Authorizer interface {
	Allow(ctx context.Context, id Identity, method string) bool
}

// Revoker is what logs peers in, if what they log in with can end while they are
// connected: revoked or expired. Transports look whether what they were given for
// logins is a Revoker, and close the connections that are no longer live. It is
// safe for concurrent use.
type Revoker interface {
	// Live reports whether a connection may go on whose login as id began at since.
	Live(id Identity, since time.Time) bool
	// Changed returns a channel that is closed as soon as Live may give another
	// answer than before the call of Changed. After that there is another channel.
	Changed() <-chan struct{}
}

// ErrNoWayBack is the error of a call on a Peer whose transport carries calls
// in one direction only.
var ErrNoWayBack = errors.New("rpc: this peer cannot be called: its transport carries calls in one direction only")

// Peer is the other end of a call. It is itself a Caller: where the transport
// goes both ways, a function can call what its caller offers.
type Peer struct {
	Identity
	// Addr is the peer's address; nil for a call within the process.
	Addr net.Addr
	// Transport is "native", "python", "xmlrpc", or "local" within the process.
	Transport string
	// Back carries calls to the peer; nil if there is no way back.
	Back Caller
}

// Call calls a method that the peer offers, or fails with ErrNoWayBack.
func (p *Peer) Call(ctx context.Context, req *Request) (any, error) {
	if p.Back == nil {
		return nil, ErrNoWayBack
	}
	return p.Back.Call(ctx, req)
}

var localPeer = &Peer{Transport: "local"}

type peerKey struct{}

// WithPeer returns a context whose PeerFrom is p. Transports call it once for
// each connection.
func WithPeer(ctx context.Context, p *Peer) context.Context {
	return context.WithValue(ctx, peerKey{}, p)
}

// PeerFrom returns the peer whose call ctx belongs to, and never nil: outside
// of a call it is a local peer without identity and without a way back.
func PeerFrom(ctx context.Context) *Peer {
	if p, ok := ctx.Value(peerKey{}).(*Peer); ok {
		return p
	}
	return localPeer
}

type (
	incomingKey struct{}
	outgoingKey struct{}
)

// WithMeta returns a context whose calls carry meta beside their arguments.
// meta must not change afterwards.
func WithMeta(ctx context.Context, meta map[string]string) context.Context {
	o := outgoingOf(ctx)
	o.meta = meta
	return context.WithValue(ctx, outgoingKey{}, o)
}

// MetaFrom returns what came beside the arguments of the call that ctx belongs
// to. It must not be changed, and is nil if nothing came.
func MetaFrom(ctx context.Context) map[string]string {
	m, _ := ctx.Value(incomingKey{}).(map[string]string)
	return m
}
