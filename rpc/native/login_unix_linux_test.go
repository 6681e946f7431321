package native

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc"
)

// TestLoginOnUnixSocket: without TLS, the same user at both ends.
func TestLoginOnUnixSocket(t *testing.T) {
	ctx := testContext(t)
	url := "unix://" + filepath.Join(t.TempDir(), "s")
	testServer(t, url, &Server{Handler: echo, Login: serverLogin()})
	login := clientLogin()
	login.binding = ""
	c := testClient(t, url, DialConfig{Login: login})
	if got, err := rpc.Invoke[string](ctx, c, "echo", "call"); err != nil || got != "call" {
		t.Errorf("a call: got %q, %v", got, err)
	}
}

// TestOtherLoginOnUnixSocket: a Login where the other side wants the challenge, and
// the other way round.
func TestOtherLoginOnUnixSocket(t *testing.T) {
	login := clientLogin()
	login.binding = ""
	url := testURL(t, "unix")
	testServer(t, url, &Server{Handler: echo})
	if _, err := Dial(testContext(t), url, DialConfig{Login: login, Logger: quiet}); !errors.Is(err, ErrKeyNeeded) || !strings.Contains(err.Error(), "set Auth") {
		t.Errorf("a Login at a server with Auth: got %v; want %v, and what to set", err, ErrKeyNeeded)
	}
}

// TestUnixLoginNeedsTheSameUser: without TLS a login is for processes of one user,
// on both sides.
func TestUnixLoginNeedsTheSameUser(t *testing.T) {
	other := func() int { return os.Geteuid() + 1 }
	for _, side := range []string{"server", "client", "none"} {
		t.Run(side, func(t *testing.T) {
			dir := testURL(t, "unix")
			l, err := listen(dir, false)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			server, client := &login{auth: serverLogin(), server: true}, &login{auth: clientLogin()}
			client.auth.(*fakeLogin).binding = ""
			switch side {
			case "server":
				server.user = other
			case "client":
				client.user = other
			}
			result := make(chan error, 1)
			go func() {
				nc, err := l.Accept()
				if err == nil {
					defer nc.Close()
					_, _, err = server.run(testContext(t), nc, nil)
				}
				result <- err
			}()
			_, _, err = client.run(testContext(t), rawDial(t, dir), nil)
			if (err == nil) != (side == "none") || err != nil && !errors.Is(err, ErrAuth) {
				t.Errorf("the client: got %v", err)
			}
			if side == "client" {
				if !strings.Contains(err.Error(), "belongs to user") {
					t.Errorf("the client: got %v; want whom the other end belongs to", err)
				}
				return // the server waits for a message
			}
			err = wantWithin(t, result, "the server's login")
			if side == "none" && err != nil || side == "server" && (err == nil || !strings.Contains(err.Error(), "belongs to user")) {
				t.Errorf("the server: got %v", err)
			}
		})
	}
}
