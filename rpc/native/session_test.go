package native

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/rpctest"
	"github.com/parley-rpc/parley/rpc/value"
)

// testServer serves on url until the test ends.
func testServer(t testing.TB, url string, srv *Server) *Server {
	t.Helper()
	if strings.HasPrefix(url, "tls:") && srv.Login == nil && srv.TLS == nil {
		srv.Login = loginOf("id0")
	}
	if srv.Auth == nil && srv.Login == nil && srv.TLS == nil && !srv.DangerouslyWithoutAuth {
		srv.Auth = oneKey(testKey)
	}
	if srv.Logger == nil {
		srv.Logger = quiet
	}
	l, err := srv.Listen(url)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() {
		srv.Close()
		if err := <-served; !errors.Is(err, ErrServerClosed) {
			t.Errorf("Serve: got %v; want %v", err, ErrServerClosed)
		}
	})
	for srv.Addr() == "" {
		time.Sleep(time.Millisecond)
	}
	return srv
}

// testClient dials until the test ends.
func testClient(t testing.TB, url string, cfg DialConfig) *Client {
	t.Helper()
	if strings.HasPrefix(url, "tls:") && cfg.Login == nil && cfg.TLS == nil {
		cfg.Login = clientLogin()
	}
	if cfg.Auth == nil && cfg.Login == nil && cfg.TLS == nil && !cfg.DangerouslyWithoutAuth {
		cfg.Auth = oneKey(testKey)
	}
	if cfg.Logger == nil {
		cfg.Logger = quiet
	}
	c, err := Dial(testContext(t), url, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestBehaviour runs the suite that every transport must pass, over each kind
// of connection.
func TestBehaviour(t *testing.T) {
	full := rpctest.Transport{BigInts: true, NonFinite: true, Controls: true, Nanoseconds: true, Kinds: true, Pushes: true}
	for _, network := range []string{"tcp", "unix", "tls"} {
		t.Run(network, func(t *testing.T) {
			full.Identity = "id0"
			full.Connect = func(t *testing.T, reg *rpc.Registry) rpc.Caller {
				srv := testServer(t, testURL(t, network), &Server{Handler: reg})
				return testClient(t, srv.Addr(), DialConfig{})
			}
			rpctest.Run(t, full)
		})
	}
	t.Run("pipe", func(t *testing.T) {
		full.Connect = func(t *testing.T, reg *rpc.Registry) rpc.Caller {
			_, client := testPipe(t, sessionConfig{handler: reg, identity: rpc.Identity{Name: "id0"}}, sessionConfig{})
			return client
		}
		rpctest.Run(t, full)
	})
	t.Run("back", func(t *testing.T) { // who the server has proved to be
		full.Connect = func(t *testing.T, reg *rpc.Registry) rpc.Caller {
			peers := make(chan *rpc.Peer, 1)
			srv := testServer(t, testURL(t, "unix"), &Server{Handler: methods{}, Events: Events{SessionBegan: func(p *rpc.Peer) { peers <- p }}})
			testClient(t, srv.Addr(), DialConfig{Handler: reg})
			return wantWithin(t, peers, "a session")
		}
		rpctest.Run(t, full)
	})
}

// testPipe returns both ends of a session in memory.
func testPipe(t testing.TB, listener, dialer sessionConfig) (server, client *session) {
	t.Helper()
	a, b := net.Pipe()
	return testSessions(t, a, b, listener, dialer)
}

// testSessions runs a session between two ends of a connection.
func testSessions(t testing.TB, a, b net.Conn, listener, dialer sessionConfig) (server, client *session) {
	t.Helper()
	dialer.dialer = true
	server, client = testSession(t, a, listener), testSession(t, b, dialer)
	for _, s := range []*session{server, client} {
		select {
		case <-s.ready:
		case <-s.gone:
			t.Fatalf("a session ended at once: %v", s.ended())
		}
	}
	return server, client
}

// testSession runs one end of a session.
func testSession(t testing.TB, nc net.Conn, cfg sessionConfig) *session {
	t.Helper()
	var err error
	if cfg.limits, err = cfg.limits.withDefaults(); err != nil {
		t.Fatal(err)
	}
	if cfg.callTimeout == 0 {
		cfg.callTimeout = defaultCallTimeout
	}
	if cfg.logger == nil {
		cfg.logger = quiet
	}
	s := newSession(context.Background(), nc, cfg)
	go s.run()
	t.Cleanup(s.Close)
	return s
}

// decodeAll reads all arguments of a request.
func decodeAll(req *rpc.Request, args *[]any) error {
	return req.Args.Decode([]any{args}, &value.Params{Variadic: true})
}
