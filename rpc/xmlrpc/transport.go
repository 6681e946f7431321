package xmlrpc

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"

	"github.com/parley-rpc/parley/rpc/value"
	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

// Transport lets another XML-RPC client work over the connections of a Client:
// with its login, its time-outs and limits, over a unix socket, without following
// redirects. Code that uses github.com/kolo/xmlrpc gets this without being
// rewritten:
//
//	transport, err := xmlrpc.NewTransport(url, xmlrpc.ClientConfig{})
//	client, err := kolo.NewClient("http://localhost/RPC2", transport)
//
// A call is sent if all of it is well-formed; an empty <param>, which is kolo's
// nil, is sent as <nil/>. An answer gets through if all of it is well-formed and
// within the limits on depth and number of values, and in other words: it is
// written anew in the plainest form, as xmlvalue.AppendRewritten says. kolo reads
// other forms as something else, such as <value/> as the end of a struct, and
// does not say so. What the plain form cannot carry is an error. Whether a value
// fits its destination remains the client's business, and so does how many calls
// it makes at once, which is one in the case of kolo.
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
func (t *Transport) CloseIdleConnections() { t.client.link.direct.closeIdle() }

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
		return nil, fmt.Errorf("xmlrpc: %w", &tooLarge{"a call", c.bodies.max})
	}
	checked, err := c.checkCall(out.data)
	if err != nil {
		c.bodies.free(out)
		return nil, fmt.Errorf("xmlrpc: the call is not well-formed XML-RPC, and was not sent: %w", err)
	}
	out.data = checked
	header := r.Header.Clone()
	for _, name := range []string{"Content-Length", "Content-Encoding", "Accept-Encoding", "Idempotency-Key", "X-Idempotency-Key"} {
		header.Del(name)
	}
	contentType := header.Get("Content-Type")
	maps.Copy(header, c.header())
	if !strings.Contains(contentType, "xml") {
		contentType = "text/xml"
	}
	header["Content-Type"] = []string{contentType} // the encoding of the call is not ours to say

	ctx, cancel := c.bound(r.Context(), false)
	defer cancel()
	resp, in, sent, err := c.send(ctx, header, out)
	if err != nil {
		return nil, c.broken("", sent, err)
	}
	answer, err := c.rewrite(resp, in.data)
	c.bodies.free(in)
	if err != nil {
		return nil, c.broken("", sentOf(err), err)
	}
	resp.Request, resp.Status, resp.StatusCode = r, "200 OK", http.StatusOK // also of a fault with 500
	resp.Header.Del("Content-Encoding")
	resp.Header["Content-Type"] = []string{"text/xml; charset=utf-8"}
	resp.Header.Del("Content-Length")
	resp.ContentLength = int64(len(answer))
	resp.Body = io.NopCloser(bytes.NewReader(answer))
	return resp, nil
}

// rewrite returns an answer in the form that every client reads.
func (c *Client) rewrite(resp *http.Response, body []byte) ([]byte, error) {
	d, err := c.decode(resp, body)
	if d == nil {
		return nil, err // with d, it is the fault that d has read
	}
	answer, err := xmlvalue.AppendRewritten(make([]byte, 0, len(body)+256), d, c.values)
	if err != nil {
		return nil, newAnswerError(resp, body, err)
	}
	return answer, nil
}

// checkCall looks for what a client has written wrong. kolo does not escape names,
// and takes base64 as it is given. Its nil argument is <param></param>, which
// some servers take for no argument at all; it becomes <nil/>. In a CDATA section
// the same letters are text, and kolo writes none: a call that has one is sent as
// it is.
func (c *Client) checkCall(call []byte) ([]byte, error) {
	d, err := xmlvalue.ReadCall(call, c.values)
	if err == nil {
		value.DecodeAny(d)
		err = d.Finish()
	}
	if err != nil {
		return nil, err
	}
	if bytes.Contains(call, []byte("<!")) {
		return call, nil
	}
	return bytes.ReplaceAll(call, []byte("<param></param>"), []byte("<param><value><nil/></value></param>")), nil
}
