package native

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// maxUnixPath is the longest path of a unix socket that every system takes, in
// bytes (sun_path of sockaddr_un: 108 on Linux, 104 on BSD and macOS, with a NUL).
const maxUnixPath = 103

// parseAddress splits a URL into what package net takes:
//
//	tcp://127.0.0.1:16000   tcp://[::1]:16000   tcp://localhost:16000   tls://host:16000
//	unix:///run/tool.sock   unix://@tool (an abstract name, Linux)
func parseAddress(url string) (network, address string, err error) {
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok {
		return "", "", fmt.Errorf("address %q: expected tcp://host:port, tls://host:port or unix:///path", value.Clip(url, 128))
	}
	bad := func(format string, args ...any) (string, string, error) {
		return "", "", fmt.Errorf("address %q: %s", value.Clip(url, 128), fmt.Sprintf(format, args...))
	}
	switch scheme {
	case "tcp", "tls":
		host, port, err := net.SplitHostPort(rest)
		if err != nil {
			return bad("expected %s://host:port: %v", scheme, err)
		}
		if host == "" {
			return bad("no host; for every interface write %s://0.0.0.0:%s, or [::]", scheme, value.Clip(port, 16))
		}
		if strings.ContainsAny(host, "/@?# \t\r\n") {
			return bad("expected a host name or an IP address, got %q", value.Clip(host, 64))
		}
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return bad("expected a port from 0 to 65535, got %q", value.Clip(port, 16))
		}
		return scheme, rest, nil
	case "unix":
		switch {
		case strings.HasPrefix(rest, "@"):
			if len(rest) == 1 {
				return bad("no name after unix://@")
			}
		case !strings.HasPrefix(rest, "/"):
			return bad("expected an absolute path, unix:///path, or unix://@name")
		}
		if len(rest) > maxUnixPath {
			return bad("%d bytes; the path of a unix socket has %d at most", len(rest), maxUnixPath)
		}
		if strings.ContainsRune(rest, 0) {
			return bad("a path holds no NUL")
		}
		return scheme, rest, nil
	}
	return bad("expected the scheme tcp, tls or unix, got %q", value.Clip(scheme, 16))
}

// CheckAddress says what is wrong with the form of a URL that is to be given to
// Listen or Dial, and is nil if nothing is. It opens nothing and looks nothing up.
func CheckAddress(url string) error {
	if _, _, err := parseAddress(url); err != nil {
		return fmt.Errorf("native: %w", err)
	}
	return nil
}

// urlOf returns the URL form of a listener's or connection's address.
func urlOf(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.Network() + "://" + a.String()
}

// dial connects to url. Its errors say what to check.
func dial(ctx context.Context, url string) (net.Conn, error) {
	network, address, err := parseAddress(url)
	if err != nil {
		return nil, err
	}
	if network != "unix" && strings.HasSuffix(address, ":0") {
		return nil, errors.New("port 0 is for listening: name the port that the listener got")
	}
	var d net.Dialer // TCP_NODELAY and keep-alive are its defaults
	if network == "tls" {
		network = "tcp"
	}
	nc, err := d.DialContext(ctx, network, address)
	if err != nil {
		if hint := dialHint(err, network); hint != "" {
			err = fmt.Errorf("%s: %w", hint, err)
		}
		return nil, err
	}
	return nc, nil
}

func dialHint(err error, network string) string {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return "the host name was not found; check it, or use an IP address"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there; check that the server runs and has this address"
	case errors.Is(err, os.ErrNotExist):
		return "there is no such socket; check that the server runs and has this path"
	case errors.Is(err, os.ErrPermission) && network == "unix":
		return "the socket belongs to another user; run as the one that the server runs as"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no route to the host; check the network and the address"
	case errors.Is(err, syscall.EAGAIN) && network == "unix":
		return "the listener's queue is full; try again"
	}
	return ""
}

// resolveTimeout bounds the look-up of the host name of a listener.
const resolveTimeout = 5 * time.Second

// listen opens a listener, without TLS so far. It refuses addresses beyond loopback
// unless beyondLoopback or for tls://. A unix socket has mode 0600 from the start; what a dead server
// left at its path is removed, after a probe.
func listen(url string, beyondLoopback bool) (net.Listener, error) {
	network, address, err := parseAddress(url)
	if err != nil {
		return nil, err
	}
	if network == "unix" {
		return listenUnix(address)
	}
	host, port, _ := net.SplitHostPort(address)
	ctx, cancel := context.WithTimeout(context.Background(), resolveTimeout)
	defer cancel()
	ip, err := resolveListener(ctx, host)
	if err != nil {
		return nil, err
	}
	if network == "tls" {
		network = "tcp"
	} else if !ip.IsLoopback() && !beyondLoopback {
		return nil, fmt.Errorf("%s is beyond loopback, where this protocol does not protect what is sent: use tls:// with Login, 127.0.0.1 or a unix socket with ssh -L, or set DangerouslyBeyondLoopback", ip)
	}
	// Python's Client knows no IPv6: 0.0.0.0 stays IPv4, and [::] takes both.
	if ip.Is4() {
		network = "tcp4"
	}
	l, err := net.Listen(network, net.JoinHostPort(ip.String(), port))
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			err = fmt.Errorf("another process listens there; stop it or choose another port: %w", err)
		}
		return nil, err
	}
	return l, nil
}

// resolveListener returns the address that host stands for, IPv4 before IPv6.
func resolveListener(ctx context.Context, host string) (netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap(), nil
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.Addr{}, err
	}
	for i := range ips {
		if ips[i] = ips[i].Unmap(); ips[i].Is4() {
			return ips[i], nil
		}
	}
	if len(ips) == 0 {
		return netip.Addr{}, fmt.Errorf("%s has no address", value.Clip(host, 64))
	}
	return ips[0], nil
}

// ipOf returns the IP address in a, which is not valid if there is none. Listeners
// that are none of package net's, and those of TLS, have addresses of other types.
func ipOf(a net.Addr) netip.Addr {
	var ap netip.AddrPort
	switch a := a.(type) {
	case nil:
	case interface{ AddrPort() netip.AddrPort }:
		ap = a.AddrPort()
	default:
		ap, _ = netip.ParseAddrPort(a.String())
	}
	return ap.Addr().Unmap().WithZone("")
}
