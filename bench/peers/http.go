package peers

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"

	"github.com/parley-rpc/parley/internal/compare/harness"
	shared "github.com/parley-rpc/parley/internal/compare/peers"
	"github.com/parley-rpc/parley/internal/compare/work"
)

// httpEcho is the floor of XML-RPC: net/http carries the same body there and
// back, and nobody looks into it. The answer of add is the call too.
func httpEcho() *harness.Peer {
	return &harness.Peer{
		Name: "http-echo",
		Serve: func(string) (string, error) {
			return serveHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body := make([]byte, r.ContentLength)
				if _, err := io.ReadFull(r.Body, body); err != nil {
					return
				}
				w.Header().Set("Content-Type", "text/xml")
				w.Header().Set("Content-Length", strconv.Itoa(len(body)))
				_, _ = w.Write(body) // the client sees what is missing
			}))
		},
		Dial: func(_, addr string) (harness.Conn, error) {
			transport := shared.KeepAlive()
			_, host := harness.Network(addr)
			return &echoConn{&http.Client{Transport: transport}, "http://" + host + "/RPC2"}, nil
		},
	}
}

// serveHTTP starts a server with the defaults of net/http.
func serveHTTP(h http.Handler) (addr string, err error) {
	l, addr, err := listen()
	if err != nil {
		return "", err
	}
	srv := &http.Server{Handler: h}
	harness.Background(func() error { return srv.Serve(l) })
	return addr, nil
}

type echoConn struct {
	client *http.Client
	url    string
}

func (c *echoConn) Prepare(in *work.Input) (harness.Call, error) {
	body, err := xmlBody(in)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "text/xml")
		resp, err := c.client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK || resp.ContentLength > maxFrame || resp.ContentLength < 0 {
			return fmt.Errorf("got status %s with %d bytes", resp.Status, resp.ContentLength)
		}
		got := make([]byte, resp.ContentLength)
		if _, err := io.ReadFull(resp.Body, got); err != nil {
			return err
		}
		// To the end of the body, or the connection is not used again.
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return err
		}
		return in.CheckBytes(got, body)
	}, nil
}

func (c *echoConn) Close() error {
	c.client.CloseIdleConnections()
	return nil
}

// xmlBody is the call as Parley's XML-RPC client writes it.
func xmlBody(in *work.Input) ([]byte, error) {
	method, args := string(in.Form), in.Args()
	return xmlvalue.AppendCall(nil, method, args, xmlvalue.Options{})
}
