package xmlrpc

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

// Defaults of a ClientConfig.
const (
	defaultCallTimeout   = 30 * time.Second
	defaultDialTimeout   = 10 * time.Second
	defaultClientConns   = 256
	defaultClientIdle    = 30 * time.Second
	maxAnswerHeaderBytes = 64 << 10
	userAgent            = "parley-xmlrpc"
)

// unixScheme is the scheme of a URL that names a unix socket and a path.
const unixScheme = "http+unix"

// ClientConfig refines a Client. Its zero value is a safe default; a negative
// number is an error of NewClient.
type ClientConfig struct {
	// User and Password are sent by HTTP Basic with every call; they may stand in
	// the URL instead. Plain HTTP to another machine is refused then: everyone
	// on the way could read them.
	User, Password string
	// Login is sent with every call instead: HTTP Basic or a bearer key. An
	// auth.Secret is one. It is asked once, by NewClient, and held to the same
	// rule: never readable on the way to another machine.
	Login Secret
	// Header is sent with every call. An Authorization in it is treated as a
	// password is. Idempotency-Key cannot be set: what passes calls on may send
	// those with one twice.
	Header http.Header
	// Jar keeps the cookies that the server sets and sends them with later calls,
	// as servers with a login method of their own expect. A cookie is kept for the
	// target's own host alone, whatever Domain it names, and a Secure one not
	// if everyone on the way could read it. Cookies do not tell ports and unix sockets apart, so a
	// Jar should not be shared between clients of one machine's servers. Nil means
	// that cookies are neither kept nor sent.
	Jar http.CookieJar
	// Timeout bounds a call whose context has no deadline; of a stream (rpc.Stream,
	// rpc.Reader) the time until its answer begins, and from each part of that to
	// the next. Zero means 30 s.
	Timeout time.Duration
	// DialTimeout bounds the making of a connection. Zero means 10 s.
	DialTimeout time.Duration
	// IdleTimeout is how long a connection is kept for the next call. It should
	// be less than what the server grants. Zero means 30 s.
	IdleTimeout time.Duration
	// DisableKeepAlives makes a connection for each call and says so to the server.
	// It is for servers that close a connection behind each answer without a word:
	// the next call may be on its way there already, and then fails with its
	// outcome unknown.
	DisableKeepAlives bool
	// MaxConns is how many connections there may be; more calls wait for one.
	// Zero means 256.
	MaxConns int
	// MaxAnswer is the largest answer accepted, in bytes, compressed or not. Zero
	// means 4 MiB.
	MaxAnswer int
	// GzipCalls compresses calls of more than 1 KiB. Not all servers read that.
	// Compressed answers are asked for whenever the server is another machine.
	GzipCalls bool
	// Values are the options of the codec.
	Values xmlvalue.Options
	// TLS is for https. Nil means the system's certificates and TLS 1.2 or later.
	TLS *tls.Config
	// Proxy chooses a proxy for a request, as in http.Transport, whose schemes it may
	// have: http, https, socks5 and socks5h. http.ProxyFromEnvironment is one that
	// asks the environment. Nil means none, whatever the environment says. To a unix
	// socket there is none.
	Proxy func(*http.Request) (*url.URL, error)
}

// check looks for mistakes and returns the headers of every call.
func (c *ClientConfig) check(t *target) (http.Header, error) {
	for _, f := range []struct {
		name string
		n    int64
	}{
		{"Timeout", int64(c.Timeout)},
		{"DialTimeout", int64(c.DialTimeout)},
		{"IdleTimeout", int64(c.IdleTimeout)},
		{"MaxConns", int64(c.MaxConns)},
		{"MaxAnswer", int64(c.MaxAnswer)},
	} {
		if f.n < 0 {
			return nil, fmt.Errorf("ClientConfig.%s is negative; zero means its default", f.name)
		}
	}
	if err := c.Values.Validate(); err != nil {
		return nil, fmt.Errorf("ClientConfig.Values: %w", err)
	}
	h := http.Header{}
	for name, v := range c.Header {
		switch name = http.CanonicalHeaderKey(name); name {
		case "Idempotency-Key", "X-Idempotency-Key":
			return nil, fmt.Errorf("ClientConfig.Header: with %s a proxy on the way may send calls twice", name)
		case "Host", "Content-Length", "Content-Encoding", "Transfer-Encoding", "Connection", "Trailer", timeoutHeader:
			return nil, fmt.Errorf("ClientConfig.Header: %s cannot be set", name)
		}
		h[name] = append([]string(nil), v...)
	}
	user, password := c.User, c.Password
	if t.user != nil {
		if user != "" {
			return nil, errors.New("there is a user in the URL and another one in ClientConfig.User")
		}
		user = t.user.Username()
		password, _ = t.user.Password()
	}
	if user != "" || password != "" {
		if strings.Contains(user, ":") {
			return nil, errors.New("ClientConfig.User: HTTP Basic cannot send a name with a colon")
		}
		r := http.Request{Header: h}
		r.SetBasicAuth(user, password)
	}
	if c.Login != nil {
		if h.Get("Authorization") != "" {
			return nil, errors.New("there is ClientConfig.Login and another login: in the URL, ClientConfig.User or an Authorization in ClientConfig.Header")
		}
		authorization, err := c.Login.Authorization()
		if err != nil {
			return nil, fmt.Errorf("ClientConfig.Login: %w", err)
		}
		h.Set("Authorization", authorization)
	}
	if h.Get("Authorization") != "" && !t.private {
		return nil, fmt.Errorf("a password would go to %s readable by everyone on the way: use https", t.url.Host)
	}
	h["Content-Type"] = []string{"text/xml; charset=utf-8"}
	if h.Get("User-Agent") == "" {
		h["User-Agent"] = []string{userAgent}
	}
	if !t.local {
		h["Accept-Encoding"] = gzipName
	}
	return h, nil
}

// target is where the calls of a client go.
type target struct {
	url     *url.URL // its host in ASCII
	host    string   // and the port, as in a request
	user    *url.Userinfo
	socket  string // the path of a unix socket; "" for none
	name    string // for errors: the URL without a password
	local   bool   // it is on this machine
	private bool   // nobody else reads what is sent
}

func parseTarget(raw string) (target, error) {
	if rest, ok := strings.CutPrefix(raw, unixScheme+"://"); ok {
		return parseUnixTarget(rest)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return target{}, errors.New("the URL cannot be read: want http://host:port/path, https://host:port/path or http+unix:///socket:/path")
	}
	if u.Opaque != "" { // as user:password@host, where the password stands anywhere
		return target{}, errors.New("the URL has no // behind its scheme; want http://host:port/path, https://host:port/path or http+unix:///socket:/path")
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Fragment != "" {
		return target{}, fmt.Errorf("got the URL %s; want http://host:port/path, https://host:port/path or http+unix:///socket:/path", clip(u.Redacted()))
	}
	t := target{user: u.User}
	u.User = nil
	if u.Path == "" {
		u.Path = defaultPath
	}
	t.local = isThisMachine(u.Hostname())
	t.private = t.local || u.Scheme == "https"
	t.url, t.name = u, u.String()
	if t.host, err = asciiHost(u.Host); err != nil {
		return target{}, err
	}
	if !isASCII(u.Host) {
		u.Host = t.host
	}
	return t, nil
}

// isThisMachine reports whether a host in a URL is a loopback address.
func isThisMachine(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback() || strings.EqualFold(host, "localhost")
}

// parseUnixTarget reads "/path/of/socket:/path"; the path may be missing.
func parseUnixTarget(rest string) (target, error) {
	socket, path := rest, defaultPath
	if i := strings.LastIndex(rest, ":/"); i >= 0 {
		socket, path = rest[:i], rest[i+1:]
	}
	u, err := url.Parse("http://localhost" + path)
	if err != nil || !strings.HasPrefix(socket, "/") {
		return target{}, fmt.Errorf("got the URL %s://%s; want %s:///path/of/socket:/path", unixScheme, clip(rest), unixScheme)
	}
	return target{url: u, host: u.Host, socket: socket, name: unixScheme + "://" + socket + ":" + path, local: true, private: true}, nil
}
