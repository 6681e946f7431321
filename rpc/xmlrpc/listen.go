package xmlrpc

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// unixPrefix begins an address that is the path of a unix socket.
const unixPrefix = "unix:"

// defaultSocketMode lets the own user alone connect to a unix socket.
const defaultSocketMode = 0o600

// listener is a net.Listener that knows by which host it was asked for.
type listener struct {
	net.Listener
	host string
}

// ListenAndServe is Listen and then Serve.
func (s *Server) ListenAndServe(addr string) error {
	ln, err := s.Listen(addr)
	if err != nil {
		return err
	}
	return s.Serve(ln)
}

// Listen opens addr for Serve: "host:port", where port 0 is one that is free,
// or "unix:" and the path of a socket. Its Addr tells what was bound. Plain
// HTTP on an address beyond loopback is refused, "" and 0.0.0.0 among them. A
// socket that a server has left behind is replaced, one in use is not.
func (s *Server) Listen(addr string) (net.Listener, error) {
	if err := s.prepare(); err != nil {
		return nil, err
	}
	if path, ok := strings.CutPrefix(addr, unixPrefix); ok {
		ln, err := listenUnix(strings.TrimPrefix(path, "//"), cmp.Or(s.SocketMode, defaultSocketMode))
		if err != nil {
			return nil, fmt.Errorf("xmlrpc: listen %s: %w", addr, err)
		}
		return &listener{Listener: ln}, nil
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("xmlrpc: listen %q: want host:port or unix:/path: %w", addr, err)
	}
	resolved, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("xmlrpc: listen %s: %w", addr, err)
	}
	if err := s.life.allowAddr(resolved); err != nil {
		return nil, err
	}
	network := "tcp"
	if resolved.IP.To4() != nil {
		network = "tcp4" // 0.0.0.0 is all of IPv4 and no more
	}
	ln, err := net.ListenTCP(network, resolved)
	if err != nil {
		return nil, fmt.Errorf("xmlrpc: %w", err)
	}
	name, _ := hostName(cmp.Or(host, "::")) // as URL names it
	return &listener{ln, name}, nil
}

// URL returns where clients find a server that listens on addr:
// "http://127.0.0.1:8080/RPC2" or "http+unix:///run/tool.sock:/RPC2".
func (s *Server) URL(addr net.Addr) string {
	path := defaultPath
	if s.Paths != nil && !slices.Contains(s.Paths, path) {
		path = s.Paths[0]
	}
	if addr.Network() == "unix" {
		return unixScheme + "://" + addr.String() + ":" + path
	}
	if s.TLS != nil {
		return "https://" + addr.String() + path
	}
	return "http://" + addr.String() + path
}

func listenUnix(path string, mode fs.FileMode) (net.Listener, error) {
	ln, err := net.Listen("unix", path)
	if errors.Is(err, syscall.EADDRINUSE) && abandoned(path) {
		if err := os.Remove(path); err != nil {
			return nil, err
		}
		ln, err = net.Listen("unix", path)
	}
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, mode); err != nil {
		ln.Close()
		return nil, err
	}
	return ln, nil
}

// abandoned reports whether path is a socket on which nobody listens.
func abandoned(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != fs.ModeSocket {
		return false
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		c.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}
