package xmlrpc

import (
	"context"
	"errors"
	"net"

	"golang.org/x/net/proxy"
)

// socksTo asks the SOCKS 5 proxy at the other end for a connection to addr. Names
// are for the proxy to look up. Whoever calls it sees to the end of its time.
func (c *directConn) socksTo(addr string) error {
	var login *proxy.Auth
	if u := c.via.proxy.User; u != nil && u.Username() != "" {
		password, _ := u.Password()
		login = &proxy.Auth{User: u.Username(), Password: password}
	}
	dialer, err := proxy.SOCKS5("tcp", c.via.addr, login, connected{&c.timed})
	if err != nil {
		return err
	}
	_, err = dialer.Dial("tcp", addr) // what it returns is the connection that it got
	if op := new(net.OpError); errors.As(err, &op) && op.Op == "socks connect" {
		err = op.Err // the proxy is named by the caller
	}
	return err
}

// connected is the dialler of a connection that is there already.
type connected struct{ conn net.Conn }

func (d connected) Dial(string, string) (net.Conn, error) { return d.conn, nil }

func (d connected) DialContext(context.Context, string, string) (net.Conn, error) {
	return d.conn, nil
}
