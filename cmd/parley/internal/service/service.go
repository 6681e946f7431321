// Package service is what parley serve serves: its config file, who may come in,
// the listeners with their functions, and what an operator should know of them
// before he starts.
package service

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/cmd/parley/internal/login"
	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/python"
	"github.com/parley-rpc/parley/rpc/value"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

// Service is a serve: what it was told, and what came of it.
type Service struct {
	cfg     Config
	path    string             // of the file that says so; empty: the flags do
	authkey login.AuthkeyFlags // for the native channel, if there are no credentials
	access

	reg       *rpc.Registry
	maxConns  int // of each listener
	listeners []listening
}

// New is a service that flags tell what to do.
func New(cfg Config, authkey login.AuthkeyFlags) *Service {
	return &Service{cfg: cfg, authkey: authkey}
}

// FromFile is a service that a file tells what to do.
func FromFile(path string) (*Service, error) {
	f, err := loadConfig(path)
	if err != nil {
		return nil, err
	}
	return &Service{cfg: f.Config, path: path}, nil
}

// server is what the servers of both transports have in common.
type server interface {
	Serve(net.Listener) error
	Shutdown(context.Context) error
	Close() error
}

// listening is a server with the listener that it is to serve.
type listening struct {
	net.Listener
	server server
	name   string // of the transport
	url    string // for clients
	note   string // for the person who starts it; may be empty
}

// Open opens all listeners, or none of them.
func (s *Service) Open(stderr io.Writer) (err error) {
	if err := s.cfg.checkAddresses(); err != nil {
		return err
	}
	if err := s.cfg.checkReach(); err != nil {
		return err
	}
	s.reg = rpc.NewRegistry()
	s.reg.Logger = NewLogger(stderr, s.cfg.LogLevel, s.say("--allow-md5"))
	if err := registerAll(s.reg); err != nil {
		return err
	}
	if err := s.access.open(s.cfg, s.reg.Logger); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			for _, l := range s.listeners {
				l.Close()
			}
		}
	}()
	s.maxConns = s.cfg.Limits.MaxConns
	if files, ok := openFiles(); ok {
		var warning string
		if s.maxConns, warning = s.cfg.fitConns(files); warning != "" {
			s.reg.Logger.Warn(warning)
		}
	}
	for _, l := range s.cfg.XMLRPC {
		if err := s.listenXMLRPC(l); err != nil {
			return err
		}
	}
	for _, l := range s.cfg.Native {
		if err := s.listenNative(l); err != nil {
			return err
		}
	}
	if s.path != "" { // only now: until here the registry has to tell this very program all it has
		s.reg.Authorizer = &s.policy
	}
	// Strangers do not need to know what goes wrong inside.
	s.reg.HideErrors = slices.ContainsFunc(s.listeners, func(l listening) bool { return beyondLoopback(l.Addr()) })
	return nil
}

func (s *Service) listenXMLRPC(c XMLRPCConfig) error {
	server, note := s.xmlrpcServer(c)
	l, err := server.Listen(c.Listen)
	if err != nil {
		return refused(c.ListenerConfig, err)
	}
	s.listeners = append(s.listeners, listening{l, server, "xmlrpc", server.URL(l.Addr()), note})
	return nil
}

// xmlrpcServer makes a server of XML-RPC, which has yet to listen.
func (s *Service) xmlrpcServer(c XMLRPCConfig) (server *xmlrpc.Server, note string) {
	server = &xmlrpc.Server{
		Handler:                         s.reg,
		Hosts:                           c.Hosts,
		Paths:                           c.Paths,
		AllowMissingContentType:         c.AllowMissingContentType,
		NoGzip:                          c.NoGzip,
		Values:                          xmlvalue.Options{NoNil: c.NoNil, Int32Only: c.Int32Only, LongInt: c.LongInt},
		AllowFrom:                       prefixes(c.AllowFrom),
		DangerouslyListenBeyondLoopback: c.DangerouslyListenBeyondLoopback,
		MaxConns:                        s.maxConns,
		MaxCalls:                        s.cfg.Limits.MaxCalls,
		MaxBody:                         s.cfg.Limits.MaxMessage,
		Timeout:                         s.cfg.Limits.CallTimeout.Duration,
		HeaderTimeout:                   s.cfg.Limits.LoginTimeout.Duration,
		Logger:                          s.reg.Logger,
	}
	if s.creds != nil {
		server.Auth = s.creds
		note = s.noLogin(auth.UseHTTP, c.ListenerConfig)
	}
	if c.encrypted() {
		server.TLS = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.certs[certPaths{c.Cert, c.Key}].GetCertificate}
	}
	return server, note
}

func (s *Service) listenNative(c NativeConfig) error {
	server, note, err := s.nativeServer(c)
	if err != nil {
		return err
	}
	l, err := server.Listen(nativeURL(c.Listen))
	if err != nil {
		return refused(c.ListenerConfig, err)
	}
	url := urlOf(l.Addr())
	if c.encrypted() {
		url = "tls://" + l.Addr().String()
	}
	s.listeners = append(s.listeners, listening{l, server, "native", url, note})
	return nil
}

// nativeServer makes a server of the native channel, which has yet to listen.
func (s *Service) nativeServer(c NativeConfig) (server *native.Server, note string, err error) {
	objects, err := s.objects()
	if err != nil {
		return nil, "", err
	}
	server = &native.Server{
		Handler:                   s.reg,
		Objects:                   objects,
		AllowFrom:                 prefixes(c.AllowFrom),
		DangerouslyBeyondLoopback: c.DangerouslyListenBeyondLoopback,
		HandshakeTimeout:          s.cfg.Limits.LoginTimeout.Duration,
		MaxConns:                  s.maxConns,
		MaxCalls:                  s.cfg.Limits.MaxCalls,
		Limits:                    native.Limits{MaxMessage: s.cfg.Limits.MaxMessage},
		Logger:                    s.reg.Logger,
	}
	if note, err = s.login(server, c); err != nil {
		return nil, "", err
	}
	return server, note, nil
}

func urlOf(a net.Addr) string { return a.Network() + "://" + a.String() }

// nativeURL makes the URL of an address as the command line has it: host:port,
// unix:/path, or a URL already.
func nativeURL(addr string) string {
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		return "unix://" + strings.TrimPrefix(path, "//")
	}
	if strings.Contains(addr, "://") {
		return addr
	}
	if strings.HasPrefix(addr, ":") { // every interface, as elsewhere in Go
		addr = "0.0.0.0" + addr
	}
	return "tcp://" + addr
}

// checkAddresses refuses what is no address in its form. Whether one can be had
// only the system can say.
func (c *Config) checkAddresses() error {
	var wrong []error
	check := func(l ListenerConfig, err error) {
		if err != nil {
			wrong = append(wrong, usage.Errorf("%s %s: %v", l.where, l.Listen, err))
		}
	}
	for _, l := range c.XMLRPC {
		check(l.ListenerConfig, checkHTTPAddress(l.Listen))
	}
	for _, l := range c.Native {
		check(l.ListenerConfig, native.CheckAddress(nativeURL(l.Listen)))
	}
	return usage.Join(wrong...)
}

// checkHTTPAddress wants host:port or unix:/path.
func checkHTTPAddress(addr string) error {
	if isSocket(addr) {
		return native.CheckAddress(nativeURL(addr)) // a socket is the same on both
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("want host:port or unix:/path: %w", err)
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return fmt.Errorf("want a port from 0 to 65535: %w", err)
	}
	return nil
}

// checkReach refuses the addresses that other machines can reach, where nothing
// is encrypted, or nobody is asked who he is. What else may be wrong with one the
// servers say.
func (c *Config) checkReach() error {
	var wrong []error
	for _, l := range c.XMLRPC {
		switch {
		case !l.fromAfar():
		case !l.encrypted():
			wrong = append(wrong, l.plain("cert and key make it https", "https takes cert and key in a --config file"))
		case c.Credentials == "":
			wrong = append(wrong, usage.Errorf("%s %s can be reached from other machines, and there are no credentials, so that everyone may call everything; name a file of them (parley auth add), or lift this with %s", l.where, l.Listen, l.lift()))
		}
	}
	for _, l := range c.Native {
		if !l.encrypted() && l.fromAfar() {
			wrong = append(wrong, l.plain("tls://host:port with credentials is encrypted", "tls://host:port with --credentials is encrypted"))
		}
	}
	return usage.Join(wrong...)
}

// plain refuses a listener that sends in the clear.
func (l ListenerConfig) plain(instead, byFlag string) error {
	if l.byFlag() {
		instead = byFlag
	}
	return usage.Errorf("%s %s can be reached from other machines, and nothing is encrypted; use 127.0.0.1 (%s), or lift this with %s", l.where, l.Listen, instead, l.lift())
}

// byFlag reports whether a flag says it, and no file.
func (l ListenerConfig) byFlag() bool { return strings.HasPrefix(l.where, "--") }

// credentialsOption is how a file of credentials is named.
func (l ListenerConfig) credentialsOption() string {
	if l.byFlag() {
		return "--credentials FILE"
	}
	return `credentials = "FILE"`
}

// lift is the switch that lifts the refusal to listen beyond loopback.
func (l ListenerConfig) lift() string {
	if l.byFlag() {
		return "--dangerously-listen-beyond-loopback"
	}
	return "dangerously_listen_beyond_loopback = true"
}

// fromAfar reports whether other machines can reach the address, and nothing was
// said to permit that.
func (l ListenerConfig) fromAfar() bool {
	if l.DangerouslyListenBeyondLoopback || isSocket(l.Listen) {
		return false
	}
	_, addr, ok := strings.Cut(l.Listen, "://")
	if !ok {
		addr = l.Listen
	}
	host, _, err := net.SplitHostPort(addr)
	return err == nil && reachableFromAfar(host)
}

// isSocket reports whether an address is that of a unix socket.
func isSocket(addr string) bool { return strings.HasPrefix(addr, "unix:") }

// reachableFromAfar reports whether host stands for something else than
// loopback; no host means every interface.
func reachableFromAfar(host string) bool {
	resolved, err := net.ResolveIPAddr("ip", host)
	return host == "" || err == nil && !resolved.IP.IsLoopback()
}

// refused says what to do about a listener that cannot be opened.
func refused(l ListenerConfig, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return usage.Errorf("%s %s: the address is in use; stop what serves there, or choose another one (%v)", l.where, l.Listen, err)
	}
	return usage.Errorf("%s %s: %v", l.where, l.Listen, err)
}

// beyondLoopback reports whether other machines can reach a listener.
func beyondLoopback(a net.Addr) bool {
	tcp, ok := a.(interface{ AddrPort() netip.AddrPort }) // tls:// has addresses of its own kind
	return ok && !tcp.AddrPort().Addr().Unmap().IsLoopback()
}

// objects is what answers Python programs.
func (s *Service) objects() (native.ObjectHandler, error) {
	name := s.cfg.Objects
	known := func(m rpc.Method) bool { return m.Name == name }
	if name != "" && !slices.ContainsFunc(s.reg.Methods(context.Background()), known) {
		return nil, usage.Errorf("%s %s: there is no such function; try add", s.say("--objects"), value.Clip(name, 64))
	}
	return python.NewHandler(s.reg, python.Config{Objects: name, Logger: s.reg.Logger})
}

// say names a setting as the user does who made it: a flag, or the key of the
// file.
func (s *Service) say(flag string) string {
	if s.path == "" {
		return flag
	}
	return s.path + ": " + strings.ReplaceAll(strings.TrimPrefix(flag, "--"), "-", "_")
}

// NewLogger logs to w. What packages say in terms of their fields it says in
// terms of the user: allowMD5 is how he lets older Pythons in.
func NewLogger(w io.Writer, level slog.Level, allowMD5 string) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			// The log has errors as text, which is all that this goes by.
			if text := a.Value.String(); a.Key == "error" && strings.Contains(text, native.ErrPolicy.Error()) {
				a.Value = slog.StringValue(text + "; " + allowMD5 + " lets them in")
			}
			return a
		},
	}))
}
