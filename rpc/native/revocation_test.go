package native

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// revocable is an Auth whose keys can be revoked: those of the identities id0, id1
// and so on.
type revocable struct {
	keys
	armed atomic.Bool // the next login that has taken the keys has id0 revoked
	asked func()      // if set, called when somebody has asked whether a login is live

	mu      sync.Mutex
	gone    map[string]time.Time // guarded by mu; by identity
	changed chan struct{}        // guarded by mu
}

func newRevocable(texts ...string) *revocable {
	return &revocable{keys: keys{texts: texts}, gone: map[string]time.Time{}, changed: make(chan struct{})}
}

func (r *revocable) Authkeys() iter.Seq2[rpc.Identity, []byte] {
	return func(yield func(rpc.Identity, []byte) bool) {
		for id, key := range r.keys.Authkeys() {
			r.mu.Lock()
			_, gone := r.gone[id.Name]
			r.mu.Unlock()
			id.Credential = id.Name + ".k1"
			if !gone && !yield(id, key) {
				return
			}
		}
		if r.armed.Swap(false) {
			r.revoke("id0")
		}
	}
}

func (r *revocable) Live(id rpc.Identity, since time.Time) bool {
	if r.asked != nil {
		defer r.asked()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	at, gone := r.gone[id.Name]
	return !gone || since.After(at)
}

func (r *revocable) Changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

func (r *revocable) revoke(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gone[name] = time.Now()
	close(r.changed)
	r.changed = make(chan struct{})
}

// serveFunc is an ObjectHandler.
type serveFunc func(ctx context.Context, conn *Conn) error

func (f serveFunc) ServeObjects(ctx context.Context, conn *Conn) error { return f(ctx, conn) }

// TestRevokedPeerIsCutOff: whatever it is doing; and nobody else is.
func TestRevokedPeerIsCutOff(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			logins := newRevocable("key of the one", "key of the other")
			one, other := oneKey("key of the one"), oneKey("key of the other")
			log := &logBuffer{}
			running := make(chan string, 8)
			ended := make(chan error, 8)
			objectsEnded := make(chan string, 8)
			sessionsEnded := make(chan error, 8)
			wait := func(ctx context.Context, req *rpc.Request) (any, error) {
				running <- req.Peer.Name
				<-ctx.Done()
				ended <- ctx.Err()
				return nil, ctx.Err()
			}
			srv := testServer(t, testURL(t, network), &Server{
				Auth:    logins,
				Logger:  log.logger(),
				Handler: methods{"wait": wait, "one": func(context.Context, *rpc.Request) (any, error) { return 1, nil }},
				Objects: serveFunc(func(ctx context.Context, conn *Conn) error {
					running <- "objects of " + conn.Peer().Name
					<-ctx.Done()
					objectsEnded <- conn.Peer().Name
					return nil
				}),
				Events: Events{SessionEnded: func(p *rpc.Peer, reason error) {
					sessionsEnded <- fmt.Errorf("%s: %w", p.Name, reason)
				}},
			})
			l := testListener(t, testURL(t, network), ListenConfig{Auth: logins, Logger: log.logger()})
			ctx := testContext(t)
			next := func(want ...string) {
				t.Helper()
				got := map[string]bool{}
				for range want {
					select {
					case s := <-running:
						got[s] = true
					case <-ctx.Done():
						t.Fatal("it does not begin")
					}
				}
				for _, w := range want {
					if !got[w] {
						t.Fatalf("got %v; want %v", got, want)
					}
				}
			}
			dialConn := func(url string, key keys) *Conn {
				t.Helper()
				c, err := DialConn(ctx, url, ConnConfig{Auth: key})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { c.Close() })
				return c
			}
			accept := func() *Conn {
				t.Helper()
				c, err := l.Accept(ctx)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { c.Close() })
				return c
			}

			busy := testClient(t, srv.Addr(), DialConfig{Auth: one})
			idle := testClient(t, srv.Addr(), DialConfig{Auth: one})
			stays := testClient(t, srv.Addr(), DialConfig{Auth: other})
			if _, err := idle.Call(ctx, &rpc.Request{Method: "one"}); err != nil { // the server has begun the session too
				t.Fatal(err)
			}
			results := make(chan error, 2)
			go func() { _, err := busy.Call(ctx, &rpc.Request{Method: "wait"}); results <- err }()
			stayCtx, leave := context.WithCancel(ctx)
			defer leave()
			stayed := make(chan error, 1)
			go func() { _, err := stays.Call(stayCtx, &rpc.Request{Method: "wait"}); stayed <- err }()
			next("id0", "id1")
			objects, objectsStay := dialConn(srv.Addr(), one), dialConn(srv.Addr(), other)
			next("objects of id0", "objects of id1")
			peer, accepted := dialConn(l.Addr(), one), accept()
			peerStays, acceptedStays := dialConn(l.Addr(), other), accept()
			received := make(chan error, 1)
			go func() { _, err := accepted.RecvBytes(ctx); received <- err }()

			began := time.Now()
			logins.revoke("id0")

			var link *rpc.LinkError
			if err := wantWithin(t, results, "the end of the running call"); !errors.As(err, &link) || link.Sent != rpc.Unknown {
				t.Errorf("the running call: got %v; want a LinkError, Unknown", err)
			}
			if err := wantWithin(t, ended, "the end of its context"); !errors.Is(err, context.Canceled) {
				t.Errorf("its context: got %v; want %v", err, context.Canceled)
			}
			for range 2 {
				if err := wantWithin(t, sessionsEnded, "the end of a session"); !errors.Is(err, ErrRevoked) || !strings.HasPrefix(err.Error(), "id0") {
					t.Errorf("a session: got %v; want id0: %v", err, ErrRevoked)
				}
			}
			if name := wantWithin(t, objectsEnded, "the end of the objects"); name != "id0" {
				t.Errorf("the objects that ended: got those of %s; want id0", name)
			}
			if err := wantWithin(t, received, "the end of Recv"); !errors.Is(err, ErrRevoked) {
				t.Errorf("Recv: got %v; want %v", err, ErrRevoked)
			}
			if err := accepted.Send(ctx, 1); !errors.Is(err, ErrRevoked) {
				t.Errorf("Send afterwards: got %v; want %v", err, ErrRevoked)
			}
			for what, c := range map[string]*Conn{"objects": objects, "a Conn": peer} {
				if _, err := c.RecvBytes(ctx); err == nil || errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("the peer of %s: got %v; want the end", what, err)
				}
			}
			took := time.Since(began)
			if t.Logf("all were cut off within %v", took); took > 2*time.Second*lateFactor() {
				t.Errorf("that took %v; want 2 s at most", took)
			}
			// They try again, and are told why that fails.
			for _, c := range []*Client{busy, idle} {
				eventually(t, "a new login is refused", func() bool {
					_, err := c.Call(ctx, &rpc.Request{Method: "one"})
					return errors.Is(err, ErrAuth)
				})
			}

			// The others have noticed nothing.
			if n, err := rpc.Invoke[int](ctx, stays, "one"); n != 1 || err != nil {
				t.Errorf("another peer: got %d, %v; want 1", n, err)
			}
			if err := peerStays.Send(ctx, 7); err != nil {
				t.Error(err)
			}
			var n int
			if err := acceptedStays.Recv(ctx, &n); n != 7 || err != nil {
				t.Errorf("another Conn: got %d, %v; want 7", n, err)
			}
			select {
			case err := <-stayed:
				t.Errorf("the call of another peer ended: %v", err)
			case name := <-objectsEnded:
				t.Errorf("the objects of %s ended", name)
			case err := <-sessionsEnded:
				t.Errorf("a session ended: %v", err)
			default:
			}
			log.wait(t, "outcome=revoked")
			eventually(t, "each of the four is told", func() bool { return strings.Count(log.String(), "outcome=revoked") == 4 })
			for line := range strings.Lines(log.String()) {
				if strings.Contains(line, "outcome=revoked") && (!strings.Contains(line, "msg=conn_close") || !strings.Contains(line, "identity=id0 credential=id0.k1")) {
					t.Errorf("got %s; want a conn_close of id0", line)
				}
			}
			objectsStay.Close()
		})
	}
}

// TestRevokedDuringLogin: a login that ends after its key was revoked is no way in.
func TestRevokedDuringLogin(t *testing.T) {
	logins := newRevocable(testKey)
	log := &logBuffer{}
	srv := testServer(t, testURL(t, "unix"), &Server{Auth: logins, Logger: log.logger(), Handler: methods{}})
	l := testListener(t, testURL(t, "unix"), ListenConfig{Auth: logins, Logger: log.logger()})
	logins.armed.Store(true)
	c, err := DialConn(testContext(t), l.Addr(), ConnConfig{Auth: oneKey(testKey)})
	if err == nil { // it has the key, and is cut off afterwards
		defer c.Close()
		if _, err := c.RecvBytes(testContext(t)); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Recv: got %v; want the end", err)
		}
	}
	log.wait(t, "auth_ok", "outcome=revoked")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if c, err := l.Accept(ctx); err == nil {
		c.Close()
		t.Error("the connection was accepted")
	}

	logins.mu.Lock()
	delete(logins.gone, "id0")
	logins.mu.Unlock()
	logins.armed.Store(true)
	if c, err := Dial(testContext(t), srv.Addr(), DialConfig{Auth: oneKey(testKey), Logger: quiet}); err == nil {
		eventually(t, "calls fail", func() bool {
			_, err := c.Call(testContext(t), &rpc.Request{Method: "x"})
			var f *rpc.Fault
			return err != nil && !errors.As(err, &f)
		})
		c.Close()
	}
	eventually(t, "the session is revoked", func() bool { return strings.Count(log.String(), "outcome=revoked") == 2 })
}

// TestRevokedBeforeAccept: those that nobody has accepted yet are not handed out.
func TestRevokedBeforeAccept(t *testing.T) {
	logins := newRevocable("key of the one", "key of the other")
	log := &logBuffer{}
	l := testListener(t, testURL(t, "unix"), ListenConfig{Auth: logins, Logger: log.logger()})
	ctx := testContext(t)
	for i := range maxReady + 10 { // some wait for room among those that are ready
		c, err := DialConn(ctx, l.Addr(), ConnConfig{Auth: oneKey("key of the one")})
		if err != nil {
			t.Fatal(i, err)
		}
		defer c.Close()
	}
	eventually(t, "all are logged in", func() bool { return strings.Count(log.String(), "auth_ok") == maxReady+10 })
	logins.revoke("id0")
	eventually(t, "all are cut off", func() bool { return strings.Count(log.String(), "outcome=revoked") == maxReady+10 })
	c, err := DialConn(ctx, l.Addr(), ConnConfig{Auth: oneKey("key of the other")})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, err := l.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := s.Peer().Name; got != "id1" {
		t.Errorf("accepted: got %s; want id1, the others being cut off", got)
	}
}

// TestRevocationOfHundreds: half of many connections are cut off, at once.
func TestRevocationOfHundreds(t *testing.T) {
	logins := newRevocable("key of the one", "key of the other")
	log := &logBuffer{}
	srv := testServer(t, testURL(t, "unix"), &Server{Auth: logins, Logger: log.logger(), Handler: methods{}})
	ctx := testContext(t)
	const n = 400
	conns := make([]net.Conn, n)
	for i := range conns {
		nc, err := dial(ctx, srv.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		if _, err := clientHandshake(ctx, nc, oneKey(logins.texts[i%2]), true); err != nil {
			t.Fatal(err)
		}
		nc.SetDeadline(time.Now().Add(20 * time.Second))
		io.WriteString(nc, frame(frameHello, 0, 0, string(testHello.append(nil))))
		conns[i] = nc
	}
	eventually(t, "all have a session", func() bool { return srv.Stats().SessionsOpen == n })
	began := time.Now()
	logins.revoke("id0")
	for i := 0; i < n; i += 2 {
		if _, err := io.Copy(io.Discard, conns[i]); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("connection %d is still there", i)
		}
	}
	t.Logf("%d of %d were cut off within %v", n/2, n, time.Since(began))
	eventually(t, "all of them are told", func() bool { return strings.Count(log.String(), "outcome=revoked") == n/2 })
	if got := srv.Stats().SessionsOpen; got != n/2 {
		t.Errorf("sessions: got %d; want the other %d", got, n/2)
	}
}

// TestRevokedDuringShutdown: a call that a Shutdown waits for does not keep its
// caller connected.
func TestRevokedDuringShutdown(t *testing.T) {
	logins := newRevocable(testKey)
	running := make(chan struct{})
	srv := testServer(t, testURL(t, "unix"), &Server{Auth: logins, Handler: methods{"wait": func(ctx context.Context, _ *rpc.Request) (any, error) {
		close(running)
		<-ctx.Done()
		return nil, ctx.Err()
	}}})
	c := testClient(t, srv.Addr(), DialConfig{})
	result := make(chan error, 1)
	go func() { _, err := c.Call(testContext(t), &rpc.Request{Method: "wait"}); result <- err }()
	wantWithin(t, running, "the call")
	down := make(chan error, 1)
	go func() { down <- srv.Shutdown(testContext(t)) }()
	eventually(t, "the server stops", func() bool {
		srv.mu.Lock()
		defer srv.mu.Unlock()
		return srv.quiet != nil
	})
	logins.revoke("id0")
	if err := wantWithin(t, result, "the end of the call"); err == nil {
		t.Error("the call was answered; want it cut off")
	}
	if err := wantWithin(t, down, "the end of Shutdown"); err != nil {
		t.Error(err)
	}
}

// farewellConn is a connection whose Close waits until its socket is closed, as
// that of TLS may.
type farewellConn struct {
	net.Conn
	socket *socketConn
}

func (c farewellConn) NetConn() net.Conn { return c.socket }
func (c farewellConn) Close() error      { <-c.socket.closed; return nil }

type socketConn struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
}

func (c *socketConn) Close() error { c.once.Do(func() { close(c.closed) }); return nil }

// TestRevocationWaitsForNobody: a peer that reads nothing cannot keep its
// connection by holding up the farewell of TLS.
func TestRevocationWaitsForNobody(t *testing.T) {
	for _, made := range []bool{false, true} {
		logins := newRevocable(testKey)
		s := newAdmissions()
		s.watch(logins)
		nc := farewellConn{socket: &socketConn{closed: make(chan struct{})}}
		ad := s.add(&pendingConn{nc: nc, started: time.Now()}, rpc.Identity{Name: "id0"}, logins)
		if made {
			ad.endBy(func(error) { nc.Close() })
		}
		logins.revoke("id0")
		wantWithin(t, nc.socket.closed, "the end of the socket")
		s.end()
		s.end()
	}
}

// TestRevokedWhileOthersAre: what changes while the connections are looked at is
// not missed.
func TestRevokedWhileOthersAre(t *testing.T) {
	logins := newRevocable("a", "b")
	s := newAdmissions()
	defer s.end()
	var ads []*admission
	for i := range 2 {
		nc := &socketConn{closed: make(chan struct{})}
		ads = append(ads, s.add(&pendingConn{nc: nc, started: time.Now()}, rpc.Identity{Name: fmt.Sprint("id", i)}, logins))
	}
	asked := 0
	logins.asked = func() {
		if asked++; asked == len(ads) { // all have been looked at
			logins.revoke("id1")
		}
	}
	s.watch(logins)
	wantWithin(t, ads[1].cutOff(), "the second one is cut off")
	if ads[0].revoked() {
		t.Error("the first one was cut off")
	}
}

// TestRevokedBeforeItIsServed: what is made of a connection ends although it was
// revoked before.
func TestRevokedBeforeItIsServed(t *testing.T) {
	s := newAdmissions()
	defer s.end()
	ad := s.add(&pendingConn{nc: &socketConn{closed: make(chan struct{})}, started: time.Now()}, rpc.Identity{}, nil)
	ad.revoke()
	ad.revoke()
	var got error
	ad.endBy(func(err error) { got = err })
	if !errors.Is(got, ErrRevoked) {
		t.Errorf("got %v; want %v", got, ErrRevoked)
	}
}

// TestRevocationEndsWithTheServer: nobody waits for revocations any more, even if
// a handler goes on.
func TestRevocationEndsWithTheServer(t *testing.T) {
	running, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	srv := testServer(t, testURL(t, "unix"), &Server{Auth: newRevocable(testKey), Handler: methods{"wait": func(context.Context, *rpc.Request) (any, error) {
		close(running)
		<-release
		return nil, nil
	}}})
	c := testClient(t, srv.Addr(), DialConfig{})
	go c.Call(testContext(t), &rpc.Request{Method: "wait"})
	wantWithin(t, running, "the call")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := srv.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; want %v", err, context.Canceled)
	}
	srv.mu.Lock()
	defer srv.mu.Unlock()
	for _, a := range srv.acceptors {
		wantWithin(t, a.admitted.over, "the end of the watcher")
	}
}
