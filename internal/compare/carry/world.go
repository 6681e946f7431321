package carry

import (
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/python"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// quiet is where the servers log what the trials do to them.
var quiet = slog.New(slog.DiscardHandler)

// world is what all trials share: one server for each transport, with its defaults,
// that serves the same functions.
type world struct {
	dir       string // for sockets and keys
	service   *service
	registry  *rpc.Registry
	key       *auth.Authkey // of the native server; Python 3.11 and older may prove it too
	nativeURL string
	webURL    string
	people    func() (*people, error) // the servers with logins, made when they are needed

	change  func(*rpc.Registry) // done to each registry; may be nil
	closers []func()
}

// newWorld starts the servers. Whoever gets a world closes it.
func newWorld(dir string, change func(*rpc.Registry)) (*world, error) {
	w := &world{dir: dir, service: newService(), change: change}
	if err := w.start(); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *world) start() (err error) {
	if w.registry, err = w.newRegistry(); err != nil {
		return err
	}
	if w.key, err = auth.GenerateKey().With(auth.KeyConfig{Identity: neighbour, AllowMD5: true}); err != nil {
		return err
	}
	if w.nativeURL, err = w.serveNative("tcp://127.0.0.1:0", &native.Server{Auth: w.key}); err != nil {
		return err
	}
	w.people = sync.OnceValues(func() (*people, error) { return newPeople(w) })
	w.webURL, err = w.serveWeb("127.0.0.1:0", &xmlrpc.Server{})
	return err
}

// newRegistry returns a registry with all functions of the trials.
func (w *world) newRegistry() (*rpc.Registry, error) {
	reg := rpc.NewRegistry()
	reg.Logger = quiet
	reg.MapError(errSoldOut, codeSoldOut)
	errs := []error{w.service.register(reg), w.registerForPython(reg)}
	for _, t := range values() {
		errs = append(errs, t.register(reg))
	}
	if w.change != nil {
		w.change(reg)
	}
	return reg, errors.Join(errs...)
}

// serveNative serves the functions of the world on a native server, for Go and for
// Python, and returns its URL. It is closed with the world.
func (w *world) serveNative(url string, srv *native.Server) (string, error) {
	if srv.Handler == nil {
		srv.Handler = w.registry
		srv.Objects = python.Handler(w.registry)
	}
	srv.Logger = quiet
	ln, err := srv.Listen(url)
	if err != nil {
		return "", err
	}
	w.serve(ln, srv.Serve, srv.Close)
	scheme, _, _ := strings.Cut(url, "://")
	return scheme + "://" + ln.Addr().String(), nil
}

// serveWeb is serveNative for XML-RPC.
func (w *world) serveWeb(addr string, srv *xmlrpc.Server) (string, error) {
	if srv.Handler == nil {
		srv.Handler = w.registry
	}
	srv.Logger = quiet
	ln, err := srv.Listen(addr)
	if err != nil {
		return "", err
	}
	w.serve(ln, srv.Serve, srv.Close)
	return srv.URL(ln.Addr()), nil
}

func (w *world) serve(ln net.Listener, serve func(net.Listener) error, stop func() error) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = serve(ln) // returns that it was stopped
	}()
	w.later(func() {
		_ = stop()
		<-ended
	})
}

// later has f run when the world is closed, the last one first.
func (w *world) later(f func()) {
	w.service.mu.Lock()
	defer w.service.mu.Unlock()
	w.closers = append(w.closers, f)
}

func (w *world) close() {
	w.service.mu.Lock()
	closers := w.closers
	w.closers = nil
	w.service.mu.Unlock()
	for i := range closers {
		closers[len(closers)-1-i]()
	}
}

// socket is the path of a unix socket that is not there yet.
func (w *world) socket(name string) string { return filepath.Join(w.dir, name+".sock") }
