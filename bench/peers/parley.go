package peers

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"

	"github.com/parley-rpc/parley/bench/work"
)

// parleyTCP is Parley's native transport as it comes: with an authkey, with its
// limits and time-outs, functions registered by adapters, called by stubs.
func parleyTCP() *Peer {
	return &Peer{
		Name:  "parley",
		Serve: func(string) (string, error) { return serveParley(anyPort) },
		Dial:  dialParley,
	}
}

func parleyUnix() *Peer {
	return &Peer{
		Name:  "parley-unix",
		Serve: func(dir string) (string, error) { return serveParley(socketIn(dir)) },
		Dial:  dialParley,
	}
}

// benchKey is the authkey of all servers that have one.
const benchKey = "a key that guards nothing but figures"

// registry is the service of all peers that Parley serves.
func registry(opts ...rpc.Option) (*rpc.Registry, error) {
	reg := rpc.NewRegistry()
	err := errors.Join(
		reg.Register("add", rpc.Func2(func(_ context.Context, a, b int) (int, error) { return a + b, nil }), opts...),
		reg.Register("list", rpc.Func1(echo[[]int]), opts...),
		reg.Register("struct", rpc.Func1(echo[[]work.Record]), opts...),
		reg.Register("blob", rpc.Func1(echo[[]byte]), opts...),
	)
	return reg, err
}

func echo[T any](_ context.Context, v T) (T, error) { return v, nil }

func serveParley(url string, opts ...rpc.Option) (addr string, err error) {
	reg, err := registry(opts...)
	if err != nil {
		return "", err
	}
	return ServeNative(url, &native.Server{Handler: reg})
}

// ServeNative starts a server that lacks its logger, and what its peers log in
// with.
func ServeNative(url string, srv *native.Server) (addr string, err error) {
	scheme, _, _ := strings.Cut(url, "://")
	switch {
	case scheme == "tls":
		if srv.Login, err = benchLogin(); err != nil {
			return "", err
		}
	case srv.Auth == nil:
		srv.Auth = auth.Key([]byte(benchKey))
	}
	srv.Logger = slog.New(slog.DiscardHandler) // a line for each login
	l, err := srv.Listen(url)
	if err != nil {
		return "", err
	}
	addr = url // of a unix socket
	if scheme != "unix" {
		addr = scheme + "://" + l.Addr().String()
	}
	background(func() error { return srv.Serve(l) })
	return addr, nil
}

func dialParley(addr string) (Conn, error) {
	c, err := DialNative(addr)
	if err != nil {
		return nil, err
	}
	return callerConn{c, c}, nil
}

// DialNative connects to such a server.
func DialNative(addr string) (*native.Client, error) {
	if !strings.HasPrefix(addr, "tls://") {
		return native.Dial(context.Background(), addr, native.DialConfig{Auth: auth.Key([]byte(benchKey))})
	}
	secret, err := benchSecret()
	if err != nil {
		return nil, err
	}
	return native.Dial(context.Background(), addr, native.DialConfig{Login: secret})
}

// callerConn is a connection of any of Parley's clients.
type callerConn struct {
	rpc.Caller
	io.Closer
}

func (c callerConn) Prepare(in *work.Input) (Call, error) {
	switch in.Form {
	case work.Add:
		add := rpc.Stub2[int, int, int](c, "add")
		return func(ctx context.Context) error {
			sum, err := add(ctx, in.A, in.B)
			if err != nil {
				return err
			}
			return in.CheckSum(int64(sum))
		}, nil
	case work.List:
		list := rpc.Stub1[[]int, []int](c, "list")
		return func(ctx context.Context) error {
			got, err := list(ctx, in.Ints)
			if err != nil {
				return err
			}
			return work.CheckInts(in, got)
		}, nil
	case work.Struct:
		structs := rpc.Stub1[[]work.Record, []work.Record](c, "struct")
		return func(ctx context.Context) error {
			got, err := structs(ctx, in.Records)
			if err != nil {
				return err
			}
			return in.CheckRecords(len(got), func(i int) work.Record { return got[i] })
		}, nil
	case work.Blob:
		blob := rpc.Stub1[[]byte, []byte](c, "blob")
		return func(ctx context.Context) error {
			got, err := blob(ctx, in.Blob)
			if err != nil {
				return err
			}
			return in.CheckBlob(got)
		}, nil
	}
	return nil, noForm(in.Form)
}
