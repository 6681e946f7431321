package main

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

	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// route is a way to a server other than the direct one: through a relay, which
// counts what goes by. What the two ends say to each other stays the same.
type route struct {
	relay *relay
	url   string                                // of the relay; "": that of the server
	proxy func(*http.Request) (*url.URL, error) // to the relay
	host  string                                // whom the certificate of tls:// is for
	dir   string                                // of the relay's socket; "" if there is none
}

// newRoute opens a relay to the server at a URL. HTTP would name the relay as
// the host that it means, so there the relay is a SOCKS proxy, which HTTP does
// not see.
func newRoute(server string) (r *route, err error) {
	scheme, address, _ := strings.Cut(server, "://")
	switch scheme {
	case "http", "https":
		r = &route{}
		if r.relay, err = newSOCKS(); err != nil {
			return nil, err
		}
		proxy := &url.URL{Scheme: "socks5", Host: r.relay.addr().String()}
		r.proxy = func(*http.Request) (*url.URL, error) { return proxy, nil }
		return r, nil
	case "tcp", "tls":
		r = &route{}
		if r.host, _, err = net.SplitHostPort(address); err != nil {
			return nil, err
		}
		if r.relay, err = newRelay("127.0.0.1:0", dialled{"tcp", address}); err != nil {
			return nil, err
		}
		r.url = scheme + "://" + r.relay.addr().String()
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
	r = &route{dir: dir}
	if r.relay, err = newRelay(filepath.Join(dir, "s"), dialled{"unix", socket}); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	r.url = scheme + "://" + filepath.Join(dir, "s") + rest
	return r, nil
}

// close ends the relay and all connections through it.
func (r *route) close() {
	r.relay.close()
	if r.dir != "" {
		os.RemoveAll(r.dir)
	}
}

// http returns what an HTTP client needs to go this way.
func (r *route) http(server string, config xmlrpc.ClientConfig) (string, xmlrpc.ClientConfig) {
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
func (r *route) native(server string, config native.DialConfig) (string, native.DialConfig) {
	if r == nil {
		return server, config
	}
	if config.TLS != nil {
		config.TLS = config.TLS.Clone()
		config.TLS.ServerName = r.host
	}
	return r.url, config
}

// dialled is an address that a relay connects to.
type dialled struct{ network, address string }

func (d dialled) Network() string { return d.network }
func (d dialled) String() string  { return d.address }

// newSOCKS returns a relay that its clients tell where to connect to: as much of
// SOCKS 5 (RFC 1928) as net/http speaks, without a login. It listens on loopback.
func newSOCKS() (*relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &relay{listener: l}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r.running.Go(func() { r.connect(c) })
		}
	})
	return r, nil
}

// connect does what one client of SOCKS asks for, and carries.
func (r *relay) connect(client net.Conn) {
	if !r.hold(client) {
		return
	}
	address, err := acceptSOCKS(client)
	if err != nil {
		client.Close()
		return
	}
	server, err := r.dial("tcp", address)
	if err != nil {
		// Version 5, refused, then an address that means nothing.
		_, _ = client.Write([]byte{5, 5, 0, 1, 0, 0, 0, 0, 0, 0})
		client.Close()
		return
	}
	if !r.hold(server) {
		return
	}
	if _, err := client.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0}); err != nil {
		client.Close()
	}
	r.running.Go(func() { r.carry(server, client) })
	r.carry(client, server)
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
