// Package peers holds the pairs of a client and a server that both parley compare
// and the module in bench measure: Parley's own, kolo/xmlrpc, and Python's.
//
//	bench/peers, lanes    choose pairs, and give them their names
//	   |
//	peers                 starts a server, opens connections, makes calls
//	   |
//	rpc/native, rpc/xmlrpc, kolo/xmlrpc, python3
package peers

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/internal/compare/harness"
	"github.com/parley-rpc/parley/internal/compare/work"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
)

// Socket is what a connection runs over.
type Socket string

// The sockets.
const (
	TCP  Socket = "tcp"
	Unix Socket = "unix"
	TLS  Socket = "tls"
)

// listen is an address of this kind that is free.
func (s Socket) listen(dir string) string {
	switch s {
	case Unix:
		return harness.SocketIn(dir)
	case TLS:
		return "tls://127.0.0.1:0"
	}
	return harness.AnyPort
}

// Native is Parley's native transport as it comes, with its limits and time-outs:
// functions registered by adapters, called by stubs, with an authkey, or inside
// TLS 1.3 with a login and a certificate of the server's own. opts are those of
// the functions.
func Native(name string, s Socket, opts ...rpc.Option) *harness.Peer {
	return &harness.Peer{
		Name: name,
		Serve: func(dir string) (string, error) {
			reg, err := registry(opts...)
			if err != nil {
				return "", err
			}
			return ServeNative(s.listen(dir), &native.Server{Handler: reg})
		},
		Dial: func(_, addr string) (harness.Conn, error) {
			c, err := DialNative(addr)
			if err != nil {
				return nil, err
			}
			return callerConn{c, c}, nil
		},
	}
}

// measuringKey is the authkey of all servers that have one.
const measuringKey = "a key that guards nothing but figures"

// registry is the service of all servers of Parley's.
func registry(opts ...rpc.Option) (*rpc.Registry, error) {
	reg := rpc.NewRegistry()
	err := errors.Join(
		reg.Register(string(work.Add), rpc.Func2(func(_ context.Context, a, b int) (int, error) { return a + b, nil }), opts...),
		reg.Register(string(work.List), rpc.Func1(echo[[]int]), opts...),
		reg.Register(string(work.Records), rpc.Func1(echo[[]work.Record]), opts...),
		reg.Register(string(work.Blob), rpc.Func1(echo[[]byte]), opts...),
	)
	return reg, err
}

func echo[T any](_ context.Context, v T) (T, error) { return v, nil }

// ServeNative starts a server that lacks its logger, and what its clients log in
// with.
func ServeNative(url string, srv *native.Server) (addr string, err error) {
	scheme, _ := harness.Network(url)
	switch {
	case scheme == string(TLS):
		if srv.Login, err = login(); err != nil {
			return "", err
		}
	case srv.Auth == nil:
		srv.Auth = auth.Key([]byte(measuringKey))
	}
	srv.Logger = slog.New(slog.DiscardHandler) // a line for each login
	l, err := srv.Listen(url)
	if err != nil {
		return "", err
	}
	addr = url // of a unix socket
	if scheme != string(Unix) {
		addr = scheme + "://" + l.Addr().String()
	}
	harness.Background(func() error { return srv.Serve(l) })
	return addr, nil
}

// DialNative connects to such a server.
func DialNative(addr string) (*native.Client, error) {
	if scheme, _ := harness.Network(addr); scheme != string(TLS) {
		return native.Dial(context.Background(), addr, native.DialConfig{Auth: auth.Key([]byte(measuringKey))})
	}
	s, err := secret()
	if err != nil {
		return nil, err
	}
	return native.Dial(context.Background(), addr, native.DialConfig{Login: s})
}

// callerConn is a connection of any of Parley's clients.
type callerConn struct {
	rpc.Caller
	io.Closer
}

func (c callerConn) Prepare(in *work.Input) (harness.Call, error) {
	method := string(in.Form)
	switch in.Form {
	case work.Add:
		add := rpc.Stub2[int, int, int](c, method)
		return func(ctx context.Context) error {
			sum, err := add(ctx, in.A, in.B)
			if err != nil {
				return err
			}
			return in.CheckSum(int64(sum))
		}, nil
	case work.List:
		list := rpc.Stub1[[]int, []int](c, method)
		return func(ctx context.Context) error {
			got, err := list(ctx, in.Ints)
			if err != nil {
				return err
			}
			return work.CheckInts(in, got)
		}, nil
	case work.Records:
		records := rpc.Stub1[[]work.Record, []work.Record](c, method)
		return func(ctx context.Context) error {
			got, err := records(ctx, in.Records)
			if err != nil {
				return err
			}
			return in.CheckRecords(len(got), func(i int) work.Record { return got[i] })
		}, nil
	case work.Blob:
		blob := rpc.Stub1[[]byte, []byte](c, method)
		return func(ctx context.Context) error {
			got, err := blob(ctx, in.Blob)
			if err != nil {
				return err
			}
			return in.CheckBlob(got)
		}, nil
	}
	return nil, in.Form.Unknown()
}
