package auth_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// audit returns the audit events that were logged, each as its name and what is in
// it, sorted.
func (s *sink) audit(t *testing.T) (events []string) {
	t.Helper()
	for line := range strings.Lines(s.String()) {
		if !strings.HasPrefix(line, "{") {
			continue // the same as text
		}
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		name, _ := m["msg"].(string)
		if !slices.Contains([]string{"auth_ok", "auth_fail", "authz_deny", "rate_limited", "reload", "conn_close"}, name) {
			continue
		}
		text := name
		for _, key := range []string{"transport", "identity", "credential", "method", "outcome", "added", "removed", "changed"} {
			if v, ok := m[key]; ok {
				text += fmt.Sprintf(" %s=%v", key, v)
			}
		}
		events = append(events, text)
		if peer, _ := m["peer"].(string); name != "reload" && !strings.Contains(peer, "://") {
			t.Errorf("%v: want the address of the peer", m)
		}
	}
	slices.Sort(events)
	return events
}

// TestAuditTellsEachEventOnce: what happens on both transports, with credentials
// from one file, is told in the same words, and once.
func TestAuditTellsEachEventOnce(t *testing.T) {
	out := &sink{}
	w := newHousehold(t, out)
	count := func(event string) (n int) {
		for _, e := range out.audit(t) {
			if strings.HasPrefix(e, event) {
				n++
			}
		}
		return n
	}
	wait := func(event string, n int) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); count(event) < n; time.Sleep(2 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("got %d times %s; want %d", count(event), event, n)
			}
		}
	}
	for name, c := range w.callers {
		for method, allowed := range map[string]bool{"open": true, "shut": false, "none": false} {
			if _, err := c.Call(w.ctx, &rpc.Request{Method: method, Args: rpc.Values{argument}}); allowed != (err == nil) {
				t.Errorf("%s calls %s: got %v", name, method, err)
			}
		}
	}
	another := must[*auth.Secret](t)(auth.GenerateSecret("bot.k2"))
	if _, err := native.Dial(w.ctx, w.secure, native.DialConfig{Login: another, Logger: slog.New(slog.DiscardHandler)}); err == nil {
		t.Error("another key logs in")
	}
	wait("auth_fail", 1)
	c := must[*xmlrpc.Client](t)(xmlrpc.NewClient(w.web, xmlrpc.ClientConfig{Login: another}))
	if _, err := c.Call(w.ctx, &rpc.Request{Method: "open"}); err == nil {
		t.Error("another key logs in over HTTP")
	}
	c.Close()
	wait("auth_fail", 2)
	err := auth.EditCredentials(w.path, func(all []auth.Entry) ([]auth.Entry, error) {
		return slices.DeleteFunc(all, func(e auth.Entry) bool { return e.ID != "py.k1" }), nil
	})
	if err == nil {
		err = w.credentials.Reload()
	}
	if err != nil {
		t.Fatal(err)
	}
	wait("conn_close", 5)
	w.close()
	wait("conn_close", 7)

	want := []string{
		"auth_fail transport=native credential=bot.k2 outcome=refused",
		"auth_fail transport=xmlrpc credential=bot.k2 outcome=refused",
		"auth_ok transport=native identity=bot credential=bot.k1 outcome=admitted",
		"auth_ok transport=native identity=bot credential=bot.k2 outcome=admitted",
		"auth_ok transport=native identity=py credential=py.k1 outcome=admitted",
		"auth_ok transport=native identity=py credential=py.k1 outcome=admitted",
		"auth_ok transport=xmlrpc identity=ann credential=ann.k1 outcome=admitted",
		"auth_ok transport=xmlrpc identity=ann credential=ann.k1 outcome=admitted",
		"auth_ok transport=xmlrpc identity=ann credential=ann.k2 outcome=admitted",
		"conn_close transport=native identity=bot credential=bot.k1 outcome=revoked",
		"conn_close transport=native identity=bot credential=bot.k2 outcome=revoked",
		"conn_close transport=native identity=py credential=py.k1 outcome=closed",
		"conn_close transport=native identity=py credential=py.k1 outcome=closed",
		"conn_close transport=xmlrpc identity=ann credential=ann.k1 outcome=revoked",
		"conn_close transport=xmlrpc identity=ann credential=ann.k1 outcome=revoked",
		"conn_close transport=xmlrpc identity=ann credential=ann.k2 outcome=revoked",
		"reload outcome=ok added=0 removed=4 changed=0",
	}
	for _, who := range []string{
		"native identity=bot credential=bot.k1", "native identity=bot credential=bot.k2", "native identity=py credential=py.k1",
		"xmlrpc identity=ann credential=ann.k1", "xmlrpc identity=ann credential=ann.k1", "xmlrpc identity=ann credential=ann.k2",
	} {
		want = append(want, "authz_deny transport="+who+" method=none outcome=unknown", "authz_deny transport="+who+" method=shut outcome=denied")
	}
	slices.Sort(want)
	if got := out.audit(t); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
