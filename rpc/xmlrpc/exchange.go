package xmlrpc

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

// transportName is what rpc.Peer.Transport says of peers of this package.
const transportName = "xmlrpc"

const (
	// grace is how much longer than its deadline work may take before it is
	// answered over its head: most functions return at their deadline by
	// themselves, and then the connection can be kept.
	grace = 20 * time.Millisecond
	// gzipAbove is from which size on a reply is compressed, in bytes.
	gzipAbove = 1 << 10
)

// work is what a request asks for.
type work interface {
	// answer does the work and returns the reply, its body appended to dst. It
	// takes as long as it takes.
	answer(ctx context.Context, dst []byte) reply
	// late is the reply when the work was not done in time.
	late() reply
}

// reply is what is sent for a request that has passed the gates.
type reply struct {
	status int
	header http.Header // shared: not to be changed
	body   []byte
	blob   io.Reader // instead of body: the result, written as it is read and then closed, see blob
}

var (
	xmlHeader = http.Header{"Content-Type": {"text/xml; charset=utf-8"}}
	gzipName  = []string{"gzip"}
)

// exchange is one request on its way through an endpoint.
type exchange struct {
	*endpoint
	w     http.ResponseWriter
	r     *http.Request
	conn  *conn     // nil if another server than ours has accepted it
	began time.Time // when its head had been read
	peer  *rpc.Peer // who has logged in, where callers have to

	reading bool // the body was asked for
}

// serve sees a request through: gates, login, body, call, answer. What is known
// from the head alone is looked at before a byte of the body is read.
func (x *exchange) serve() *refusal {
	if no := x.readable(); no != nil {
		return no
	}
	if no := x.gates.check(x.r, x.conn); no != nil {
		return no
	}
	if no := x.login(); no != nil {
		return no
	}
	if x.r.Method != http.MethodPost {
		return x.run(x.timeout, &page{x.endpoint, x.r})
	}
	timeout, err := timeoutFrom(x.r.Header, x.timeout)
	if err != nil {
		x.send(x.faultReply(nil, err))
		return nil
	}
	if x.conn != nil {
		x.conn.waits.Store(x.began.UnixNano())
	}
	x.reading = x.r.ContentLength <= int64(x.bodies.max)
	body, no := x.bodies.read(x.w, x.r)
	if x.conn != nil {
		x.conn.waits.Store(0)
	}
	if no != nil {
		return no
	}
	defer x.bodies.free(body)
	if n := weigh(body.data); n > fewValues {
		n = min(n, x.maxValues) // more are refused when they are read
		if !x.values.reserve(x.r.Context(), n) {
			return tooBusy("the server has no room at the moment for so many values, or a text that grows")
		}
		defer x.values.release(n)
	}
	return x.run(timeout, &call{e: x.endpoint, header: x.r.Header, body: body.data, timeout: timeout})
}

// refuse answers with a status. Whether the connection can live on is net/http's
// to decide, it can if little of the body is left; but see lingers.
func (x *exchange) refuse(no *refusal) {
	if no.header[0] != "" {
		x.w.Header().Set(no.header[0], no.header[1])
	}
	if x.entrance != nil && x.peer == nil {
		x.turnDown(no)
	}
	x.logger.LogAttrs(x.r.Context(), slog.LevelDebug, "request_refused", slog.String("transport", transportName),
		slog.Int("status", no.status), slog.String("reason", no.reason), slog.String("peer", x.r.RemoteAddr))
	h := x.w.Header()
	lingers := x.lingers(no)
	if lingers {
		h["Connection"] = []string{"close"}
	}
	text := fmt.Sprintf("%d %s: %s\n", no.status, http.StatusText(no.status), no.reason)
	h["Content-Type"] = []string{"text/plain; charset=utf-8"}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	h["Content-Length"] = []string{strconv.Itoa(len(text))}
	x.allowWrite()
	x.w.WriteHeader(no.status)
	_, _ = io.WriteString(x.w, text) // a client that is gone does not want it
	if lingers {
		x.linger()
	}
}

// turnDown is a part of refuse for a request that has not logged in. Its body is
// not read: the connection ends with the answer, and what is still to come is
// not waited for longer than it takes to read that.
func (x *exchange) turnDown(no *refusal) {
	if x.conn != nil {
		x.conn.turnedDown()
	}
	if no.status == http.StatusUnauthorized {
		x.w.Header()["Www-Authenticate"] = challenges
	}
	if x.r.ContentLength != 0 {
		x.w.Header()["Connection"] = []string{"close"}
		_ = http.NewResponseController(x.w).SetReadDeadline(time.Now().Add(drainWait)) // not all servers can
	}
}

// run does work within a deadline and sends its reply. The work is done on this
// goroutine, which is the connection's. If it goes on after its deadline, a
// timer sends the late reply over its head and the connection ends with it; the
// request is over, for Shutdown and MaxCalls too, when the work is.
func (x *exchange) run(timeout time.Duration, job work) *refusal {
	if !x.calls.take() {
		return tooBusy("too many calls are running")
	}
	defer x.calls.free()
	now := time.Now()
	ctx := withDeadline(x.context(), now.Add(timeout))
	defer ctx.end()

	over := new(overtime)
	if x.conn != nil {
		over = &x.conn.overtime
	} else {
		defer over.stop()
	}
	over.begin(now, now.Add(timeout+grace), func() {
		x.w.Header()["Connection"] = []string{"close"}
		x.send(job.late())
		_ = http.NewResponseController(x.w).Flush() // behind a wrapper that cannot, it is sent when the work ends
	})
	defer over.end() // x.w is not touched after this function, however it ends

	out := x.bodies.get()
	defer x.bodies.free(out)
	answer := job.answer(ctx, out.data)
	out.data = answer.body
	if answer.blob != nil {
		b := newBlob(ctx, answer.blob)
		defer b.close()
		answer.blob = b
	}
	if over.end() {
		x.send(answer)
	}
	return nil
}

// send writes a reply.
func (x *exchange) send(a reply) {
	h := x.w.Header()
	maps.Copy(h, a.header)
	if a.blob != nil {
		x.sendBlob(a.blob)
		return
	}
	body := a.body
	if x.gzip && len(body) > gzipAbove && acceptsGzip(x.r.Header) {
		small := x.bodies.get()
		defer x.bodies.free(small)
		small.data = compress(&x.bodies.gzips, small.data, body)
		if len(small.data) < len(body) {
			body = small.data
			h["Content-Encoding"] = gzipName
		}
	}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	x.allowWrite()
	x.w.WriteHeader(a.status)
	_, _ = x.w.Write(body) // a caller that is gone does not want it
}

// sendBlob writes a result piece by piece, each with its full time. When that
// fails the document is cut off, and so must the connection be.
func (x *exchange) sendBlob(blob io.Reader) {
	pieces := writerFunc(func(p []byte) (int, error) {
		x.allowWrite()
		return x.w.Write(p)
	})
	if err := xmlvalue.WriteBlobResponse(pieces, blob); err != nil {
		x.logger.LogAttrs(x.r.Context(), slog.LevelWarn, "result_cut_off", slog.String("transport", transportName), slog.Any("error", err))
		panic(http.ErrAbortHandler)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// allowWrite gives an answer its full time, which began with the request and
// of which the work may have taken some.
func (x *exchange) allowWrite() {
	if x.conn == nil || time.Since(x.began) > x.writeTimeout/10 {
		_ = http.NewResponseController(x.w).SetWriteDeadline(time.Now().Add(x.writeTimeout)) // not all servers can
	}
}

// acceptsGzip reports whether Accept-Encoding names gzip without refusing it.
func acceptsGzip(h http.Header) bool {
	for _, line := range h["Accept-Encoding"] {
		for item := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(item, ";")
			name = strings.TrimSpace(name)
			if !strings.EqualFold(name, "gzip") && !strings.EqualFold(name, "x-gzip") {
				continue
			}
			q, ok := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
			weight, err := strconv.ParseFloat(q, 64)
			return !ok || err == nil && weight > 0
		}
	}
	return false
}

// context returns the context of the request with its peer in it, which our own
// connections have already; if several identities share one, that of the first.
func (x *exchange) context() context.Context {
	ctx := x.r.Context()
	switch {
	case x.conn != nil && (x.peer == nil || x.peer == x.conn.peer):
		return ctx
	case x.peer != nil:
		return rpc.WithPeer(ctx, x.peer)
	}
	return rpc.WithPeer(ctx, &rpc.Peer{Transport: transportName, Addr: x.remoteAddr()})
}

// remoteAddr returns the address of the peer, nil if another server than ours does
// not say.
func (x *exchange) remoteAddr() net.Addr {
	if x.conn != nil {
		return x.conn.RemoteAddr()
	}
	local, _ := x.r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return remoteAddr(local, x.r.RemoteAddr)
}

// remoteAddr makes an address of what net/http has kept of it as text.
func remoteAddr(local net.Addr, text string) net.Addr {
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return net.TCPAddrFromAddrPort(ap)
	}
	if _, ok := local.(*net.UnixAddr); ok {
		return &net.UnixAddr{Net: "unix", Name: text}
	}
	return nil // a server that does not say
}
