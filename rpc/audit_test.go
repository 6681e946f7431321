package rpc

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"
)

// nobody may call anything.
type nobody struct{}

func (nobody) Allow(context.Context, Identity, string) bool { return false }

// deniedRegistry denies everything, and logs as JSON.
func deniedRegistry(log *bytes.Buffer) *Registry {
	r := NewRegistry()
	r.Authorizer = nobody{}
	r.Logger = slog.New(slog.NewJSONHandler(log, nil))
	return r
}

func callAs(r *Registry, id Identity, method string) {
	r.Call(context.Background(), &Request{Method: method, Peer: &Peer{Identity: id, Transport: "test", Addr: &net.UnixAddr{Name: "/s", Net: "unix"}}})
}

// lines returns what was logged.
func lines(t *testing.T, log *bytes.Buffer) (all []map[string]any) {
	t.Helper()
	for line := range strings.Lines(log.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		delete(m, "time")
		all = append(all, m)
	}
	return all
}

func TestDeniedCallIsLogged(t *testing.T) {
	var log bytes.Buffer
	r := deniedRegistry(&log)
	if err := r.Register("shut", func() {}); err != nil {
		t.Fatal(err)
	}
	callAs(r, Identity{"bot", "bot.k1"}, "shut")
	callAs(r, Identity{}, "none")
	r.Authorizer = nil
	callAs(r, Identity{"bot", "bot.k1"}, "none") // nobody is denied anything
	want := "[map[credential:bot.k1 identity:bot level:WARN method:shut msg:authz_deny outcome:denied peer:unix:///s transport:test]" +
		" map[credential: identity: level:WARN method:none msg:authz_deny outcome:unknown peer:unix:///s transport:test]]"
	if got := fmt.Sprint(lines(t, &log)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestFloodOfDeniedCallsIsNoFloodOfLines: and none of them goes uncounted.
func TestFloodOfDeniedCallsIsNoFloodOfLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := deniedRegistry(&log)
		loud, quiet := Identity{"loud", "loud.k1"}, Identity{"quiet", "quiet.k1"}
		for range 1000 {
			callAs(r, loud, "shut")
		}
		callAs(r, quiet, "shut")
		time.Sleep(time.Second)
		for range 50 {
			callAs(r, loud, "shut")
		}
		callAs(r, quiet, "shut")
		told := map[string]int{}
		suppressed := 0.0
		for _, m := range lines(t, &log) {
			told[m["identity"].(string)]++
			if n, ok := m["suppressed"].(float64); ok {
				suppressed += n
			}
		}
		if told["loud"] != 2*maxDenials || told["quiet"] != 2 {
			t.Errorf("lines: got %v; want %d of loud and 2 of quiet", told, 2*maxDenials)
		}
		if want := 1000.0 - maxDenials; suppressed != want {
			t.Errorf("suppressed: got %v; want %v", suppressed, want)
		}
	})
}

// TestManyDeniedIdentities: what is remembered of them is bounded.
func TestManyDeniedIdentities(t *testing.T) {
	var d denials
	now := time.Now()
	told := 0
	for i := range 3 * maxDeniers {
		if _, ok := d.line(Identity{Name: fmt.Sprint(i)}, now); ok {
			told++
		}
	}
	if len(d.of) > maxDeniers || told != maxDeniers+maxDenials {
		t.Errorf("got %d identities and %d lines; want %d and %d", len(d.of), told, maxDeniers, maxDeniers+maxDenials)
	}
	later := now.Add(time.Second)
	if _, ok := d.line(Identity{Name: "new"}, later); !ok || len(d.of) != 1 {
		t.Errorf("a second later: got %d identities, a line: %v; want the new one alone", len(d.of), ok)
	}
}

// TestHostileMethodNamesInTheLog: whatever a caller calls, the log has one line of
// bounded length for it, without a character that a terminal would act on.
func TestHostileMethodNamesInTheLog(t *testing.T) {
	for name, method := range map[string]string{
		"line":      "x\nlevel=INFO msg=auth_ok identity=admin",
		"escape":    "\x1b[2J\x1b[31mred\x07",
		"c1":        "\u009b31mred",
		"bidi":      "\u202eevil",
		"separator": "x\u2028y",
		"nul":       "a\x00b",
		"invalid":   "\xff\xfe\xc3(",
		"huge":      strings.Repeat("A", 1<<20),
		"hugeBad":   strings.Repeat("\x1b", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			for _, format := range []string{"text", "json"} {
				var log bytes.Buffer
				r := deniedRegistry(&log)
				if format == "text" {
					r.Logger = slog.New(slog.NewTextHandler(&log, nil))
				}
				hostile := Identity{Name: method, Credential: method}
				_, err := r.Call(t.Context(), &Request{Method: method, Peer: &Peer{Identity: hostile}})
				if err == nil || len(err.Error()) > 2048 {
					t.Errorf("%s: the fault: got %.100v", format, err)
				}
				got := log.String()
				if strings.Count(got, "authz_deny") != 1 || strings.Count(got, "\n") != 1 || !strings.HasSuffix(got, "\n") {
					t.Errorf("%s: got %.300q; want one line", format, got)
				}
				if len(got) > 8<<10 {
					t.Errorf("%s: got a line of %d bytes", format, len(got))
				}
				if i := strings.IndexFunc(strings.TrimSuffix(got, "\n"), func(c rune) bool {
					return c < ' ' || c >= 0x7f && c < 0xa0 || c == 0x202e || c == 0x2028
				}); i >= 0 || !utf8.ValidString(got) {
					t.Errorf("%s: got %.300q; want valid UTF-8, printable (at %d)", format, got, i)
				}
			}
		})
	}
}

// TestDenialsConcurrently: all are counted, told or suppressed.
func TestDenialsConcurrently(t *testing.T) {
	var d denials
	var wg sync.WaitGroup
	var mu sync.Mutex
	counted := 0
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				if suppressed, ok := d.line(Identity{}, time.Now()); ok {
					mu.Lock()
					counted += 1 + suppressed
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if got := counted + d.of[Identity{}].Rest(); got != 8000 {
		t.Errorf("got %d; want 8000", got)
	}
}
