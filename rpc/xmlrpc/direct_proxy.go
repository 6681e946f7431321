package xmlrpc

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// way is how a connection gets to the server: by itself if proxy is nil.
type way struct {
	key   string // connections with the same one go the same way; "" without a proxy
	proxy *url.URL
	addr  string // of the proxy: host:port
}

// ports are those of the schemes of servers and proxies.
var ports = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}

// way asks which way a request goes.
func (d *direct) way(ctx context.Context, r *http.Request) (way, error) {
	if d.proxy == nil {
		return way{}, nil
	}
	u, err := d.proxy(r.WithContext(ctx))
	if err != nil || u == nil {
		return way{}, err
	}
	port := ports[u.Scheme]
	if port == "" || u.Hostname() == "" {
		return way{}, fmt.Errorf("got the proxy %s; want http://host:port, https://host:port or socks5://host:port", clip(u.Redacted()))
	}
	host, err := asciiHost(u.Hostname())
	if err != nil {
		return way{}, fmt.Errorf("the proxy %s: %w", clip(u.Redacted()), err)
	}
	return way{u.String(), u, net.JoinHostPort(host, or(u.Port(), port))}, nil
}

// failed names the proxy where a connection by way of it failed.
func (v way) failed(err error) error {
	if err == nil || v.proxy == nil {
		return err
	}
	return fmt.Errorf("the proxy %s: %w", clip(v.proxy.Host), err)
}

// plain reports whether the proxy reads the requests, and passes them on.
func (c *directConn) plain() bool {
	return c.via.proxy != nil && c.owner.secure == nil && (c.via.proxy.Scheme == "http" || c.via.proxy.Scheme == "https")
}

// login is what a proxy is logged in with, "" for nothing.
func (v way) login() string {
	if v.proxy.User == nil {
		return ""
	}
	password, _ := v.proxy.User.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(v.proxy.User.Username()+":"+password))
}

// errNoProxy ends the conversation with a proxy that takes too long.
var errNoProxy = errors.New("it has not made the connection in time")

// pass makes a new connection to a proxy one to the server, as far as the proxy
// has to do with that. Who calls it closes it if that fails.
func (d *direct) pass(ctx context.Context, c *directConn, h hooks) error {
	if c.via.proxy.Scheme == "https" {
		host, _, _ := net.SplitHostPort(c.via.addr) // it was made of the two
		if err := newSecure(d.tls, host, d.dialTimeout).start(ctx, c, h); err != nil {
			return err
		}
	}
	if c.plain() {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, d.dialTimeout, errNoProxy)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = c.timed.SetDeadline(time.Unix(1, 0)) })
	var err error
	switch c.via.proxy.Scheme {
	case "http", "https":
		err = c.connectTo(d.addr)
	default:
		err = c.socksTo(d.addr)
	}
	if !stop() {
		return context.Cause(ctx)
	}
	return err
}

// connectTo asks the proxy at the other end for a connection to addr (RFC 9110,
// section 9.3.6).
func (c *directConn) connectTo(addr string) error {
	r := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: addr}, Host: addr, Header: http.Header{"User-Agent": {userAgent}}}
	if login := c.via.login(); login != "" {
		r.Header["Proxy-Authorization"] = []string{login}
	}
	if err := r.Write(c.stream()); err != nil {
		return err
	}
	resp, err := c.answer(r, hooks{}) //nolint:bodyclose // its body is the connection itself, and stays open
	if err != nil {
		return err
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("no connection to %s: HTTP status %d %s", addr, resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	if c.reader.Buffered() > 0 {
		return errors.New("it said something before it was spoken to")
	}
	return nil
}
