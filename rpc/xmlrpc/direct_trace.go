package xmlrpc

import (
	"crypto/tls"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"time"
)

// hooks are what the caller of a call has put into its context to follow it, as
// http.Transport calls it; without a trace they do nothing. Package net calls
// those of names and of dialling.
type hooks struct{ *httptrace.ClientTrace }

func (h hooks) getConn(addr string) {
	if h.ClientTrace != nil && h.GetConn != nil {
		h.GetConn(addr)
	}
}

func (h hooks) gotConn(c *directConn) {
	if h.ClientTrace == nil || h.GotConn == nil {
		return
	}
	info := httptrace.GotConnInfo{Conn: c.netConn(), Reused: c.used, WasIdle: c.used}
	if c.used {
		info.IdleTime = time.Since(c.since)
	}
	h.GotConn(info)
}

func (h hooks) putIdle() {
	if h.ClientTrace != nil && h.PutIdleConn != nil {
		h.PutIdleConn(nil)
	}
}

func (h hooks) handshakeStart() {
	if h.ClientTrace != nil && h.TLSHandshakeStart != nil {
		h.TLSHandshakeStart()
	}
}

func (h hooks) handshakeDone(c *tls.Conn, err error) {
	if h.ClientTrace != nil && h.TLSHandshakeDone != nil {
		h.TLSHandshakeDone(c.ConnectionState(), err)
	}
}

// wrote is called when a request was written, or was not to its end.
func (h hooks) wrote(r *http.Request, err error) {
	if h.ClientTrace == nil {
		return
	}
	if h.WroteHeaderField != nil {
		h.WroteHeaderField("Host", []string{r.Host})
		for name, values := range r.Header {
			h.WroteHeaderField(name, values)
		}
	}
	if h.WroteHeaders != nil {
		h.WroteHeaders()
	}
	if h.WroteRequest != nil {
		h.WroteRequest(httptrace.WroteRequestInfo{Err: err})
	}
}

func (h hooks) firstByte() {
	if h.ClientTrace != nil && h.GotFirstResponseByte != nil {
		h.GotFirstResponseByte()
	}
}

// interim is called for an answer with a status of 1xx. Its error ends the call.
func (h hooks) interim(resp *http.Response) error {
	if h.ClientTrace == nil {
		return nil
	}
	if resp.StatusCode == http.StatusContinue && h.Got100Continue != nil {
		h.Got100Continue()
	}
	if h.Got1xxResponse != nil {
		return h.Got1xxResponse(resp.StatusCode, textproto.MIMEHeader(resp.Header))
	}
	return nil
}
