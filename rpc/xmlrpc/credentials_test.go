package xmlrpc_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// TestCredentialsThatEnd: a credential that is taken away, changed or over ends
// the connections that it has logged in, and no others.
func TestCredentialsThatEnd(t *testing.T) {
	issue := func(id string) (*auth.Secret, auth.Entry) {
		s, err := auth.GenerateSecret(id)
		if err != nil {
			t.Fatal(err)
		}
		e, err := s.Entry(auth.UseHTTP, "bot")
		if err != nil {
			t.Fatal(err)
		}
		return s, e
	}
	one, first := issue("bot.k1")
	two, second := issue("bot.k2")
	_, changed := issue("bot.k1")
	over := first
	over.NotAfter = time.Now().Add(-time.Second)
	for name, entries := range map[string][]auth.Entry{
		"taken away": {second},
		"changed":    {second, changed},
		"over":       {second, over},
	} {
		credentials, err := auth.NewCredentials([]auth.Entry{first, second}, auth.CredentialsConfig{Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		addr := serve(t, &xmlrpc.Server{Auth: credentials, Handler: registry(t, map[string]any{"whoami": whoami})})
		connect := func(s *auth.Secret) (*bufio.Reader, func() answer) {
			authorization, err := s.Authorization()
			if err != nil {
				t.Fatal(err)
			}
			c := dial(t, addr)
			r := bufio.NewReader(c)
			call := func() answer {
				io.WriteString(c, request("POST / HTTP/1.1", addr, document("whoami"), "Content-Type: text/xml", "Authorization: "+authorization))
				return readAnswer(t, r)
			}
			if got := call(); got.status != 200 || !strings.Contains(got.body, "bot by "+s.ID()) {
				t.Fatalf("%s: got status %d, %s", s.ID(), got.status, got.body)
			}
			return r, call
		}
		gone, _ := connect(one)
		_, stays := connect(two)
		at := time.Now()
		if err := credentials.Replace(entries); err != nil {
			t.Fatal(err)
		}
		if _, err := gone.ReadByte(); err == nil || time.Since(at) > 2*time.Second {
			t.Errorf("%s: got %v after %v; want the end of the connection within 2 s", name, err, time.Since(at))
		}
		if got := stays(); got.status != 200 {
			t.Errorf("%s: another credential of the same one: got status %d", name, got.status)
		}
		c := newClient(t, "http://"+addr, xmlrpc.ClientConfig{Login: one})
		_, err = rpc.Invoke[string](bounded(t), c, "whoami")
		if wantLink(t, err, rpc.NotSent); !errors.Is(err, &rpc.Fault{Code: rpc.CodeNotAuthenticated}) {
			t.Errorf("%s: the next login: got %v; want CodeNotAuthenticated", name, err)
		}
	}
}

// TestGuessersAreHeldUp: the address of a guesser waits, and nobody else does.
func TestGuessersAreHeldUp(t *testing.T) {
	credentials, ann, bot := household(t)
	server := func(from string) string {
		return serveFar(t, &xmlrpc.Server{
			Auth: credentials, Handler: registry(t, map[string]any{"whoami": whoami}), Logger: quiet,
			DangerouslyListenBeyondLoopback: true, // the password crosses no network here
		}, from)
	}
	try := func(addr, authorization string) answer {
		return post(t, addr, document("whoami"), "Authorization: "+authorization)
	}
	right := func(s *auth.Secret) string {
		authorization, err := s.Authorization()
		if err != nil {
			t.Fatal(err)
		}
		return authorization
	}
	guesser, other, local := server("192.0.2.1"), server("192.0.2.2"), server("127.0.0.1")
	for _, addr := range []string{other, guesser} {
		if got := try(addr, right(ann)); got.status != 200 { // and is known from now on
			t.Fatalf("got status %d", got.status)
		}
	}
	began := time.Now()
	blocked := 0
	for i := range 14 {
		got := try(guesser, basic("ann", fmt.Sprint("guess number ", i)))
		switch {
		case got.status == 429:
			blocked++
			if got.header.Get("Retry-After") == "" {
				t.Error("a 429 does not say when to try again")
			}
		case got.status != 401 || i >= 10+int(time.Since(began)/(6*time.Second)):
			t.Errorf("guess %d: got status %d", i, got.status)
		}
	}
	if blocked == 0 && time.Since(began) < 20*time.Second {
		t.Error("no guess was held up")
	}
	for what, got := range map[string]answer{
		"who is known, from there": try(guesser, right(ann)),
		"a key, from there":        try(guesser, right(bot)),
	} {
		if got.status != 200 {
			t.Errorf("%s: got status %d; want 200", what, got.status)
		}
	}
	if got := try(other, basic("ann", "another guess")); got.status != 401 || !strings.Contains(got.body, "wrong, unknown") {
		t.Errorf("another address: got status %d, %q; want 401, and that the login is wrong", got.status, got.body)
	}
	for i := range 15 {
		if got := try(local, basic("ann", fmt.Sprint("guess number ", i))); got.status != 401 {
			t.Errorf("this machine: got status %d; want 401", got.status)
		}
	}
}
