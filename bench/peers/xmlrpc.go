package peers

import (
	"context"
	"encoding/base64"

	kolo "github.com/kolo/xmlrpc"

	"github.com/parley-rpc/parley/rpc/xmlrpc"

	"github.com/parley-rpc/parley/bench/work"
)

// parleyXMLRPC is Parley's other transport. A client keeps a connection for each
// call in flight.
func parleyXMLRPC() *Peer {
	return &Peer{
		Name:  "parley-xmlrpc",
		Serve: func(string) (string, error) { return serveXMLRPC() },
		Dial:  dialXMLRPC,
	}
}

func serveXMLRPC() (addr string, err error) {
	reg, err := registry()
	if err != nil {
		return "", err
	}
	srv := &xmlrpc.Server{Handler: reg}
	l, err := srv.Listen("127.0.0.1:0")
	if err != nil {
		return "", err
	}
	background(func() error { return srv.Serve(l) })
	return "tcp://" + l.Addr().String(), nil
}

func dialXMLRPC(addr string) (Conn, error) {
	_, host := network(addr)
	c, err := xmlrpc.NewClient("http://"+host+"/RPC2", xmlrpc.ClientConfig{})
	if err != nil {
		return nil, err
	}
	return callerConn{c, c}, nil
}

// koloPeer is the client of github.com/kolo/xmlrpc, on Parley's server. Its calls
// go one after another, however many goroutines make them.
func koloPeer() *Peer {
	return &Peer{
		Name:  "kolo",
		Serve: func(string) (string, error) { return serveXMLRPC() },
		Dial: func(addr string) (Conn, error) {
			_, host := network(addr)
			transport := keepAlive()
			c, err := kolo.NewClient("http://"+host+"/RPC2", transport)
			if err != nil {
				return nil, err
			}
			return koloConn{c}, nil
		},
	}
}

type koloConn struct{ *kolo.Client }

func (c koloConn) Prepare(in *work.Input) (Call, error) {
	method, args := namedCall(in)
	switch in.Form {
	case work.Add:
		return func(context.Context) error {
			var sum int
			if err := c.Call(method, args, &sum); err != nil {
				return err
			}
			return in.CheckSum(int64(sum))
		}, nil
	case work.List:
		return func(context.Context) error {
			var got []int
			if err := c.Call(method, args, &got); err != nil {
				return err
			}
			return work.CheckInts(in, got)
		}, nil
	case work.Struct:
		return func(context.Context) error {
			var got []work.Record
			if err := c.Call(method, args, &got); err != nil {
				return err
			}
			return in.CheckRecords(len(got), func(i int) work.Record { return got[i] })
		}, nil
	case work.Blob:
		return func(context.Context) error {
			// kolo leaves base64 to the program.
			var text string
			if err := c.Call(method, []any{kolo.Base64(base64.StdEncoding.EncodeToString(in.Blob))}, &text); err != nil {
				return err
			}
			got, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				return err
			}
			return in.CheckBlob(got)
		}, nil
	}
	return nil, noForm(in.Form)
}
