package xmlrpc

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
)

// What SOCKS 5 says (RFC 1928, and RFC 1929 for the password).
const (
	socksVersion  = 5
	socksOpen     = 0    // no login
	socksPassword = 2    // a name and a password
	socksNone     = 0xff // no login that was offered will do
	socksConnect  = 1
	socksIPv4     = 1
	socksName     = 3
	socksIPv6     = 4
)

// socksRefusals are the answers of a proxy to a request.
var socksRefusals = [...]string{
	"", "it failed", "its rules forbid the connection", "the network cannot be reached", "the host cannot be reached",
	"the server refused the connection", "the time to live is over", "it makes no connections", "it does not take this kind of address",
}

// socksTo asks the SOCKS proxy at the other end for a connection to addr. Names
// are for the proxy to look up.
func (c *directConn) socksTo(addr string) error {
	user, password := "", ""
	if u := c.via.proxy.User; u != nil {
		user = u.Username()
		password, _ = u.Password()
	}
	hello := []byte{socksVersion, 1, socksOpen}
	if user != "" {
		hello = []byte{socksVersion, 2, socksOpen, socksPassword}
	}
	var answer [2]byte
	if err := c.ask(hello, answer[:]); err != nil {
		return err
	}
	switch method := answer[1]; {
	case answer[0] != socksVersion:
		return fmt.Errorf("it does not speak SOCKS 5: it began with the byte %#02x", answer[0])
	case method == socksPassword && user != "":
		if err := c.socksLogin(user, password); err != nil {
			return err
		}
	case method == socksNone:
		return errors.New("it wants another login")
	case method != socksOpen:
		return fmt.Errorf("it chose login %d, which was not offered", method)
	}
	request, err := appendSocksAddr([]byte{socksVersion, socksConnect, 0}, addr)
	if err != nil {
		return err
	}
	return c.socksConnected(request)
}

// socksLogin logs in with a name and a password.
func (c *directConn) socksLogin(user, password string) error {
	if len(user) > 255 || len(password) > 255 {
		return errors.New("a name and a password may have 255 bytes each")
	}
	login := append([]byte{1, byte(len(user))}, user...)
	login = append(append(login, byte(len(password))), password...)
	var answer [2]byte
	if err := c.ask(login, answer[:]); err != nil {
		return err
	}
	if answer[1] != 0 {
		return errors.New("the login is not valid")
	}
	return nil
}

// socksConnected sends the request for a connection and reads the answer, which
// names the address that it was made from.
func (c *directConn) socksConnected(request []byte) error {
	var head [5]byte // and the first byte of the address
	if err := c.ask(request, head[:]); err != nil {
		return err
	}
	if head[0] != socksVersion {
		return fmt.Errorf("it answered with the byte %#02x in place of the version", head[0])
	}
	if no := int(head[1]); no >= len(socksRefusals) {
		return fmt.Errorf("it refused with the code %d", no)
	} else if no != 0 {
		return errors.New(socksRefusals[no])
	}
	rest := 2 - 1 // the port, without the byte that is there
	switch head[3] {
	case socksIPv4:
		rest += net.IPv4len
	case socksIPv6:
		rest += net.IPv6len
	case socksName:
		rest += 1 + int(head[4])
	default:
		return fmt.Errorf("it answered with an address of kind %d", head[3])
	}
	_, err := io.ReadFull(c.stream(), make([]byte, rest))
	return err
}

// ask sends a message to the proxy and fills answer.
func (c *directConn) ask(message, answer []byte) error {
	if _, err := c.stream().Write(message); err != nil {
		return err
	}
	_, err := io.ReadFull(c.stream(), answer)
	return err
}

// appendSocksAddr appends a host and its port.
func appendSocksAddr(dst []byte, addr string) ([]byte, error) {
	host, digits, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("the port %s is none from 0 to 65535", quote(digits))
	}
	switch ip, err := netip.ParseAddr(host); {
	case err == nil && ip.Is4():
		dst = append(append(dst, socksIPv4), ip.AsSlice()...)
	case err == nil:
		dst = append(append(dst, socksIPv6), ip.AsSlice()...)
	case len(host) > 255:
		return nil, errors.New("the name of the server has more than 255 bytes")
	default:
		dst = append(append(dst, socksName, byte(len(host))), host...)
	}
	return append(dst, byte(port>>8), byte(port)), nil
}
