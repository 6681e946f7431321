package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/python"
	"github.com/parley-rpc/parley/rpc/value"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// serveCommand serves functions until it is told to stop.
type serveCommand struct {
	XMLRPC string `name:"xmlrpc" default:"127.0.0.1:8080" placeholder:"ADDR" help:"Where to serve XML-RPC: host:port (port 0 takes a free one), unix:/path, or off. Default: ${default}"`
	Native string `default:"127.0.0.1:16000" placeholder:"ADDR" help:"Where to serve the native channel, likewise. Default: ${default}"`
	authkeyFlags
	DangerouslyListenBeyondLoopback bool          `help:"Serve on addresses that other machines can reach, though nothing is encrypted."`
	Objects                         string        `placeholder:"FUNC" help:"Take every object that a Python Client sends as the arguments of this function."`
	DrainTime                       time.Duration `default:"10s" help:"How long calls that are running may go on once serve is told to stop."`
	LogLevel                        slog.Level    `default:"INFO" placeholder:"LEVEL" help:"What is logged on standard error: DEBUG, INFO, WARN or ERROR. Default: ${default}"`
	Config                          string        `placeholder:"FILE" help:"Not supported yet."`
}

// Help is what kong shows below the short help.
func (*serveCommand) Help() string {
	return `Serves add, echo, sleep, fail, catalog.*, validator1.* and system.*. On standard output stand one line for each listener and then ready, and nothing else:

    xmlrpc http://127.0.0.1:8080/RPC2
    native tcp://127.0.0.1:16000
    ready

The native channel takes Go clients and, on the same port, Python programs with multiprocessing.connection: c.send(("add", (3, 5))).

On SIGTERM or Ctrl-C it answers what was accepted, takes nothing new, and ends with exit code 0. The second one ends it at once.`
}

// off is the address of a transport that is not served.
const off = "off"

// errStopped is the end of a serve that was told twice to stop.
var errStopped = errors.New("stopped before all calls were answered")

func (c *serveCommand) run(std stdio) error {
	// From here on a signal is a wish to stop, also while all this is set up.
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)

	listeners, err := c.listen(std.err)
	if err != nil {
		return err
	}
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		if l.note != "" {
			fmt.Fprintln(std.err, "parley:", l.note)
		}
		if _, err := fmt.Fprintln(std.out, l.name, l.url); err != nil {
			return err
		}
		go func() { failed <- l.server.Serve(l.Listener) }()
	}
	if _, err := fmt.Fprintln(std.out, "ready"); err != nil {
		return err
	}

	select {
	case err := <-failed:
		for _, l := range listeners {
			l.server.Close()
		}
		return err
	case sig := <-signals:
		fmt.Fprintf(std.err, "parley: %v: answering what was accepted, %v at most; once more stops at once\n", sig, c.DrainTime)
	}
	return drain(listeners, c.DrainTime, signals)
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

// listen opens all listeners, or none of them.
func (c *serveCommand) listen(stderr io.Writer) (listeners []listening, err error) {
	if c.Config != "" {
		return nil, usagef("--config is not supported yet; say everything with flags")
	}
	if c.XMLRPC == off && c.Native == off {
		return nil, usagef("both --xmlrpc and --native are off, so there is nothing to serve")
	}
	if err := errors.Join(c.checkLoopback("--xmlrpc", c.XMLRPC), c.checkLoopback("--native", c.Native)); err != nil {
		return nil, err
	}
	if c.DrainTime <= 0 {
		return nil, usagef("--drain-time is %v, expected more than 0", c.DrainTime)
	}
	for _, addr := range []*string{&c.XMLRPC, &c.Native} {
		if *addr, err = absolute(*addr); err != nil {
			return nil, err
		}
	}
	reg := rpc.NewRegistry()
	reg.Logger = newLogger(stderr, c.LogLevel)
	if err := registerAll(reg); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			for _, l := range listeners {
				l.Close()
			}
			listeners = nil
		}
	}()
	for _, open := range []func(*rpc.Registry) (listening, error){c.listenXMLRPC, c.listenNative} {
		l, err := open(reg)
		if err != nil {
			return listeners, err
		}
		if l.server != nil {
			listeners = append(listeners, l)
		}
	}
	// Strangers do not need to know what goes wrong inside.
	reg.HideErrors = slices.ContainsFunc(listeners, func(l listening) bool { return beyondLoopback(l.Addr()) })
	return listeners, nil
}

func (c *serveCommand) listenXMLRPC(reg *rpc.Registry) (listening, error) {
	if c.XMLRPC == off {
		return listening{}, nil
	}
	s := &xmlrpc.Server{
		Handler:                         reg,
		DangerouslyListenBeyondLoopback: c.DangerouslyListenBeyondLoopback,
		Logger:                          reg.Logger,
	}
	l, err := s.Listen(c.XMLRPC)
	if err != nil {
		return listening{}, refused("--xmlrpc", c.XMLRPC, err)
	}
	return listening{l, s, "xmlrpc", s.URL(l.Addr()), ""}, nil
}

func (c *serveCommand) listenNative(reg *rpc.Registry) (listening, error) {
	if c.Native == off {
		return listening{}, nil
	}
	objects, err := c.objects(reg)
	if err != nil {
		return listening{}, err
	}
	key, note, err := c.loadOrMake()
	if err != nil {
		return listening{}, err
	}
	s := &native.Server{
		Handler:                   reg,
		Objects:                   objects,
		Auth:                      key,
		DangerouslyBeyondLoopback: c.DangerouslyListenBeyondLoopback,
		Logger:                    reg.Logger,
	}
	l, err := s.Listen(nativeURL(c.Native))
	if err != nil {
		return listening{}, refused("--native", c.Native, err)
	}
	return listening{l, s, "native", urlOf(l.Addr()), note}, nil
}

// absolute makes the path of a unix socket absolute, since the URL that clients
// are told has to work elsewhere too.
func absolute(addr string) (string, error) {
	path, ok := strings.CutPrefix(addr, "unix:")
	path = strings.TrimPrefix(path, "//")
	if !ok || path == "" || path[0] == '@' || filepath.IsAbs(path) {
		return addr, nil
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", usagef("%s: %v", addr, err)
	}
	return "unix:" + path, nil
}

// nativeURL makes the URL of an address as the command line has it: host:port
// or unix:/path.
func nativeURL(addr string) string {
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		return "unix://" + strings.TrimPrefix(path, "//")
	}
	if strings.HasPrefix(addr, ":") { // every interface, as elsewhere in Go
		addr = "0.0.0.0" + addr
	}
	return "tcp://" + addr
}

// checkLoopback refuses an address that other machines can reach. What else may
// be wrong with one the servers say.
func (c *serveCommand) checkLoopback(flag, addr string) error {
	if c.DangerouslyListenBeyondLoopback || strings.HasPrefix(addr, "unix:") {
		return nil
	}
	host, _, err := net.SplitHostPort(addr)
	if err == nil && reachableFromAfar(host) {
		return usagef("%s %s can be reached from other machines, and nothing is encrypted; use 127.0.0.1 (and ssh -L from afar), or lift this with --dangerously-listen-beyond-loopback", flag, addr)
	}
	return nil
}

// reachableFromAfar reports whether host stands for something else than
// loopback; no host means every interface.
func reachableFromAfar(host string) bool {
	resolved, err := net.ResolveIPAddr("ip", host)
	return host == "" || err == nil && !resolved.IP.IsLoopback()
}

// refused says what to do about a listener that cannot be opened.
func refused(flag, addr string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return usagef("%s %s: the address is in use; stop what serves there, or choose another one (%v)", flag, addr, err)
	}
	return usagef("%s %s: %v", flag, addr, err)
}

// beyondLoopback reports whether other machines can reach a listener.
func beyondLoopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && !tcp.IP.IsLoopback()
}

// objects is what answers Python programs.
func (c *serveCommand) objects(reg *rpc.Registry) (native.ObjectHandler, error) {
	known := func(m rpc.Method) bool { return m.Name == c.Objects }
	if c.Objects != "" && !slices.ContainsFunc(reg.Methods(context.Background()), known) {
		return nil, usagef("--objects %s: there is no such function; try --objects add", value.Clip(c.Objects, 64))
	}
	return python.NewHandler(reg, python.Config{Objects: c.Objects, Logger: reg.Logger})
}

// drain answers what was accepted and refuses what is new, until all is done,
// the time is over, or another signal comes.
func drain(listeners []listening, limit time.Duration, signals <-chan os.Signal) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		var all sync.WaitGroup
		for _, l := range listeners {
			all.Go(func() { _ = l.server.Shutdown(ctx) }) // it says only that time was over
		}
		all.Wait()
	}()
	select {
	case <-drained:
		return nil
	case <-signals:
		return errStopped
	}
}

// newLogger logs to w. What packages say in terms of their fields it says in
// terms of the command line.
func newLogger(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if err, ok := a.Value.Any().(error); ok && errors.Is(err, native.ErrPolicy) {
				a.Value = slog.StringValue(err.Error() + "; serve --allow-md5 lets them in")
			}
			return a
		},
	}))
}
