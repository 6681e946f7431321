package native

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// eventLog is Events that keep what they were told.
type eventLog struct {
	mu    sync.Mutex
	lines []string         // guarded by mu
	errs  map[string]error // guarded by mu; the last one of each event
}

func (l *eventLog) note(event string, p *rpc.Peer, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p != nil {
		l.lines = append(l.lines, fmt.Sprintf("%s %s %q", event, p.Transport, p.Name))
		if p.Addr == nil {
			l.lines = append(l.lines, event+" without an address")
		}
	} else {
		l.lines = append(l.lines, event)
	}
	if l.errs == nil {
		l.errs = map[string]error{}
	}
	l.errs[event] = err
}

func (l *eventLog) events() Events {
	return Events{
		ConnRefused:   func(p *rpc.Peer, err error) { l.note("refused", p, err) },
		LoginFailed:   func(p *rpc.Peer, err error) { l.note("login failed", p, err) },
		ConnectFailed: func(err error) { l.note("connect failed", nil, err) },
		SessionBegan:  func(p *rpc.Peer) { l.note("session began", p, nil) },
		SessionEnded:  func(p *rpc.Peer, err error) { l.note("session ended", p, err) },
		Pinged:        func(p *rpc.Peer, _ time.Duration) { l.note("pinged", p, nil) },
	}
}

// want waits for these lines, and forgets them.
func (l *eventLog) want(t testing.TB, what string, want ...string) map[string]error {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		l.mu.Lock()
		got, errs := slices.Clone(l.lines), l.errs
		if slices.Equal(got, want) {
			l.lines, l.errs = nil, nil
			l.mu.Unlock()
			return errs
		}
		l.mu.Unlock()
		if time.Now().After(end) {
			t.Fatalf("%s: got %q; want %q", what, got, want)
		}
	}
}

// TestEventsTellALife: of connections that are refused, fail, live and are lost.
func TestEventsTellALife(t *testing.T) {
	ctx := testContext(t)
	url := freeURL(t, "tcp")
	var server, client eventLog
	stop := restart(t, url, &Server{Handler: echo, Events: server.events(), MaxConns: 1})

	_, err := Dial(ctx, url, DialConfig{Auth: oneKey("another key, as long as the other one"), Events: client.events(), Logger: quiet})
	wantLink(t, "a wrong key", err, rpc.NotSent, ErrKeyRefused)
	errs := server.want(t, "a wrong key, at the server", `login failed native ""`)
	if err := errs["login failed"]; !errors.Is(err, ErrAuth) {
		t.Errorf("LoginFailed: got %v; want %v", err, ErrAuth)
	}
	errs = client.want(t, "a wrong key, at the client", "connect failed")
	if got := errs["connect failed"]; got == nil || got.Error() != err.Error() {
		t.Errorf("ConnectFailed: got %v; want the error of Dial, %v", got, err)
	}

	c := testClient(t, url, DialConfig{Events: client.events()})
	server.want(t, "a session, at the server", `session began native "id0"`)
	client.want(t, "a session, at the client", `session began native "id0"`)
	nc := rawDial(t, url)
	if _, err := nc.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("one too many: got %v; want EOF", err)
	}
	errs = server.want(t, "one too many", `refused native ""`)
	if err := errs["refused"]; err == nil || !strings.Contains(err.Error(), "too many connections") {
		t.Errorf("ConnRefused: got %v; want it to name the limit", err)
	}

	stop()
	errs = server.want(t, "the end, at the server", `session ended native "id0"`)
	if err := errs["session ended"]; !errors.Is(err, ErrClosed) {
		t.Errorf("SessionEnded: got %v; want %v", err, ErrClosed)
	}
	errs = client.want(t, "the end, at the client", `session ended native "id0"`)
	if err := errs["session ended"]; !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("SessionEnded: got %v; want %v", err, io.ErrUnexpectedEOF)
	}
	waitLost(t, c)
	_, err = rpc.Invoke[int](ctx, c, "echo", 1)
	wantLink(t, "a call without a server", err, rpc.NotSent, nil)
	client.want(t, "an attempt", "connect failed")

	restart(t, url, &Server{Handler: echo, Events: server.events()})
	if _, err := rpc.Invoke[int](ctx, c, "echo", 1); err != nil {
		t.Fatal(err)
	}
	client.want(t, "the second session", `session began native "id0"`)
	c.Close()
	client.want(t, "Close", `session ended native "id0"`)
	server.want(t, "the second session, at the server", `session began native "id0"`, `session ended native "id0"`)
}

// TestEventsOfASession have one peer, the one of its calls, and come in order.
func TestEventsOfASession(t *testing.T) {
	var mu sync.Mutex
	var peers []*rpc.Peer
	var order []string
	note := func(what string, p *rpc.Peer) {
		mu.Lock()
		defer mu.Unlock()
		peers, order = append(peers, p), append(order, what)
	}
	handler := callerFunc(func(ctx context.Context, _ *rpc.Request) (any, error) {
		note("call", rpc.PeerFrom(ctx))
		return nil, nil
	})
	srv := testServer(t, testURL(t, "unix"), &Server{Handler: handler, Events: Events{
		SessionBegan: func(p *rpc.Peer) {
			time.Sleep(10 * time.Millisecond) // no call comes before it returns
			note("began", p)
		},
		SessionEnded: func(p *rpc.Peer, _ error) { note("ended", p) },
	}})
	c := testClient(t, srv.Addr(), DialConfig{})
	if _, err := rpc.Invoke[any](testContext(t), c, "f"); err != nil {
		t.Fatal(err)
	}
	c.Close()
	srv.Close()
	if want := []string{"began", "call", "ended"}; !slices.Equal(order, want) {
		t.Errorf("got %q; want %q", order, want)
	}
	for _, p := range peers {
		if p != peers[0] {
			t.Errorf("got the peers %p; want one", peers)
		}
	}
}

// TestEventsAreOver when Close has returned, and one that did not begin does not
// end.
func TestEventsAreOver(t *testing.T) {
	var l eventLog
	p, s := newWirePeer(t, sessionConfig{events: l.events()})
	p.want(frameHello, 0)
	p.send("GET / HTTP/1.1\r\n\r\n")
	<-s.gone
	l.want(t, "a session without HELLO")
	for range 20 {
		srv := &Server{Handler: echo, Events: l.events()}
		stop := restart(t, testURL(t, "unix"), srv)
		for srv.Addr() == "" {
			time.Sleep(time.Millisecond)
		}
		testClient(t, srv.Addr(), DialConfig{})
		stop()
		l.mu.Lock()
		if n := len(l.lines); n != 0 && n != 2 {
			t.Errorf("when Close has returned: got %q; want a session that has ended", l.lines)
		}
		l.lines = nil
		l.mu.Unlock()
	}
}

// TestLogOfConnections: each event has one name, and its level says whether it
// matters.
func TestLogOfConnections(t *testing.T) {
	url := freeURL(t, "tcp")
	var server, client logBuffer
	ctx := testContext(t)
	srv := &Server{Handler: echo, Auth: oneKey(testKey), Logger: server.logger()}
	l, err := srv.Listen(url)
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() { srv.Serve(l) })
	c := testClient(t, url, DialConfig{Logger: client.logger()})
	server.wait(t, "level=INFO msg=auth_ok", "level=DEBUG msg=session_begin", "identity=id0 credential=")
	client.wait(t, "level=DEBUG msg=session_begin", "peer="+url, "transport=native identity=id0")
	srv.Close()
	served.Wait()
	server.wait(t, `level=DEBUG msg=session_end error="the session is closed" duration=`)
	client.wait(t, `level=INFO msg=session_end error="the peer closed the connection: unexpected EOF" duration=`)
	waitLost(t, c)
	_, err = rpc.Invoke[any](ctx, c, "echo")
	wantLink(t, "a call", err, rpc.NotSent, nil)
	client.wait(t, "level=INFO msg=connect_fail peer="+url+" transport=native error=")
	c.Close()
	client.wantNot(t, "level=WARN", "level=ERROR")
	server.wantNot(t, "level=WARN", "level=ERROR")
}
