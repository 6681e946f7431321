package xmlrpc_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// doorman is an Authenticator and an rpc.Revoker for tests: it knows the identity
// of each Authorization.
type doorman struct {
	mu      sync.Mutex // protects what follows
	known   map[string]rpc.Identity
	gone    map[string]time.Time // credentials, and when they were revoked
	changed chan struct{}
	asked   []netip.Addr
	refusal error // instead of an answer
}

func basic(id, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+password))
}

// login is the header of a login that newDoorman knows.
func login(id string) string { return "Authorization: " + basic(id, id+"'s password") }

// newDoorman returns a doorman who knows these, each by its login.
func newDoorman(ids ...string) *doorman {
	d := &doorman{known: map[string]rpc.Identity{}, gone: map[string]time.Time{}, changed: make(chan struct{})}
	for _, id := range ids {
		d.known[basic(id, id+"'s password")] = rpc.Identity{Name: id, Credential: id + ".k1"}
	}
	return d
}

var errStranger = errors.New("a stranger with the canary")

func (d *doorman) AuthenticateHTTP(_ context.Context, authorization string, from netip.Addr) (rpc.Identity, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, from)
	if d.refusal != nil {
		return rpc.Identity{}, d.refusal
	}
	id, ok := d.known[authorization]
	if !ok {
		return rpc.Identity{}, errStranger
	}
	return id, nil
}

func (d *doorman) Live(id rpc.Identity, since time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	gone, ok := d.gone[id.Credential]
	return !ok || since.After(gone)
}

func (d *doorman) Changed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.changed
}

// revoke ends what a credential has logged in so far.
func (d *doorman) revoke(credential string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gone[credential] = time.Now()
	close(d.changed)
	d.changed = make(chan struct{})
}

func (d *doorman) refuse(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refusal = err
}

// times returns how often the doorman was asked.
func (d *doorman) times() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.asked)
}

// whoami answers who calls.
func whoami(ctx context.Context) string {
	p := rpc.PeerFrom(ctx)
	return fmt.Sprintf("%s by %s over %s", p.Name, p.Credential, p.Transport)
}

func TestLogin(t *testing.T) {
	d := newDoorman("ann", "bob")
	addr := serve(t, &xmlrpc.Server{Auth: d, Handler: registry(t, map[string]any{"whoami": whoami})})
	for _, test := range []struct {
		name    string
		headers []string
		want    int
	}{
		{"ann", []string{login("ann")}, 200},
		{"bob", []string{login("bob")}, 200},
		{"none", nil, 401},
		{"a stranger", []string{login("eve")}, 401},
		{"empty", []string{"Authorization:"}, 401},
		{"twice", []string{login("ann"), login("ann")}, 401},
		{"two", []string{login("ann"), login("bob")}, 401},
		{"for a proxy", []string{strings.Replace(login("ann"), "Authorization", "Proxy-Authorization", 1)}, 401},
	} {
		got := post(t, addr, document("whoami"), test.headers...)
		if got.status != test.want {
			t.Errorf("%s: got status %d, %s; want %d", test.name, got.status, got.body, test.want)
		}
		if want := test.name + " by " + test.name + ".k1 over xmlrpc"; test.want == 200 && !strings.Contains(got.body, want) {
			t.Errorf("%s: got %s; want %q", test.name, got.body, want)
		}
		if test.want != 401 {
			continue
		}
		if ways := fmt.Sprint(got.header["Www-Authenticate"]); ways != `[Basic realm="parley", charset="UTF-8" Bearer realm="parley"]` {
			t.Errorf("%s: got the challenges %s", test.name, ways)
		}
		if strings.Contains(got.body, "canary") || strings.Contains(got.body, "whoami") {
			t.Errorf("%s: the answer tells why: %s", test.name, got.body)
		}
	}
	for _, from := range d.asked {
		if from != netip.MustParseAddr("127.0.0.1") {
			t.Errorf("the Authenticator was told the address %v", from)
		}
	}
}

// TestLoginOnUnixSocket: there the address is not valid, and nothing is readable
// on the way.
func TestLoginOnUnixSocket(t *testing.T) {
	path := socketPath(t)
	d := newDoorman("ann")
	srv := &xmlrpc.Server{Auth: d, Handler: registry(t, map[string]any{"whoami": whoami})}
	url := srv.URL(serveAt(t, srv, "unix:"+path))
	got, err := rpc.Invoke[string](bounded(t), newClient(t, url, xmlrpc.ClientConfig{User: "ann", Password: "ann's password"}), "whoami")
	if err != nil || got != "ann by ann.k1 over xmlrpc" {
		t.Errorf("got %q, %v", got, err)
	}
	if d.asked[0].IsValid() {
		t.Errorf("the Authenticator was told the address %v", d.asked[0])
	}
}

// statusError is an error with a status.
type statusError struct {
	status int
	after  time.Duration
}

func (e statusError) Error() string                                 { return "canary" }
func (e statusError) HTTPStatus() (status int, after time.Duration) { return e.status, e.after }

// TestStatusOfLogin: an Authenticator says what a refusal is, and not that it is
// none.
func TestStatusOfLogin(t *testing.T) {
	d := newDoorman("ann")
	addr := serve(t, &xmlrpc.Server{Auth: d, Handler: never(t)})
	for _, test := range []struct {
		err   error
		want  int
		after string
	}{
		{errors.New("x"), 401, ""},
		{statusError{401, 0}, 401, ""},
		{statusError{429, 1500 * time.Millisecond}, 429, "2"},
		{fmt.Errorf("wrapped: %w", statusError{503, time.Nanosecond}), 503, "1"},
		{statusError{500, 0}, 500, ""},
		{statusError{200, 0}, 401, ""},
		{statusError{0, 0}, 401, ""},
		{statusError{302, 0}, 401, ""},
	} {
		d.refuse(test.err)
		got := post(t, addr, document("f"), login("ann"))
		if got.status != test.want || got.header.Get("Retry-After") != test.after || strings.Contains(got.body, "canary") {
			t.Errorf("%v: got status %d, Retry-After %q, %s; want %d, %q", test.err, got.status, got.header.Get("Retry-After"), got.body, test.want, test.after)
		}
		if challenged := got.header["Www-Authenticate"] != nil; challenged != (test.want == 401) {
			t.Errorf("%v: asks for a login: %v", test.err, challenged)
		}
	}
}

// TestBodyIsReadAfterTheLogin: of a request that does not log in, no byte of the
// body is read, nothing is asked for by 100-continue, and what it still has to
// say is not waited for.
func TestBodyIsReadAfterTheLogin(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Auth: newDoorman("ann"), Handler: registry(t, map[string]any{"whoami": whoami})})
	head := func(length int, headers ...string) string {
		return fmt.Sprintf("POST /RPC2 HTTP/1.1\r\nHost: %s\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n%s\r\n", addr, length, strings.Join(append(headers, ""), "\r\n"))
	}
	body := document("whoami")
	for _, test := range []struct {
		name, send string
		want       int
	}{
		{"no body comes", head(1000), 401},
		{"a part of it comes", head(1000) + body, 401},
		{"all of it comes", head(len(body)) + body, 401},
		{"too large", head(1 << 30), 401}, // 413 comes later
		{"not readable", head(10, "Content-Encoding: gzip") + "0123456789", 401},
		{"chunked", strings.Replace(head(0), "Content-Length: 0", "Transfer-Encoding: chunked", 1), 401},
		{"a bad deadline", head(1000, "Parley-Timeout-Ms: x"), 401},
		{"100-continue", head(1000, "Expect: 100-continue"), 401},
		{"100-continue at the wrong path", strings.Replace(head(1000, "Expect: 100-continue"), "/RPC2", "/x", 1), 404},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := dial(t, addr)
			if _, err := io.WriteString(c, test.send); err != nil {
				t.Fatal(err)
			}
			r := bufio.NewReader(c)
			began := time.Now()
			got := readAnswer(t, r) // which fails on 100 Continue, since that has no answer in it
			if got.status != test.want || !got.closed {
				t.Errorf("got status %d, closed %v; want %d and closed", got.status, got.closed, test.want)
			}
			if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil && !errors.Is(err, net.ErrClosed) && !strings.Contains(err.Error(), "reset") {
				t.Errorf("after the answer: got %q, %v; want the end", rest, err)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("the connection was kept for %v", took)
			}
		})
	}
	t.Run("100-continue after the login", func(t *testing.T) {
		c := dial(t, addr)
		io.WriteString(c, head(len(body), "Expect: 100-continue", login("ann")))
		r := bufio.NewReader(c)
		if got := readAnswer(t, r); got.status != http.StatusContinue {
			t.Fatalf("got status %d; want 100", got.status)
		}
		io.WriteString(c, body)
		if got := readAnswer(t, r); got.status != 200 || !strings.Contains(got.body, "ann by") {
			t.Errorf("got status %d, %s", got.status, got.body)
		}
	})
}

// TestLoginAfterAsking: a client that asks first and logs in then can do so
// on one connection.
func TestLoginAfterAsking(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Auth: newDoorman("ann"), Handler: registry(t, map[string]any{"whoami": whoami})})
	c := dial(t, addr)
	r := bufio.NewReader(c)
	io.WriteString(c, request("GET / HTTP/1.1", addr, ""))
	if got := readAnswer(t, r); got.status != 401 || got.closed {
		t.Errorf("got status %d, closed %v; want 401 on a connection that goes on", got.status, got.closed)
	}
	io.WriteString(c, request("POST / HTTP/1.1", addr, document("whoami"), "Content-Type: text/xml", login("ann")))
	if got := readAnswer(t, r); got.status != 200 || !strings.Contains(got.body, "ann by") {
		t.Errorf("got status %d, %s", got.status, got.body)
	}
}

// TestIdentitiesShareAConnection: a proxy may send the calls of several users one
// after the other, and each is who it is.
func TestIdentitiesShareAConnection(t *testing.T) {
	log := &logText{}
	var ids []string
	for i := range 20 {
		ids = append(ids, fmt.Sprint("u", i))
	}
	addr := serve(t, &xmlrpc.Server{
		Auth: newDoorman(ids...), Handler: registry(t, map[string]any{"whoami": whoami}),
		Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	c := dial(t, addr)
	r := bufio.NewReader(c)
	for _, i := range []int{0, 0, 1, 0, 1, 1, 2, 0} {
		io.WriteString(c, request("POST / HTTP/1.1", addr, document("whoami"), "Content-Type: text/xml", login(ids[i])))
		if got := readAnswer(t, r); !strings.Contains(got.body, "<string>"+ids[i]+" by "+ids[i]+".k1 over") {
			t.Errorf("%s: got %s", ids[i], got.body)
		}
	}
	if n := strings.Count(log.String(), "msg=auth_ok"); n != 3 {
		t.Errorf("got %d lines auth_ok; want one for each of 3:\n%s", n, log)
	}
	for i := range ids { // more than are remembered
		io.WriteString(c, request("POST / HTTP/1.1", addr, document("whoami"), "Content-Type: text/xml", login(ids[i])))
		if got := readAnswer(t, r); !strings.Contains(got.body, "<string>"+ids[i]+" by ") {
			t.Errorf("%s: got %s", ids[i], got.body)
		}
	}
}

// TestLoginOfMountedServer: in another program's server callers log in as well.
func TestLoginOfMountedServer(t *testing.T) {
	log := &logText{}
	srv := &xmlrpc.Server{
		Auth: newDoorman("ann"), Handler: registry(t, map[string]any{"whoami": whoami}),
		Logger: slog.New(slog.NewTextHandler(log, nil)),
	}
	url := mount(t, srv)
	addr := strings.TrimPrefix(url, "http://")
	if got := post(t, addr, document("whoami")); got.status != 401 || !got.closed {
		t.Errorf("got status %d, closed %v; want 401 and closed", got.status, got.closed)
	}
	c := newClient(t, url+"/RPC2", xmlrpc.ClientConfig{User: "ann", Password: "ann's password", MaxConns: 1})
	for range 3 {
		if got, err := rpc.Invoke[string](bounded(t), c, "whoami"); err != nil || got != "ann by ann.k1 over xmlrpc" {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if n := strings.Count(log.String(), "msg=auth_ok"); n != 1 {
		t.Errorf("got %d lines auth_ok; want 1:\n%s", n, log)
	}
}

// TestAuthEvents: each thing that happens to a login is one line of the log, with
// nothing of a secret in it.
func TestAuthEvents(t *testing.T) {
	log := &logText{}
	d := newDoorman("ann")
	srv := &xmlrpc.Server{
		Auth: d, Handler: registry(t, map[string]any{"whoami": whoami}),
		Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	addr := serve(t, srv)
	lines := func(event string) (found []string) {
		for line := range strings.Lines(log.String()) {
			if strings.Contains(line, "msg="+event+" ") {
				found = append(found, line)
			}
		}
		return found
	}
	c := dial(t, addr)
	r := bufio.NewReader(c)
	for range 3 {
		io.WriteString(c, request("POST / HTTP/1.1", addr, document("whoami"), "Content-Type: text/xml", login("ann")))
		readAnswer(t, r)
	}
	if got := lines("auth_ok"); len(got) != 1 || !containsAll(got[0], "identity=ann", "credential=ann.k1", "transport=xmlrpc", "peer=tcp://"+c.LocalAddr().String(), "outcome=admitted", "duration=", "level=INFO") {
		t.Errorf("got auth_ok %q", got)
	}
	if got := lines("conn_close"); len(got) != 0 {
		t.Errorf("got conn_close %q before the end", got)
	}
	c.Close()
	until(t, "the line conn_close", func() bool { return len(lines("conn_close")) > 0 })
	if got := lines("conn_close"); len(got) != 1 || !containsAll(got[0], "identity=ann", "credential=ann.k1", "outcome=closed", "duration=", "level=INFO") {
		t.Errorf("got conn_close %q", got)
	}

	// Failed ones: a few lines in a second, and then their number.
	const flood = 40
	began := time.Now()
	for range flood {
		post(t, addr, document("whoami"), "Authorization: "+basic("eve", "s3cret"))
	}
	d.refuse(statusError{429, time.Second})
	for range flood {
		post(t, addr, document("whoami"), "Authorization: "+basic("eve", "s3cret"))
	}
	seconds := int(time.Since(began)/time.Second) + 2
	if got := lines("auth_fail"); len(got) == 0 || len(got) > 10*seconds || !containsAll(got[0], "outcome=refused", "status=401", "transport=xmlrpc", "peer=tcp://127.0.0.1:", "error=", "level=WARN") {
		t.Errorf("in %d s: got %d lines auth_fail: %q", seconds, len(got), got)
	}
	if got := lines("rate_limited"); len(got) == 0 || len(got) > seconds || !containsAll(got[0], "outcome=refused", "status=429", "level=WARN") {
		t.Errorf("in %d s: got %d lines rate_limited: %q", seconds, len(got), got)
	}
	for _, secret := range []string{"s3cret", "'s password", strings.TrimPrefix(basic("eve", "s3cret"), "Basic "), strings.TrimPrefix(basic("ann", "ann's password"), "Basic ")} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	if got := lines("conn_close"); len(got) != 1 {
		t.Errorf("connections without a login have a line conn_close: %q", got)
	}
}

func containsAll(s string, parts ...string) bool {
	for _, part := range parts {
		if !strings.Contains(s, part) {
			return false
		}
	}
	return true
}

// until waits for a condition.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
	}
}

// TestRevokedUserIsCutOff: a connection whose login is over is closed within two
// seconds, idle or with a call that runs, and the call's context ends.
func TestRevokedUserIsCutOff(t *testing.T) {
	log := &logText{}
	d := newDoorman("ann", "bob")
	began, ended := make(chan struct{}), make(chan error, 1)
	addr := serve(t, &xmlrpc.Server{
		Auth: d, Logger: slog.New(slog.NewTextHandler(log, nil)),
		Handler: registry(t, map[string]any{"whoami": whoami, "wait": func(ctx context.Context) error {
			close(began)
			<-ctx.Done()
			ended <- ctx.Err()
			return ctx.Err()
		}}),
	})
	connect := func(id string) (net.Conn, *bufio.Reader) {
		c := dial(t, addr)
		r := bufio.NewReader(c)
		io.WriteString(c, request("POST / HTTP/1.1", addr, document("whoami"), "Content-Type: text/xml", login(id)))
		if got := readAnswer(t, r); got.status != 200 {
			t.Fatalf("%s: got status %d", id, got.status)
		}
		return c, r
	}
	_, idle := connect("ann")
	busyConn, busy := connect("ann")
	bobConn, bob := connect("bob")
	io.WriteString(busyConn, request("POST / HTTP/1.1", addr, document("wait"), "Content-Type: text/xml", login("ann")))
	wait(t, began, "the call")

	at := time.Now()
	d.revoke("ann.k1")
	if err := wait(t, ended, "the end of the call"); !errors.Is(err, context.Canceled) {
		t.Errorf("the call of a revoked login ended by %v; want context.Canceled", err)
	}
	for _, r := range []*bufio.Reader{idle, busy} {
		if _, err := r.ReadByte(); err == nil {
			t.Error("a connection of a revoked login goes on")
		}
	}
	if took := time.Since(at); took > 2*time.Second {
		t.Errorf("that took %v; want 2 s at most", took)
	}
	until(t, "the lines of two revoked connections", func() bool { return strings.Count(log.String(), "outcome=revoked") == 2 })
	io.WriteString(bobConn, request("POST / HTTP/1.1", addr, document("whoami"), "Content-Type: text/xml", login("bob")))
	if got := readAnswer(t, bob); got.status != 200 {
		t.Errorf("another login: got status %d", got.status)
	}

	// A new login of the same credential is another one. One that began before the
	// end is refused, even if nobody had found it on its connection.
	if got := post(t, addr, document("whoami"), login("ann")); got.status != 200 {
		t.Errorf("the next login: got status %d; want 200", got.status)
	}
	d.mu.Lock()
	d.gone["ann.k1"] = time.Now().Add(time.Hour)
	d.mu.Unlock()
	if got := post(t, addr, document("whoami"), login("ann")); got.status != 401 {
		t.Errorf("a login that is over before it is on the list: got status %d; want 401", got.status)
	}
}
