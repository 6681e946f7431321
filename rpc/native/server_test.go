package native

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// objectsFunc is an ObjectHandler that answers each object.
type objectsFunc func(ctx context.Context, v any) any

func (f objectsFunc) ServeObjects(ctx context.Context, conn *Conn) error {
	for {
		var v any
		if err := conn.Recv(ctx, &v); err != nil {
			return err
		}
		if err := conn.Send(ctx, f(ctx, v)); err != nil {
			return err
		}
	}
}

var echoObjects = objectsFunc(func(_ context.Context, v any) any { return v })

// TestConfigurationIsCheckedFirst: what is wrong is said before a port is open.
func TestConfigurationIsCheckedFirst(t *testing.T) {
	key := oneKey(testKey)
	for _, tt := range []struct {
		srv  *Server
		url  string
		want string
	}{
		{&Server{Handler: echo}, "tcp://127.0.0.1:0", "set Auth, or DangerouslyWithoutAuth"},
		{&Server{Handler: echo, Auth: key, DangerouslyWithoutAuth: true}, "tcp://127.0.0.1:0", "choose one"},
		{&Server{Handler: echo, Auth: oneKey("")}, "tcp://127.0.0.1:0", "empty"},
		{&Server{Auth: key}, "tcp://127.0.0.1:0", "Handler and Objects are nil"},
		{&Server{}, "tcp://127.0.0.1:0", "Handler and Objects are nil"},
		{&Server{Handler: echo, Auth: key, MaxConns: -1}, "tcp://127.0.0.1:0", "MaxConns"},
		{&Server{Handler: echo, Auth: key, HandshakeTimeout: -1}, "tcp://127.0.0.1:0", "HandshakeTimeout"},
		{&Server{Handler: echo, Auth: key, CallTimeout: -1}, "tcp://127.0.0.1:0", "CallTimeout"},
		{&Server{Handler: echo, Auth: key, Limits: Limits{MaxMessage: 1}}, "tcp://127.0.0.1:0", "MaxMessage"},
		{&Server{Handler: echo, Auth: key}, "tcp://0.0.0.0:0", "DangerouslyBeyondLoopback"},
		{&Server{Handler: echo, Auth: key}, "http://127.0.0.1", "scheme"},
	} {
		err := tt.srv.ListenAndServe(tt.url)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Count(err.Error(), "native:") != 1 {
			t.Errorf("%s: got %v; want one error with %q", tt.url, err, tt.want)
		}
		if tt.srv.Addr() != "" {
			t.Errorf("%s: it listens on %s", tt.want, tt.srv.Addr())
		}
	}
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := (&Server{Handler: echo, Auth: key}).Serve(l); err == nil || !strings.Contains(err.Error(), "DangerouslyBeyondLoopback") {
		t.Errorf("a listener beyond loopback: got %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener that was refused is still open: %v", err)
	}
	for _, tt := range []struct {
		cfg  DialConfig
		want string
	}{
		{DialConfig{}, "set Auth"},
		{DialConfig{Auth: key, DialTimeout: -1}, "DialTimeout"},
		{DialConfig{Auth: key, CallTimeout: -1}, "CallTimeout"},
		{DialConfig{Auth: key, Limits: Limits{MaxCalls: -1}}, "MaxCalls"},
	} {
		if _, err := Dial(testContext(t), "tcp://127.0.0.1:1", tt.cfg); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Count(err.Error(), "native:") != 1 {
			t.Errorf("dial: got %v; want one error with %q", err, tt.want)
		}
	}
	if _, err := Dial(testContext(t), "nowhere", DialConfig{Auth: key}); err == nil || !strings.Contains(err.Error(), "tcp://host:port") {
		t.Errorf("dial nowhere: got %v", err)
	}
}

// TestTwoKindsOfPeers: on the same listener, with a login and without.
func TestTwoKindsOfPeers(t *testing.T) {
	for _, open := range []bool{false, true} {
		t.Run(fmt.Sprintf("open=%v", open), func(t *testing.T) {
			ctx := testContext(t)
			srv := &Server{Handler: echo, DangerouslyWithoutAuth: open, Objects: objectsFunc(func(ctx context.Context, v any) any {
				return []any{v, rpc.PeerFrom(ctx).Name}
			})}
			cc, dc := ConnConfig{DangerouslyWithoutAuth: open}, DialConfig{DangerouslyWithoutAuth: open}
			name := ""
			if !open {
				cc.Auth, dc.Auth, name = oneKey(testKey), oneKey(testKey), "id0"
			}
			testServer(t, "tcp://127.0.0.1:0", srv)
			for range 3 {
				c := testClient(t, srv.Addr(), dc)
				if got, err := rpc.Invoke[string](ctx, c, "echo", "call"); err != nil || got != "call" {
					t.Errorf("a call: got %q, %v", got, err)
				}
				conn, err := DialConn(ctx, srv.Addr(), cc)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				for _, v := range []any{"object", strings.Repeat("x", 100_000)} {
					var got []any
					if err := errors.Join(conn.Send(ctx, v), conn.Recv(ctx, &got)); err != nil || len(got) != 2 || got[0] != v || got[1] != name {
						t.Errorf("an object: got %.100v, %v", got, err)
					}
				}
			}
			if !open {
				return
			}
			// What is no session, however it begins.
			for _, first := range []string{"\x01\x00\x00parlor", "\x01", "", "\x80\x04K\x05.", "\x01\x00\x00"} {
				nc := rawDial(t, srv.Addr())
				nc.Write(frameOf(first))
				// Not a pickle, or not a whole one: the handler's Recv fails, and
				// the connection is closed; the integer comes back.
				got, err := readFrame(nc, nil, 1<<10)
				if first == "\x80\x04K\x05." && err != nil || first != "\x80\x04K\x05." && err != io.EOF {
					t.Errorf("first frame %q: got %q, %v", first, got, err)
				}
			}
		})
	}
}

// TestMissingHandlers: peers of a kind that nobody serves are refused, and the
// log says what to set.
func TestMissingHandlers(t *testing.T) {
	var log logBuffer
	ctx := testContext(t)
	calls := testServer(t, "tcp://127.0.0.1:0", &Server{Handler: echo, HandshakeTimeout: 100 * time.Millisecond, Logger: log.logger()})
	conn, err := DialConn(ctx, calls.Addr(), ConnConfig{Auth: oneKey(testKey)})
	if err == nil {
		defer conn.Close()
		var v any
		err = conn.Recv(ctx, &v)
	}
	if !errors.Is(err, io.EOF) {
		t.Errorf("a peer that waits for objects: got %v; want EOF", err)
	}
	log.wait(t, "set Server.Objects")
	objects := testServer(t, "tcp://127.0.0.1:0", &Server{Objects: echoObjects})
	_, err = Dial(ctx, objects.Addr(), DialConfig{Auth: oneKey(testKey)})
	wantLink(t, "a client", err, rpc.NotSent, ErrNoSession)
	open := testServer(t, "tcp://127.0.0.1:0", &Server{Objects: echoObjects, DangerouslyWithoutAuth: true, Logger: log.logger()})
	_, err = Dial(ctx, open.Addr(), DialConfig{DangerouslyWithoutAuth: true})
	wantLink(t, "a client without login", err, rpc.NotSent, io.ErrUnexpectedEOF)
	log.wait(t, "set Server.Handler")
}

// TestPanicOfAnObjectHandler costs its connection, and no other.
func TestPanicOfAnObjectHandler(t *testing.T) {
	var log logBuffer
	ctx := testContext(t)
	srv := testServer(t, "tcp://127.0.0.1:0", &Server{Logger: log.logger(), Objects: objectsFunc(func(_ context.Context, v any) any {
		if v == "panic" {
			panic("canary")
		}
		return v
	})})
	send := func(v any) error {
		conn, err := DialConn(ctx, srv.Addr(), ConnConfig{Auth: oneKey(testKey)})
		if err != nil {
			return err
		}
		defer conn.Close()
		return errors.Join(conn.Send(ctx, v), conn.Recv(ctx, &v))
	}
	if err := send("panic"); !errors.Is(err, io.EOF) {
		t.Errorf("got %v; want EOF", err)
	}
	log.wait(t, "canary")
	if err := send("fine"); err != nil {
		t.Errorf("the next connection: %v", err)
	}
}

// TestSeveralListeners: one server on a port and a unix socket.
func TestSeveralListeners(t *testing.T) {
	srv := &Server{Handler: echo, Auth: oneKey(testKey), Login: serverLogin(), Logger: quiet}
	var urls []string
	served := make(chan error, 3)
	for _, network := range []string{"tcp", "unix", "tls"} {
		l, err := srv.Listen(testURL(t, network))
		if err != nil {
			t.Fatal(err)
		}
		urls = append(urls, urlOf(l.Addr()))
		go func() { served <- srv.Serve(l) }()
	}
	for _, url := range urls {
		c := testClient(t, url, DialConfig{})
		if _, err := rpc.Invoke[int](testContext(t), c, "echo", 1); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	if addr := srv.Addr(); !slices.Contains(urls, addr) {
		t.Errorf("Addr: got %s; want one of %v", addr, urls)
	}
	srv.Close()
	srv.Close()
	for range 3 {
		if err := <-served; err != ErrServerClosed {
			t.Errorf("Serve: got %v; want %v", err, ErrServerClosed)
		}
	}
	if err := srv.ListenAndServe("tcp://127.0.0.1:0"); err != ErrServerClosed {
		t.Errorf("after Close: got %v; want %v", err, ErrServerClosed)
	}
}

// TestShutdownUnderLoad: every call that ran is answered, and every other one
// fails with NotSent.
func TestShutdownUnderLoad(t *testing.T) {
	for _, network := range []string{"tcp", "unix", "tls"} {
		t.Run(network, func(t *testing.T) {
			var ran, answered, refused atomic.Int64
			srv := testServer(t, testURL(t, network), &Server{Handler: callerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
				n := ran.Add(1)
				if n%7 == 0 {
					time.Sleep(time.Duration(n%5) * time.Millisecond)
				}
				if n%50 == 0 {
					return make([]byte, 300_000), nil
				}
				return echo(ctx, req)
			})})
			var wg sync.WaitGroup
			for range 6 {
				c := testClient(t, srv.Addr(), DialConfig{})
				for range 12 {
					wg.Go(func() {
						for {
							_, err := rpc.Invoke[any](context.Background(), c, "any", make([]byte, 100))
							if err == nil {
								answered.Add(1)
								continue
							}
							var link *rpc.LinkError
							if !errors.As(err, &link) || link.Sent != rpc.NotSent {
								t.Errorf("got %v; want an answer or NotSent", err)
							}
							refused.Add(1)
							return
						}
					})
				}
			}
			time.Sleep(100 * time.Millisecond)
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if err := srv.Shutdown(ctx); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
			wg.Wait()
			if ran.Load() != answered.Load() || ran.Load() == 0 {
				t.Errorf("%d calls ran and %d were answered", ran.Load(), answered.Load())
			}
			t.Logf("%d calls", ran.Load())
		})
	}
}

// TestShutdownDoesNotWaitForTheIdle: neither for clients, nor for peers that send
// objects, nor for those that have stopped.
func TestShutdownDoesNotWaitForTheIdle(t *testing.T) {
	for _, open := range []bool{false, true} {
		srv := testServer(t, "tcp://127.0.0.1:0", &Server{Handler: echo, Objects: echoObjects, DangerouslyWithoutAuth: open})
		a := Auth(oneKey(testKey))
		if open {
			a = nil
			rawDial(t, srv.Addr()) // says nothing at all
		}
		ctx := testContext(t)
		for range 5 {
			c := testClient(t, srv.Addr(), DialConfig{Auth: a, DangerouslyWithoutAuth: open})
			if _, err := rpc.Invoke[int](ctx, c, "echo", 1); err != nil {
				t.Fatal(err)
			}
			conn, err := DialConn(ctx, srv.Addr(), ConnConfig{Auth: a, DangerouslyWithoutAuth: open})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			stopped := rawDial(t, srv.Addr()) // begins a session, and then does not even read
			if a != nil {
				if _, err := clientHandshake(ctx, stopped, a, true); err != nil {
					t.Fatal(err)
				}
			}
			io.WriteString(stopped, frame(frameHello, 0, 0, string(testHello.append(nil))))
		}
		for srv.connections() < 15 {
			time.Sleep(time.Millisecond)
		}
		machine := machineLateness(t)
		begin := time.Now()
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		wantNotLate(t, "Shutdown", time.Since(begin)-2*lingerTime, machine())
	}
}

func (s *Server) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// TestShutdownLetsCallsFinish: also those that have to call back for it, and those
// of peers that send objects.
func TestShutdownLetsCallsFinish(t *testing.T) {
	entered, release := make(chan struct{}, 2), make(chan struct{})
	srv := testServer(t, "tcp://127.0.0.1:0", &Server{
		Handler: callerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
			entered <- struct{}{}
			<-release
			return rpc.Invoke[string](ctx, req.Peer, "back", "to you")
		}),
		Objects: objectsFunc(func(_ context.Context, v any) any {
			entered <- struct{}{}
			<-release
			return v
		}),
	})
	ctx := testContext(t)
	c := testClient(t, srv.Addr(), DialConfig{Handler: echo})
	conn, err := DialConn(ctx, srv.Addr(), ConnConfig{Auth: oneKey(testKey)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	results := make(chan error, 2)
	go func() {
		got, err := rpc.Invoke[string](ctx, c, "call")
		if err == nil && got != "to you" {
			err = fmt.Errorf("got %q", got)
		}
		results <- err
	}()
	go func() {
		var v any
		results <- errors.Join(conn.Send(ctx, "object"), conn.Recv(ctx, &v))
	}()
	wantWithin(t, entered, "for a handler")
	wantWithin(t, entered, "for both handlers")
	down := make(chan error, 1)
	go func() { down <- srv.Shutdown(ctx) }()
	for c.live.Load() != nil && c.live.Load().usable() {
		time.Sleep(time.Millisecond)
	}
	select {
	case err := <-down:
		t.Fatalf("Shutdown did not wait: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	_, err = rpc.Invoke[any](ctx, c, "call")
	wantLink(t, "a new call", err, rpc.NotSent, nil)
	close(release)
	for range 2 {
		if err := wantWithin(t, results, "for an answer"); err != nil {
			t.Errorf("an accepted call: %v", err)
		}
	}
	if err := wantWithin(t, down, "for Shutdown"); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// TestShutdownKeepsItsDeadline: with a handler that heeds nothing.
func TestShutdownKeepsItsDeadline(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	srv := testServer(t, "tcp://127.0.0.1:0", &Server{Handler: callerFunc(func(context.Context, *rpc.Request) (any, error) {
		entered <- struct{}{}
		<-release
		return nil, nil
	})})
	c := testClient(t, srv.Addr(), DialConfig{})
	failed := make(chan error, 1)
	go func() {
		_, err := rpc.Invoke[any](testContext(t), c, "stubborn")
		failed <- err
	}()
	wantWithin(t, entered, "for the handler")
	machine := machineLateness(t)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	begin := time.Now()
	err := srv.Shutdown(ctx)
	wantNotLate(t, "Shutdown", time.Since(begin)-100*time.Millisecond, machine())
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: got %v; want a deadline", err)
	}
	wantLink(t, "the call", wantWithin(t, failed, "for the caller"), rpc.Unknown, nil)
	closed := make(chan error, 1)
	go func() { closed <- srv.Close() }()
	select {
	case <-closed:
		t.Error("Close did not wait for the handler")
	case <-time.After(20 * time.Millisecond):
	}
	close(release)
	wantWithin(t, closed, "for Close")
}

// TestServerSurvivesItsPeers: garbage after the login costs one connection.
func TestServerSurvivesItsPeers(t *testing.T) {
	var log logBuffer
	srv := testServer(t, "tcp://127.0.0.1:0", &Server{Handler: echo, Logger: log.logger()})
	bad := rawDial(t, srv.Addr())
	if _, err := clientHandshake(testContext(t), bad, oneKey(testKey), true); err != nil {
		t.Fatal(err)
	}
	io.WriteString(bad, frame(frameHello, 0, 0, string(testHello.append(nil)))+"GET / HTTP/1.1\r\n")
	var last []byte
	for {
		b, err := readFrame(bad, nil, 1<<10)
		if err != nil {
			break
		}
		last = b
	}
	if len(last) == 0 || frameType(last[0]) != frameGoaway {
		t.Errorf("the last frame is %q; want a GOAWAY", last)
	}
	log.wait(t, "session_end", "the peer broke the session protocol", "identity=id0")
	c := testClient(t, srv.Addr(), DialConfig{})
	if _, err := rpc.Invoke[int](testContext(t), c, "echo", 1); err != nil {
		t.Errorf("another connection: %v", err)
	}
}

// TestUnixSocketIsGone after the server.
func TestUnixSocketIsGone(t *testing.T) {
	url := testURL(t, "unix")
	srv := testServer(t, url, &Server{Handler: echo})
	path := strings.TrimPrefix(url, "unix://")
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	srv.Close()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}
