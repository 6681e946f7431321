package dial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/parley-rpc/parley/internal/relay"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// Route is a way to a server other than the direct one: through a relay, which
// counts what goes by. What the two ends say to each other stays the same.
type Route struct {
	relay *relay.Relay
	url   string                                // of the relay; "": that of the server
	proxy func(*http.Request) (*url.URL, error) // to the relay
	host  string                                // whom the certificate of tls:// is for
	dir   string                                // of the relay's socket; "" if there is none
}

// NewRoute opens a relay to the server at a URL. HTTP would name the relay as
// the host that it means, so there the relay is a SOCKS proxy, which HTTP does
// not see.
func NewRoute(server string) (*Route, error) {
	scheme, address, _ := strings.Cut(server, "://")
	switch scheme {
	case "http", "https":
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		r := &Route{relay: relay.New(l, dialAsTold)}
		proxy := &url.URL{Scheme: "socks5", Host: r.relay.Addr().String()}
		r.proxy = func(*http.Request) (*url.URL, error) { return proxy, nil }
		return r, nil
	case "tcp", "tls":
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		r := &Route{relay: relay.New(l, relay.To("tcp", address)), host: host}
		r.url = scheme + "://" + r.relay.Addr().String()
		return r, nil
	}
	socket, rest := address, ""
	if i := strings.LastIndex(address, ":/"); scheme == "http+unix" && i >= 0 {
		socket, rest = address[:i], address[i:]
	}
	dir, err := os.MkdirTemp("", "parley-")
	if err != nil {
		return nil, err
	}
	own := filepath.Join(dir, "s")
	l, err := net.Listen("unix", own)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &Route{relay: relay.New(l, relay.To("unix", socket)), url: scheme + "://" + own + rest, dir: dir}, nil
}

// Settled returns how many bytes went by, both ways, when none has come for a while.
func (r *Route) Settled() int64 { return r.relay.Settled() }

// Close ends the relay and all connections through it.
func (r *Route) Close() {
	r.relay.Close()
	if r.dir != "" {
		os.RemoveAll(r.dir)
	}
}

// http returns what an HTTP client needs to go this way.
func (r *Route) http(server string, config xmlrpc.ClientConfig) (string, xmlrpc.ClientConfig) {
	if r == nil {
		return server, config
	}
	config.Proxy = r.proxy
	if r.url != "" {
		server = r.url
	}
	return server, config
}

// native returns what a native client needs to go this way.
func (r *Route) native(server string, config native.DialConfig) (string, native.DialConfig) {
	if r == nil {
		return server, config
	}
	if config.TLS != nil {
		config.TLS = config.TLS.Clone()
		config.TLS.ServerName = r.host
	}
	return r.url, config
}

// dialAsTold connects to where a client of SOCKS 5 (RFC 1928) asks for: as much of
// it as net/http speaks, without a login.
func dialAsTold(ctx context.Context, client net.Conn) (net.Conn, error) {
	address, err := acceptSOCKS(client)
	if err != nil {
		return nil, err
	}
	// Version 5, how it went, then an address that means nothing.
	answer := []byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	var d net.Dialer
	server, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		answer[1] = 5 // refused
		_, _ = client.Write(answer)
		return nil, err
	}
	if _, err := client.Write(answer); err != nil {
		server.Close()
		return nil, err
	}
	return server, nil
}

// acceptSOCKS reads what a client says before anything is carried (RFC 1928,
// sections 3 to 5), and returns where it wants to go.
func acceptSOCKS(c net.Conn) (address string, err error) {
	read := func(n int) []byte {
		b := make([]byte, n)
		if err == nil {
			_, err = io.ReadFull(c, b)
		}
		return b
	}
	if hello := read(2); hello[0] == 5 {
		read(int(hello[1])) // ways to log in; none is always among them here
	}
	if err == nil {
		_, err = c.Write([]byte{5, 0})
	}
	request := read(4) // version, command, reserved, kind of address
	var host string
	switch request[3] {
	case 1:
		host = net.IP(read(net.IPv4len)).String()
	case 4:
		host = net.IP(read(net.IPv6len)).String()
	case 3:
		host = string(read(int(read(1)[0])))
	default:
		err = errors.Join(err, fmt.Errorf("got a SOCKS address of kind %d; want 1, 3 or 4", request[3]))
	}
	port := read(2)
	if err != nil {
		return "", err
	}
	if request[1] != 1 {
		return "", fmt.Errorf("got the SOCKS command %d; want 1, connect", request[1])
	}
	return net.JoinHostPort(host, fmt.Sprint(int(port[0])<<8|int(port[1]))), nil
}
