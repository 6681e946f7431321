package xmlrpc_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/rpctest"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// TestBehaviourLoggedIn: who has logged in is whom the Authorizer is asked about.
func TestBehaviourLoggedIn(t *testing.T) {
	rpctest.Run(t, rpctest.Transport{
		SendsReaders: true,
		Identity:     "ann",
		Connect: func(t *testing.T, reg *rpc.Registry) rpc.Caller {
			addr := serve(t, &xmlrpc.Server{Handler: reg, Auth: newDoorman("ann")})
			return newClient(t, "http://"+addr, xmlrpc.ClientConfig{User: "ann", Password: "ann's password"})
		},
	})
}

// nobodyMayCall is an Authorizer.
type nobodyMayCall struct{}

func (nobodyMayCall) Allow(context.Context, rpc.Identity, string) bool { return false }

// namedError is the error of a login that says which credential was named.
type namedError struct{ text, credential string }

func (e namedError) Error() string      { return e.text }
func (e namedError) Credential() string { return e.credential }

// audit returns the audit events in a log of JSON.
func audit(t testing.TB, log *logText) (events []map[string]any) {
	t.Helper()
	for line := range strings.Lines(log.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		if slices.Contains([]string{"auth_ok", "auth_fail", "authz_deny", "rate_limited", "conn_close"}, m["msg"].(string)) {
			events = append(events, m)
		}
	}
	return events
}

// TestAuditTellsEachEventOnce: with who, from where, how it went, and how long it
// took; by the names that the native channel uses.
func TestAuditTellsEachEventOnce(t *testing.T) {
	var log logText
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	d := newDoorman("ann", "bob")
	reg := registry(t, map[string]any{"shut": func(string) {}})
	reg.Logger, reg.Authorizer = logger, nobodyMayCall{}
	addr := serve(t, &xmlrpc.Server{Auth: d, Handler: reg, Logger: logger})
	small := serve(t, &xmlrpc.Server{Auth: d, Handler: reg, Logger: logger, MaxConns: 1})
	elsewhere := serve(t, &xmlrpc.Server{Auth: d, Handler: reg, Logger: logger, AllowFrom: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	count := func(event string) (n int) {
		for _, m := range audit(t, &log) {
			if m["msg"] == event {
				n++
			}
		}
		return n
	}

	wantClosed := func(addr string) {
		t.Helper()
		if n, _ := io.Copy(io.Discard, dial(t, addr)); n != 0 {
			t.Errorf("got %d bytes; want none", n)
		}
	}
	wantClosed(elsewhere)
	d.refuse(namedError{"the password is wrong", "ann.k1"})
	if got := post(t, addr, document("shut")); got.status != 401 {
		t.Errorf("got status %d; want 401", got.status)
	}
	d.refuse(statusError{429, 0})
	if got := post(t, addr, document("shut")); got.status != 429 {
		t.Errorf("got status %d; want 429", got.status)
	}
	d.refuse(nil)
	call := func(addr, name string) io.Closer {
		t.Helper()
		c := dial(t, addr)
		r := bufio.NewReader(c)
		for _, method := range []string{"shut", "none"} {
			io.WriteString(c, request("POST / HTTP/1.1", addr, document(method), "Content-Type: text/xml", login(name)))
			wantFault(t, readAnswer(t, r), rpc.CodeMethodNotFound)
		}
		return c
	}
	ann := call(addr, "ann")
	call(small, "bob")
	wantClosed(small) // a second one there
	d.revoke("bob.k1")
	until(t, "bob is cut off", func() bool { return count("conn_close") == 1 })
	ann.Close()
	until(t, "ann is gone", func() bool { return count("conn_close") == 2 })

	var got []string
	for _, m := range audit(t, &log) {
		text := m["msg"].(string)
		for _, key := range []string{"identity", "credential", "method", "outcome", "status"} {
			if v, ok := m[key]; ok {
				text += fmt.Sprintf(" %s=%v", key, v)
			}
		}
		got = append(got, text)
		if peer, _ := m["peer"].(string); !strings.HasPrefix(peer, "tcp://127.0.0.1:") || m["transport"] != "xmlrpc" {
			t.Errorf("%v: want the address of the peer and the transport", m)
		}
		_, timed := m["duration"]
		if want := m["msg"] == "auth_ok" || m["msg"] == "conn_close" || m["outcome"] == "refused"; timed != want {
			t.Errorf("%v: got a duration %v; want %v", m, timed, want)
		}
	}
	want := []string{
		"auth_fail credential=ann.k1 outcome=refused status=401",
		"auth_fail outcome=address not in AllowFrom",
		"auth_ok identity=ann credential=ann.k1 outcome=admitted",
		"auth_ok identity=bob credential=bob.k1 outcome=admitted",
		"authz_deny identity=ann credential=ann.k1 method=none outcome=unknown",
		"authz_deny identity=ann credential=ann.k1 method=shut outcome=denied",
		"authz_deny identity=bob credential=bob.k1 method=none outcome=unknown",
		"authz_deny identity=bob credential=bob.k1 method=shut outcome=denied",
		"conn_close identity=ann credential=ann.k1 outcome=closed",
		"conn_close identity=bob credential=bob.k1 outcome=revoked",
		"rate_limited outcome=refused status=429",
		"rate_limited outcome=too many connections",
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestHostileTextInTheLog: whatever a client names or is called, each event is one
// short line, without a character that a terminal acts on.
func TestHostileTextInTheLog(t *testing.T) {
	for name, text := range map[string]string{
		"line":    "x\nlevel=INFO msg=auth_ok identity=admin",
		"escape":  "\x1b[2J\x1b]0;title\x07\x1b[31mred",
		"c1":      "\u009b31mred",
		"bidi":    "\u202egpj.exe",
		"invalid": "\xff\xfe\xc3(",
		"huge":    strings.Repeat("A", 1<<20),
		"hugeBad": strings.Repeat("\x1b[31m", 200_000),
	} {
		t.Run(name, func(t *testing.T) {
			for _, format := range []string{"text", "json"} {
				var log logText
				debug := &slog.HandlerOptions{Level: slog.LevelDebug}
				logger := slog.New(slog.NewTextHandler(&log, debug))
				if format == "json" {
					logger = slog.New(slog.NewJSONHandler(&log, debug))
				}
				reg := registry(t, nil)
				reg.Logger, reg.Authorizer = logger, nobodyMayCall{}
				d := newDoorman("ann")
				known := basic("ann", "ann's password")
				d.known[known] = rpc.Identity{Name: text, Credential: text}
				addr := serve(t, &xmlrpc.Server{Auth: d, Handler: reg, Logger: logger})

				method := strings.ToValidUTF8(strings.Map(func(c rune) rune { // what XML can carry
					if c < ' ' && c != '\n' {
						return -1
					}
					return c
				}, text), "")
				c := dial(t, addr)
				io.WriteString(c, request("POST / HTTP/1.1", addr, document(method), "Content-Type: text/xml", "Authorization: "+known))
				readAnswer(t, bufio.NewReader(c))
				c.Close()
				d.refuse(namedError{text, text})
				short := text[:min(len(text), 2000)]
				post(t, addr, document("x"), "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte(short+":"+short)))
				until(t, "the end of the first connection", func() bool { return strings.Contains(log.String(), "conn_close") })

				for line := range strings.Lines(log.String()) {
					if format == "json" && !json.Valid([]byte(line)) || format == "text" && !strings.HasPrefix(line, "time=2") {
						t.Errorf("%s: got a line of the client's making: %.200q", format, line)
					}
					if len(line) > 16<<10 {
						t.Errorf("%s: got a line of %d bytes: %.200q", format, len(line), line)
					}
					line = strings.TrimSuffix(line, "\n")
					if !utf8.ValidString(line) || strings.ContainsFunc(line, func(c rune) bool { return c < ' ' || c >= 0x7f && c < 0xa0 || c == 0x202e }) {
						t.Errorf("%s: got a character that does something: %.300q", format, line)
					}
				}
				for _, event := range []string{"auth_ok", "auth_fail", "authz_deny", "conn_close"} {
					if !strings.Contains(log.String(), event) {
						t.Errorf("%s: the log lacks %s", format, event)
					}
				}
			}
		})
	}
}
