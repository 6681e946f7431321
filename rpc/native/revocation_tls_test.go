package native

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc"
)

// revocableLogin is a Login, inside TLS or on a unix socket, that can be revoked.
type revocableLogin struct {
	*fakeLogin
	*revocable
}

// TestRevokedLoginIsCutOff: inside TLS and on a unix socket, whatever it is doing:
// a call that runs, a stream that flows, a Conn that waits for a peer who takes
// nothing.
func TestRevokedLoginIsCutOff(t *testing.T) {
	for _, network := range []string{"tls", "unix"} {
		t.Run(network, func(t *testing.T) {
			url := func() string {
				if network == "tls" {
					return "tls://127.0.0.1:0"
				}
				return testURL(t, network)
			}
			log := &logBuffer{}
			logins := revocableLogin{serverLogin(), newRevocable()}
			entered, ended := make(chan struct{}, 1), make(chan error, 1)
			reasons := make(chan error, 4)
			srv := testServer(t, url(), &Server{
				Login: logins, Logger: log.logger(),
				Handler: methods{"wait": block(entered, ended), "one": func(context.Context, *rpc.Request) (any, error) { return 1, nil }},
				Events:  Events{SessionEnded: func(_ *rpc.Peer, reason error) { reasons <- reason }},
			})
			l := testListener(t, url(), ListenConfig{Login: logins, Logger: log.logger()})
			login := clientLogin()
			if network == "unix" {
				login.binding = ""
			}
			ctx := testContext(t)
			busy := testClient(t, srv.Addr(), DialConfig{Login: login})
			idle := testClient(t, srv.Addr(), DialConfig{Login: login})
			if _, err := idle.Call(ctx, &rpc.Request{Method: "one"}); err != nil { // the server has begun the session too
				t.Fatal(err)
			}
			result := make(chan error, 1)
			go func() { _, err := busy.Call(ctx, &rpc.Request{Method: "wait"}); result <- err }()
			wantWithin(t, entered, "the call")
			peer, err := DialConn(ctx, l.Addr(), ConnConfig{Login: login})
			if err != nil {
				t.Fatal(err)
			}
			defer peer.Close()
			accepted, err := l.Accept(ctx)
			if err != nil {
				t.Fatal(err)
			}
			defer accepted.Close()
			sent := make(chan error, 1)
			go func() { sent <- accepted.Send(ctx, strings.Repeat("x", 14<<20)) }() // the peer takes nothing

			logins.revoke("bot")

			wantLink(t, "the running call", wantWithin(t, result, "the end of the call"), rpc.Unknown, nil)
			if err := wantWithin(t, ended, "the end of its context"); !errors.Is(err, context.Canceled) {
				t.Errorf("its context: got %v; want %v", err, context.Canceled)
			}
			for range 2 {
				if err := wantWithin(t, reasons, "the end of a session"); !errors.Is(err, ErrRevoked) {
					t.Errorf("a session: got %v; want %v", err, ErrRevoked)
				}
			}
			if err := wantWithin(t, sent, "the end of Send"); !errors.Is(err, ErrRevoked) {
				t.Errorf("Send: got %v; want %v", err, ErrRevoked)
			}
			waitLost(t, idle)
			eventually(t, "each is told", func() bool {
				return strings.Count(log.String(), "identity=bot credential=bot.k1 outcome=revoked") == 3
			})
		})
	}
}

// namedRefusal is a login that fails after the peer has said who it is.
type namedRefusal struct{}

func (*namedRefusal) Authenticate(_ context.Context, _ func(string) ([]byte, error), read func() ([]byte, error), write func([]byte) error) (rpc.Identity, error) {
	hello, err := read()
	if err != nil {
		return rpc.Identity{}, err
	}
	return rpc.Identity{Name: "admin", Credential: "admin"}, errors.Join(namedError(hello), write([]byte("e=other-error")))
}

// namedError is an error that says which credential was named.
type namedError string

func (e namedError) Error() string      { return fmt.Sprintf("login as %s", string(e)) }
func (e namedError) Credential() string { return string(e) }

// TestFailedLoginIsLogged: with the credential that was named and not proved, and
// without an identity, which nobody has proved.
func TestFailedLoginIsLogged(t *testing.T) {
	log := &logBuffer{}
	srv := testServer(t, "tls://127.0.0.1:0", &Server{Login: &namedRefusal{}, Handler: echo, Logger: log.jsonLogger()})
	_, err := Dial(testContext(t), srv.Addr(), DialConfig{Login: clientLogin(), Logger: quiet})
	if !errors.Is(err, ErrAuth) {
		t.Errorf("got %v; want %v", err, ErrAuth)
	}
	eventually(t, "it is told", func() bool { return len(log.audit(t)["auth_fail"]) == 1 })
	m := log.audit(t)["auth_fail"][0]
	named, _ := m["credential"].(string)
	if _, ok := m["identity"]; ok || !strings.HasPrefix(named, "p=tls-exporter,") || m["outcome"] != "refused" {
		t.Errorf("got %v; want the credential that was named, and no identity", m)
	}
	if len(log.audit(t)["auth_ok"])+len(log.audit(t)["conn_close"]) > 0 {
		t.Errorf("got\n%s\nwant neither auth_ok nor conn_close", log)
	}
}

// TestHostileHandshakeInTheLog: package tls quotes the application protocols that a
// stranger asks for.
func TestHostileHandshakeInTheLog(t *testing.T) {
	log := &logBuffer{}
	srv := testServer(t, "tls://127.0.0.1:0", &Server{Login: serverLogin(), Handler: echo, Logger: log.jsonLogger()})
	hostile := []string{"\x1b[31m\u202e\u009b", strings.Repeat("A", 255)}
	for len(hostile) < 200 {
		hostile = append(hostile, hostile[1])
	}
	d := tls.Dialer{NetDialer: &net.Dialer{}, Config: &tls.Config{InsecureSkipVerify: true, NextProtos: hostile}}
	if nc, err := d.DialContext(testContext(t), "tcp", strings.TrimPrefix(srv.Addr(), "tls://")); err == nil {
		nc.Close()
		t.Error("another application protocol was accepted")
	}
	eventually(t, "it is told", func() bool { return len(log.audit(t)["auth_fail"]) == 1 })
	if !strings.Contains(log.String(), "AAAA") {
		t.Errorf("got\n%s\nwant the protocols that were asked for, or this test shows nothing", log)
	}
	wantCleanLog(t, "json", log.String())
}
