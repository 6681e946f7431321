package peers

import (
	"context"
	"encoding/base64"
	"net/http"

	"github.com/kolo/xmlrpc"

	"github.com/parley-rpc/parley/internal/compare/harness"
	"github.com/parley-rpc/parley/internal/compare/work"
)

// Kolo is the client of github.com/kolo/xmlrpc, on Parley's server. Its calls go
// one after another, however many goroutines make them.
func Kolo(name string) *harness.Peer {
	return &harness.Peer{
		Name:  name,
		Serve: func(dir string) (string, error) { return serveXMLRPC(TCP, dir) },
		Dial: func(_, addr string) (harness.Conn, error) {
			url, err := xmlrpcURL(addr)
			if err != nil {
				return nil, err
			}
			c, err := xmlrpc.NewClient(url, KeepAlive())
			if err != nil {
				return nil, err
			}
			return koloConn{c}, nil
		},
	}
}

// KeepAlive is a transport that keeps as many connections as there are callers.
func KeepAlive() *http.Transport {
	return &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true}
}

type koloConn struct{ *xmlrpc.Client }

func (c koloConn) Prepare(in *work.Input) (harness.Call, error) {
	method, args := string(in.Form), in.Args()
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
	case work.Records:
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
			if err := c.Call(method, []any{xmlrpc.Base64(base64.StdEncoding.EncodeToString(in.Blob))}, &text); err != nil {
				return err
			}
			got, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				return err
			}
			return in.CheckBlob(got)
		}, nil
	}
	return nil, in.Form.Unknown()
}
