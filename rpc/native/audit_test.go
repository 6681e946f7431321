package native

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/parley-rpc/parley/rpc"
)

// jsonLogger logs as JSON.
func (b *logBuffer) jsonLogger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// audit returns the audit events that were logged as JSON, by name.
func (b *logBuffer) audit(t testing.TB) map[string][]map[string]any {
	t.Helper()
	events := map[string][]map[string]any{}
	for line := range strings.Lines(b.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		name := m["msg"].(string)
		switch name {
		case "auth_ok", "auth_fail", "authz_deny", "rate_limited", "conn_close":
			events[name] = append(events[name], m)
		}
	}
	return events
}

// TestAuditTellsEachEventOnce: with who, from where, how it went, and how long it
// took.
func TestAuditTellsEachEventOnce(t *testing.T) {
	ctx := testContext(t)
	log := &logBuffer{}
	logger := log.jsonLogger()
	reg := rpc.NewRegistry()
	reg.Logger, reg.Authorizer = logger, nobodyMayCall{}
	if err := reg.Register("shut", func(string) {}); err != nil {
		t.Fatal(err)
	}
	logins := newRevocable(testKey, "key of the other")
	srv := testServer(t, testURL(t, "tcp"), &Server{Auth: logins, Handler: reg, Objects: echoObjects, Logger: logger, MaxConns: 3})
	elsewhere := testServer(t, testURL(t, "tcp"), &Server{Auth: logins, Handler: reg, Logger: logger, AllowFrom: []netip.Prefix{}})

	client := testClient(t, srv.Addr(), DialConfig{})
	if _, err := client.Call(ctx, &rpc.Request{Method: "shut", Args: rpc.Values{"canary"}}); err == nil {
		t.Error("shut was not denied")
	}
	if c, err := DialConn(ctx, srv.Addr(), ConnConfig{Auth: oneKey("wrong")}); err == nil {
		c.Close()
		t.Error("a wrong key logs in")
	}
	eventually(t, "the wrong key is told", func() bool { return len(log.audit(t)["auth_fail"]) == 1 })
	wantEOF(t, rawDial(t, elsewhere.Addr()))
	objects, err := DialConn(ctx, srv.Addr(), ConnConfig{Auth: oneKey("key of the other")})
	if err != nil {
		t.Fatal(err)
	}
	defer objects.Close()
	third, err := DialConn(ctx, srv.Addr(), ConnConfig{Auth: oneKey(testKey)})
	if err != nil {
		t.Fatal(err)
	}
	wantClosed(t, rawDial(t, srv.Addr())) // a fourth
	eventually(t, "three are logged in", func() bool { return len(log.audit(t)["auth_ok"]) == 3 })
	logins.revoke("id1")
	eventually(t, "the objects are cut off", func() bool { return len(log.audit(t)["conn_close"]) == 1 })
	third.Close()
	eventually(t, "the third is gone", func() bool { return len(log.audit(t)["conn_close"]) == 2 })
	client.Close()
	eventually(t, "all are gone", func() bool { return len(log.audit(t)["conn_close"]) == 3 })
	srv.Close()
	elsewhere.Close()

	var got []string
	for name, events := range log.audit(t) {
		for _, m := range events {
			text := name
			for _, key := range []string{"identity", "credential", "method", "outcome"} {
				if v, ok := m[key]; ok {
					text += fmt.Sprintf(" %s=%v", key, v)
				}
			}
			got = append(got, text)
			if peer, _ := m["peer"].(string); !strings.HasPrefix(peer, "tcp://127.0.0.1:") || m["transport"] != "native" && m["transport"] != "python" {
				t.Errorf("%v: want the address of the peer and the transport", m)
			}
			_, timed := m["duration"]
			if want := name == "auth_ok" || name == "conn_close" || m["outcome"] == "refused"; timed != want {
				t.Errorf("%v: got a duration %v; want %v", m, timed, want)
			}
			if _, ok := m["error"].(string); ok != (m["outcome"] == "refused") {
				t.Errorf("%v: want the error of a login that was refused", m)
			}
		}
	}
	want := []string{
		"auth_fail outcome=address not in AllowFrom",
		"auth_fail outcome=refused",
		"auth_ok identity=id0 credential=id0.k1 outcome=admitted",
		"auth_ok identity=id0 credential=id0.k1 outcome=admitted",
		"auth_ok identity=id1 credential=id1.k1 outcome=admitted",
		"authz_deny identity=id0 credential=id0.k1 method=shut outcome=denied",
		"conn_close identity=id0 credential=id0.k1 outcome=closed",
		"conn_close identity=id0 credential=id0.k1 outcome=closed",
		"conn_close identity=id1 credential=id1.k1 outcome=revoked",
		"rate_limited outcome=too many connections",
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	log.wantNot(t, "canary", testKey, "key of the other")
}

type nobodyMayCall struct{}

func (nobodyMayCall) Allow(context.Context, rpc.Identity, string) bool { return false }

// wantClosed waits for the end of a connection.
func wantClosed(t testing.TB, nc net.Conn) {
	t.Helper()
	if _, err := io.Copy(io.Discard, nc); err != nil && strings.Contains(err.Error(), "timeout") {
		t.Errorf("got %v; want the end", err)
	}
}

// hostileTexts are what an attacker would like to see in a log.
var hostileTexts = map[string]string{
	"line":    "x\ntime=now level=INFO msg=auth_ok identity=admin",
	"return":  "x\r\nmsg=auth_ok",
	"escape":  "\x1b[2J\x1b]0;title\x07\x1b[31mred",
	"c1":      "\u009b31mred",
	"bidi":    "\u202egpj.exe",
	"nul":     "a\x00b",
	"invalid": "\xff\xfe\xc3(",
	"huge":    strings.Repeat("A", 1<<20),
	"hugeBad": strings.Repeat("\x1b[31m", 200_000),
}

// namedAuth is an Auth whose key proves what a test wants.
type namedAuth struct {
	keys
	name string
}

func (n namedAuth) Authkeys() iter.Seq2[rpc.Identity, []byte] {
	return func(yield func(rpc.Identity, []byte) bool) {
		yield(rpc.Identity{Name: n.name, Credential: n.name}, []byte(testKey))
	}
}

// TestHostileTextInTheLog: whatever a peer sends or is called, no line of the log
// is long, or has a character that a terminal acts on, or is of its making.
func TestHostileTextInTheLog(t *testing.T) {
	for name, text := range hostileTexts {
		t.Run(name, func(t *testing.T) {
			for _, format := range []string{"text", "json"} {
				log := &logBuffer{}
				logger := log.logger()
				if format == "json" {
					logger = log.jsonLogger()
				}
				reg := rpc.NewRegistry()
				reg.Logger, reg.Authorizer = logger, nobodyMayCall{}
				srv := testServer(t, testURL(t, "unix"), &Server{Auth: namedAuth{name: text}, Handler: reg, Objects: echoObjects, Logger: logger})

				// The name of a method, and of who calls it.
				c := testClient(t, srv.Addr(), DialConfig{})
				c.Call(testContext(t), &rpc.Request{Method: text})
				rpc.Invoke[any](testContext(t), c, "system.multicall", []any{map[string]any{"methodName": text, "params": []any{}}})
				c.Close()
				// An answer to the challenge, and a whole conversation that is none.
				for _, payload := range []string{text, "#CHALLENGE#" + text, "{" + text + "}"} {
					nc := rawDial(t, srv.Addr())
					if _, err := readFrame(nc, nil, maxHandshake); err != nil {
						t.Fatal(err)
					}
					nc.Write(frameOf(payload[:min(len(payload), maxHandshake)]))
					nc.Write([]byte(payload))
					nc.(interface{ CloseWrite() error }).CloseWrite()
					wantClosed(t, nc)
				}
				// What a session and a peer of objects say.
				for _, session := range []bool{true, false} {
					nc := rawDial(t, srv.Addr())
					if _, err := clientHandshake(testContext(t), nc, oneKey(testKey), session); err != nil {
						t.Fatal(err)
					}
					nc.SetDeadline(time.Now().Add(20 * time.Second))
					if session {
						io.WriteString(nc, frame(frameHello, 0, 0, string(testHello.append(nil))))
						io.WriteString(nc, frame(frameGoaway, 0, 0, string(goaway{reasonProtocol, text}.append(nil))))
					}
					io.WriteString(nc, text)
					nc.(interface{ CloseWrite() error }).CloseWrite()
					wantClosed(t, nc)
				}
				srv.Close()
				logger.Warn("auth_fail", errorAttr(errors.New(text))) // package tls quotes what peers send
				wantCleanLog(t, format, log.String())
				for _, event := range []string{"auth_ok", "auth_fail", "authz_deny", "conn_close", "session_end"} {
					if !strings.Contains(log.String(), event) {
						t.Errorf("%s: the log lacks %s", format, event)
					}
				}
			}
		})
	}
}

func wantCleanLog(t *testing.T, format, log string) {
	t.Helper()
	for line := range strings.Lines(log) {
		begins := strings.HasPrefix(line, "time=2")
		if format == "json" {
			begins = json.Valid([]byte(line))
		}
		if !begins {
			t.Errorf("%s: got a line of the peer's making: %.200q", format, line)
		}
		if len(line) > 16<<10 {
			t.Errorf("%s: got a line of %d bytes: %.200q", format, len(line), line)
		}
		line = strings.TrimSuffix(line, "\n")
		if !utf8.ValidString(line) || strings.ContainsFunc(line, func(c rune) bool { return c < ' ' || c >= 0x7f && c < 0xa0 || c == 0x202e }) {
			t.Errorf("%s: got a character that does something: %.300q", format, line)
		}
	}
}
