package xmlrpc

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
)

// Transport lets another XML-RPC client work over the connections of a Client:
// with its login, its time-outs and limits, over a unix socket. Nothing is
// redirected, and an answer gets through only if all of it is well-formed and
// within the limits on depth and number of values. Code that uses
// github.com/kolo/xmlrpc gets this without being rewritten:
//
//	transport, err := xmlrpc.NewTransport(url, xmlrpc.ClientConfig{})
//	client, err := kolo.NewClient("http://localhost/RPC2", transport)
//
// Requests go to the URL of the Transport, whatever theirs is, and neither they
// nor answers are larger than ClientConfig.MaxAnswer. It is safe for concurrent
// use.
type Transport struct{ client *Client }

// NewTransport returns a Transport to the server at url; see NewClient.
func NewTransport(url string, config ClientConfig) (*Transport, error) {
	c, err := NewClient(url, config)
	if err != nil {
		return nil, err
	}
	return &Transport{c}, nil
}

// Close does what Client.Close does.
func (t *Transport) Close() error { return t.client.Close() }

// CloseIdleConnections closes the connections that no call uses.
func (t *Transport) CloseIdleConnections() { t.client.link.closeIdle() }

// RoundTrip sends a call, which is the body of a POST, and returns its answer,
// which is in memory then. Of its headers all are sent but those that are the
// Transport's own. Errors are those of Client.Call, other than faults.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	c := t.client
	if r.Body != nil {
		defer r.Body.Close()
	}
	if r.Method != http.MethodPost || r.Body == nil {
		return nil, fmt.Errorf("xmlrpc: a call is a POST with a body, not a %s", clip(r.Method))
	}
	if r.Header.Get("Authorization") != "" && !c.target.private {
		return nil, fmt.Errorf("xmlrpc: a password would go to %s readable by everyone on the way: use https", c.target.url.Host)
	}
	out := c.bodies.get()
	body := bytes.NewBuffer(out.data)
	if _, err := body.ReadFrom(io.LimitReader(r.Body, int64(c.bodies.max)+1)); err != nil {
		c.bodies.free(out)
		return nil, fmt.Errorf("xmlrpc: read the call: %w", err)
	}
	if out.data = body.Bytes(); len(out.data) > c.bodies.max {
		c.bodies.free(out)
		return nil, fmt.Errorf("xmlrpc: a call of more than %d bytes, which ClientConfig.MaxAnswer allows", c.bodies.max)
	}
	header := r.Header.Clone()
	for _, name := range []string{"Content-Length", "Content-Encoding", "Accept-Encoding", "Idempotency-Key", "X-Idempotency-Key"} {
		header.Del(name)
	}
	maps.Copy(header, c.header())

	ctx, cancel := c.bound(r.Context())
	defer cancel()
	resp, in, sent, err := c.send(ctx, header, out)
	if err != nil {
		return nil, c.broken("", sent, err)
	}
	d, err := c.decode(resp, in.data)
	if d != nil {
		if err = d.Finish(); err != nil {
			err = newAnswerError(resp, in.data, err)
		}
	}
	if err != nil {
		c.bodies.free(in)
		return nil, c.broken("", sentOf(err), err)
	}
	resp.Request, resp.Status, resp.StatusCode = r, "200 OK", http.StatusOK // also of a fault with 500
	resp.Header.Del("Content-Encoding")
	resp.ContentLength = int64(len(in.data))
	resp.Body = io.NopCloser(bytes.NewReader(in.data)) // the reader's from now on
	return resp, nil
}
