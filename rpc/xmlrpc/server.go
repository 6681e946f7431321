package xmlrpc

import (
	"context"
	"crypto/tls"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

// Server serves the calls of XML-RPC clients. Its fields are set before it is
// used and must not change afterwards; it must not be copied then. Zero means
// the default that the field names; a negative number is an error of Listen and
// Serve, and a mounted Server answers 500 with it in the log.
//
// There are two ways to use it: Listen, Serve, Shutdown and Close, which take
// care of connections as well, or as an http.Handler in a server of one's own,
// whose time-outs and limits of connections then count. Methods are safe for
// concurrent use.
type Server struct {
	// Handler answers the calls; it is required. Panics in it are answered with
	// a fault and logged.
	Handler rpc.Caller

	// Auth says who sends a request, the page for browsers included; without a
	// login it is answered 401. What may be called is not decided here: the
	// identity stands in rpc.Peer, where the Authorizer of a registry finds it.
	// auth.Credentials is an Authenticator. Nil means that everyone may come in.
	//
	// With it set, a request without TLS from another machine is refused, unless
	// DangerouslyListenBeyondLoopback is set: whoever mounts a Server behind a
	// proxy on another machine, which ends TLS, needs that. Auth is told the address
	// in http.Request.RemoteAddr; behind a proxy it is that of the proxy for all,
	// unless the program has put the client's there. A connection counts as
	// silent until its first login. If Auth is an rpc.Revoker, the connections of
	// a login that is over are closed, and its running calls cancelled; a mounted
	// Server does not know its connections, and there calls that run end by
	// themselves.
	Auth Authenticator

	// Paths are where calls are taken, each beginning with a slash. Nil means
	// "/" and "/RPC2", and for a mounted Server every path that leads to it. Slashes
	// that are doubled in a request count once.
	Paths []string
	// Hosts are names or IP addresses, without a port, by which clients may
	// address this server: its public name, for one. Always allowed are localhost,
	// loopback addresses, the address that a connection came in on, and the host
	// that was given to Listen. Other names are refused, because a web page can
	// make a browser send requests to any address under a name of its own (DNS
	// rebinding).
	Hosts []string
	// AllowMissingContentType takes calls without a Content-Type, as some old
	// clients send them.
	AllowMissingContentType bool
	// ContentTypes are media types that calls may have besides text/xml and
	// application/xml. A browser sends text/plain, multipart/form-data and
	// application/x-www-form-urlencoded for any web page without asking, so that
	// they are better left out.
	ContentTypes []string
	// NoGzip sends every answer as it is. Otherwise one of more than 1 KiB is
	// compressed for clients that accept it.
	NoGzip bool

	// Timeout is how long a call may take; clients can ask for less. Then it is
	// answered with fault -32004, even if the function goes on. A result that is an
	// io.Reader is a part of its call: what is not read by then is cut off, so that
	// one without end holds nothing for ever. Zero means 25 s.
	Timeout time.Duration
	// MaxCalls is how many calls may run at the same time. Zero means 256. One
	// more is answered 503 with Retry-After.
	MaxCalls int
	// MaxBody is the largest body of a request, in bytes, compressed or not.
	// Zero means 4 MiB. A larger one is answered 413, and what is still sent of it
	// read and thrown away, up to a bound, so that the client gets to see that.
	MaxBody int
	// MaxBuffered bounds the memory for the bodies of all running calls, in
	// bytes; bodies up to 64 KiB do not count. Zero means 32 MiB, and it is never
	// less than MaxBody. A large body waits until there is room, for 5 s at most,
	// and is answered 503 then. So does a call with more than 8192 values, of
	// which all running calls together may hold twice Values.MaxElements.
	MaxBuffered int
	// Values are the options of the codec: depth, elements, what is written for
	// values that the specification has no form for.
	Values xmlvalue.Options

	// MaxConns is how many connections may be open. Zero means 1024.
	MaxConns int
	// AllowFrom are the addresses that may connect; others are closed before a
	// byte is read. Nil admits all, an empty list nobody. Unix sockets are not
	// concerned.
	AllowFrom []netip.Prefix
	// TLS encrypts connections: it needs a certificate. The version is 1.2 or
	// later. Nil means plain HTTP.
	TLS *tls.Config
	// DangerouslyListenBeyondLoopback lifts the refusal to serve plain HTTP on
	// an address that other machines can reach, where everyone on the way can
	// read and change calls, and read passwords.
	DangerouslyListenBeyondLoopback bool
	// SocketMode are the permissions of a unix socket. Zero means 0600: only the
	// own user may connect.
	SocketMode fs.FileMode
	// HeaderTimeout is the time for the head of a request (zero: 5 s),
	// ReadTimeout for the whole request (30 s), WriteTimeout for writing its
	// answer (60 s), IdleTimeout how long a connection may wait for its next
	// request (60 s).
	HeaderTimeout, ReadTimeout, WriteTimeout, IdleTimeout time.Duration

	// Logger gets failures that callers are not told, and at debug level what
	// was refused. Nil means slog.Default.
	Logger *slog.Logger

	prepared sync.Once
	err      error     // why the fields above cannot be served
	endpoint *endpoint // answers requests
	life     *life     // takes connections
}

// prepare makes what the fields describe, once.
func (s *Server) prepare() error {
	s.prepared.Do(func() {
		if s.endpoint, s.err = newEndpoint(s); s.err == nil {
			s.life, s.err = newLife(s)
		}
	})
	return s.err
}

// ServeHTTP answers one request: a call, or the page that lists the functions.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := s.prepare(); err != nil {
		logger(s.Logger).LogAttrs(r.Context(), slog.LevelError, "xmlrpc: the server cannot work", slog.Any("error", err))
		http.Error(w, "this server is not set up correctly", http.StatusInternalServerError)
		return
	}
	s.endpoint.ServeHTTP(w, r)
}

func logger(l *slog.Logger) *slog.Logger {
	if l != nil {
		return l
	}
	return slog.Default()
}

// Shutdown ends serving: no connection is taken any more, idle ones are closed
// at once, calls that have been accepted are answered. It returns when the last
// one is, or with the error of ctx when that is done; what is left then is cut
// off as Close does it.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.prepare(); err != nil {
		return err
	}
	return s.life.shutdown(ctx)
}

// Close ends serving at once: every connection is cut and the contexts of all
// calls are cancelled. It waits a second for them to return. Closing twice does
// nothing.
func (s *Server) Close() error {
	if err := s.prepare(); err != nil {
		return err
	}
	return s.life.close()
}
