package xmlrpc

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/parley-rpc/parley/rpc"
)

// ErrTooLarge: an answer, or a call that came to a Transport, is above
// ClientConfig.MaxAnswer. The function may have run: of a Client's call, what
// answered stands in a *rpc.LinkError around it, which says so.
var ErrTooLarge = errors.New("message too large")

// tooLarge is the ErrTooLarge of one message.
type tooLarge struct {
	what  string
	limit int
}

func (e *tooLarge) Error() string {
	return fmt.Sprintf("%s of more than %d bytes, which ClientConfig.MaxAnswer allows", e.what, e.limit)
}

func (e *tooLarge) Is(target error) bool { return target == ErrTooLarge }

// AnswerError says that a server answered with something else than XML-RPC: a
// login page, the status of a proxy, a document that is cut off. It stands in a
// *rpc.LinkError.
//
// With a status that refuses a request, such as 401, 404 and 429, the call did not
// run: the LinkError is rpc.NotSent. With status 401 it Is a fault with code
// rpc.CodeNotAuthenticated, with 404 one with rpc.CodeMethodNotFound (npm's xmlrpc
// answers so), with 413 and 429 one with rpc.CodeOverLimit: programs need not know
// the transport.
type AnswerError struct {
	// Status is the HTTP status, Location where a redirect leads, which is not
	// followed.
	Status   int
	Location string
	// Start is the beginning of the body, shortened and escaped.
	Start string
	// Err is why the document could not be read; nil if it was not tried.
	Err error
}

func newAnswerError(resp *http.Response, body []byte, err error) *AnswerError {
	const enough = 512 // bytes from which to make Start
	return &AnswerError{
		Status:   resp.StatusCode,
		Location: clip(resp.Header.Get("Location")),
		Start:    clip(strings.TrimSpace(string(body[:min(len(body), enough)]))),
		Err:      err,
	}
}

// Error returns `expected XML-RPC, got HTTP status 404 Not Found: "404 page not found"`.
func (e *AnswerError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "expected XML-RPC, got HTTP status %d %s", e.Status, http.StatusText(e.Status))
	if e.Location != "" {
		fmt.Fprintf(&b, " to %s", e.Location)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, " and what cannot be read: %v", e.Err)
	}
	if e.Start != "" {
		fmt.Fprintf(&b, `; it begins "%s"`, e.Start)
	}
	return b.String()
}

// Unwrap returns Err.
func (e *AnswerError) Unwrap() error { return e.Err }

// refusedByStatus reports whether a server has refused a request before it did
// anything with it. That is what these status codes mean (RFC 9110, section
// 15.5; RFC 6585, section 4), and a server that has run a function answers in
// XML-RPC. The others say less: a proxy answers 502, 503 or 504 for a server that
// may be at work, and 400, 408 and 500 come from anywhere.
func refusedByStatus(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed,
		http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusMisdirectedRequest, http.StatusTooManyRequests:
		return true
	}
	return false
}

// sentOf returns what an answer that is no XML-RPC says of its call.
func sentOf(err error) rpc.Sent {
	var a *AnswerError
	if errors.As(err, &a) && (refusedByStatus(a.Status) || a.wantsTLS()) {
		return rpc.NotSent
	}
	return rpc.Unknown
}

// wantsTLS reports whether net/http, which serves TLS there, has refused a request
// without.
func (e *AnswerError) wantsTLS() bool {
	return e.Status == http.StatusBadRequest && e.Start == "Client sent an HTTP request to an HTTPS server."
}

// Is reports whether target is the fault that says the same as the status.
func (e *AnswerError) Is(target error) bool {
	f, ok := target.(*rpc.Fault)
	if !ok {
		return false
	}
	switch e.Status {
	case http.StatusUnauthorized:
		return f.Code == rpc.CodeNotAuthenticated
	case http.StatusNotFound:
		return f.Code == rpc.CodeMethodNotFound
	case http.StatusRequestEntityTooLarge, http.StatusTooManyRequests:
		return f.Code == rpc.CodeOverLimit
	}
	return false
}

// read reads the body of an answer within its bounds.
func (c *Client) read(resp *http.Response) (*buffer, error) {
	if resp.ContentLength > int64(c.bodies.max) {
		return nil, &tooLarge{"an answer", c.bodies.max}
	}
	src := io.Reader(resp.Body)
	encoding, err := contentEncoding(resp.Header)
	if err != nil {
		return nil, fmt.Errorf("an answer with the Content-Encoding %s, which was not asked for", quote(resp.Header.Get("Content-Encoding")))
	}
	if encoding == "gzip" {
		zr, err := c.bodies.gunzip(src)
		if err != nil {
			return nil, fmt.Errorf("decompress the answer: %w", err)
		}
		defer c.bodies.gunzips.Put(zr)
		src = zr
	}
	buf := c.bodies.get()
	for {
		buf.grow(c.bodies.max)
		n, err := src.Read(buf.data[len(buf.data):cap(buf.data)])
		buf.data = buf.data[:len(buf.data)+n]
		switch {
		case len(buf.data) > c.bodies.max:
			c.bodies.free(buf)
			return nil, &tooLarge{"an answer", c.bodies.max}
		case err == io.EOF:
			return buf, nil
		case err != nil:
			c.bodies.free(buf)
			return nil, err
		}
	}
}
