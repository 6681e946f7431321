package xmlrpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

// ErrClosed is the error of a call on a Client that has been closed.
var ErrClosed = errors.New("xmlrpc: the client is closed")

// Client calls the functions of one XML-RPC server. It is an rpc.Caller, safe
// for concurrent use; calls share a pool of connections.
//
// A call ends in one of four ways: with its result; with a *rpc.Fault, which the
// server answered; with a *rpc.LinkError if there was no answer that could be
// understood; with another error if an argument cannot be sent or the result
// does not fit where it should go. A LinkError tells whether any of the call was
// sent, and wraps context.DeadlineExceeded or context.Canceled where the context
// ended it, an *AnswerError where something else than XML-RPC came back, and
// ErrTooLarge where too much did.
//
// Nothing is sent twice, with one exception: a call that is marked as idempotent
// (rpc.WithIdempotent) is made once more, after a random pause of up to 50 ms, if
// its connection was lost before an answer came. A connection that turns out to be
// closed before a byte of the call was written to it is another matter, since
// nothing was sent: the call takes another one. It does so once, after such a pause,
// if the connection was a new one, which a server that has too many may close without
// a word. A server that closes a kept connection at the very moment when a
// call arrives makes it fail with the outcome unknown; whether that may be
// repeated only the caller can know. Connections are therefore not kept longer
// than ClientConfig.IdleTimeout.
type Client struct {
	target  target
	header  func() http.Header // of every call; a function, so that no printing reaches the login in it
	timeout time.Duration
	gzip    bool // compress calls
	jar     http.CookieJar
	values  xmlvalue.Options

	link   *link
	bodies bodyReader
	calls  sync.WaitGroup // under way; none is added once link.closed is set
}

// NewClient returns a client of the server at url: http://host:port/path,
// https://…, or http+unix:///path/of/socket:/path. A URL without a path means
// /RPC2. Nothing is sent before the first call.
func NewClient(url string, config ClientConfig) (*Client, error) {
	t, err := parseTarget(url)
	if err != nil {
		return nil, fmt.Errorf("xmlrpc: %w", err)
	}
	header, err := config.check(&t)
	if err != nil {
		return nil, fmt.Errorf("xmlrpc: %w", err)
	}
	t.user = nil
	c := &Client{
		target:  t,
		header:  loginHeader(header, config.Login),
		timeout: or(config.Timeout, defaultCallTimeout),
		gzip:    config.GzipCalls,
		jar:     config.Jar,
		values:  config.Values,
		link:    newLink(t, config),
		bodies:  bodyReader{max: or(config.MaxAnswer, defaultMaxBody)},
	}
	return c, nil
}

// Close cuts the connections, which ends the calls that are running, and waits
// for them. Closing twice does nothing.
func (c *Client) Close() error {
	c.link.close()
	c.calls.Wait()
	return nil
}

// Call makes a call, as rpc.Caller describes it. If ctx has no deadline,
// ClientConfig.Timeout is one, from the moment on when all of the arguments are
// there. The deadline travels with the call, so that the server does not work on
// for nobody; a stream without one has as long as the server gives it.
func (c *Client) Call(ctx context.Context, req *rpc.Request) (any, error) {
	arguments, err := rpc.ValuesOf(req.Args)
	if err == nil {
		arguments, err = rpc.CollectUpload(arguments, or(c.values.MaxElements, value.DefaultMaxElements), maxUpload)
	}
	if err != nil {
		return nil, fmt.Errorf("xmlrpc: call %s: %w", clip(req.Method), err)
	}
	ctx, cancel := c.bound(ctx, req.Yield != nil)
	defer cancel()
	resp, in, err := c.post(ctx, req, arguments) //nolint:bodyclose // send reads the body and closes it
	if mayRepeat(req, err) {
		resp, in, err = c.repeat(ctx, req, arguments) //nolint:bodyclose // as above
	}
	if err != nil {
		return nil, err
	}
	defer c.bodies.free(in)
	return c.deliver(req, resp, in.data)
}

// bound gives a call a deadline if it has none, or a stream the time in which more
// of it has to come.
func (c *Client) bound(ctx context.Context, stream bool) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	if stream {
		own := newPatient(ctx, c.timeout)
		return own, own.end
	}
	own := withDeadline(ctx, time.Now().Add(c.timeout))
	return own, own.end
}

// maxUpload is the most of an io.Reader that is sent as the base64 it becomes, in
// bytes. What a server takes is mostly less.
const maxUpload = 64 << 20

// post makes a call, once.
func (c *Client) post(ctx context.Context, req *rpc.Request, arguments []any) (*http.Response, *buffer, error) {
	out := c.bodies.get()
	header, err := c.document(req, arguments, out)
	if err != nil {
		c.bodies.free(out)
		return nil, nil, fmt.Errorf("xmlrpc: call %s: %w", clip(req.Method), err)
	}
	resp, in, sent, err := c.send(ctx, header, out)
	if err != nil {
		return nil, nil, c.broken(req.Method, sent, err)
	}
	return resp, in, nil
}

// document writes a call into out and returns the headers that go with it.
func (c *Client) document(req *rpc.Request, arguments []any, out *buffer) (http.Header, error) {
	var err error
	out.data, err = xmlvalue.AppendCall(out.data, req.Method, arguments, c.values)
	if err != nil {
		return nil, err
	}
	own := c.header()
	header := make(http.Header, len(own)+len(req.Meta)+2)
	maps.Copy(header, own)
	return header, setMeta(header, req.Meta)
}

// send posts the document in out, which it takes over, and reads what comes
// back. With an error it tells whether anything was sent.
func (c *Client) send(ctx context.Context, header http.Header, out *buffer) (*http.Response, *buffer, rpc.Sent, error) {
	if !c.link.enter(&c.calls) {
		return nil, nil, rpc.NotSent, ErrClosed
	}
	defer c.calls.Done()
	if err := ctx.Err(); err != nil {
		return nil, nil, rpc.NotSent, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		setTimeout(header, time.Until(deadline))
	}
	c.addCookies(header)
	body := out.data
	if c.gzip && len(body) > gzipAbove {
		header["Content-Encoding"] = gzipName
		body = compress(&c.bodies.gzips, nil, body)
	}
	if err := checkHeader(header); err != nil {
		return nil, nil, rpc.NotSent, err
	}
	var trace sendTrace
	hr := &http.Request{
		Method:        http.MethodPost,
		URL:           c.target.url,
		Host:          c.target.host,
		Header:        header,
		ContentLength: int64(len(body)),
	}
	resp, err := c.link.direct.roundTrip(ctx, hr, body, &trace)
	if trace.written() { // a server may answer before it has read everything
		c.bodies.free(out)
	}
	if err != nil {
		return nil, nil, trace.sent(), c.cause(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSwitchingProtocols { // its body would be the connection itself, and last beyond any deadline
		return nil, nil, rpc.Unknown, newAnswerError(resp, nil, nil)
	}
	if p, ok := ctx.(*patient); ok {
		resp.Body = p.watch(resp.Body)
	}
	c.keepCookies(resp)
	in, err := c.read(resp)
	if err != nil {
		err = c.cause(ctx, err)
		if refusedByStatus(resp.StatusCode) {
			err = newAnswerError(resp, nil, err)
		}
		return nil, nil, sentOf(err), err
	}
	return resp, in, rpc.Unknown, nil
}

// deliver takes the result, or the fault, out of an answer.
func (c *Client) deliver(req *rpc.Request, resp *http.Response, body []byte) (any, error) {
	d, err := c.decode(resp, body)
	var f *rpc.Fault
	switch {
	case errors.As(err, &f):
		return nil, f.AnswerOf(req.Method)
	case err != nil:
		return nil, c.broken(req.Method, sentOf(err), err)
	}
	result, err := rpc.Deliver(d, req)
	if err == nil {
		err = d.Finish()
	}
	var syntax *xmlvalue.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return nil, c.broken(req.Method, rpc.Unknown, newAnswerError(resp, body, syntax))
	case err != nil:
		return nil, fmt.Errorf("xmlrpc: call %s at %s: %w", clip(req.Method), c.target.name, err)
	}
	return result, nil
}

// decode returns a Decoder that stands before the result in an answer, or behind
// the fault, which is a *rpc.Fault then. Every other error is an *AnswerError.
func (c *Client) decode(resp *http.Response, body []byte) (*xmlvalue.Decoder, error) {
	answered := resp.StatusCode >= 200 && resp.StatusCode <= 299
	if !answered && !strings.Contains(resp.Header.Get("Content-Type"), "xml") {
		return nil, newAnswerError(resp, body, nil)
	}
	d, err := xmlvalue.ReadResponse(body, c.values)
	if err != nil {
		return nil, newAnswerError(resp, body, err)
	}
	if code, message, ok := d.Fault(); ok { // some servers give faults the status 500
		return d, &rpc.Fault{Code: code, Message: value.ClipLines(message, maxFaultText)}
	}
	if !answered {
		return nil, newAnswerError(resp, body, nil)
	}
	return d, nil
}

// broken is the error of a call that had no answer; method may be "".
func (c *Client) broken(method string, sent rpc.Sent, err error) error {
	if method != "" {
		method = clip(method) + " "
	}
	return &rpc.LinkError{Sent: sent, Op: "xmlrpc: call " + method + "at " + c.target.name, Err: err}
}

// cause returns why a call was cut off: the end of its context or of the client,
// where that is what the connection reports in words of its own.
func (c *Client) cause(ctx context.Context, err error) error {
	switch ended := ctx.Err(); {
	case ended != nil:
		switch own := ctx.(type) {
		case *patient:
			return own.cause()
		case *deadlineContext:
			if errors.Is(ended, context.DeadlineExceeded) {
				return errNoAnswer(c.timeout)
			}
		}
		return ended
	case c.link.isClosed():
		return ErrClosed
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the server closed the connection without an answer: %w", err)
	}
	return err
}

// maxFaultText bounds the text of a fault, in bytes.
const maxFaultText = 4096
