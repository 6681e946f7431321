package service

import (
	"context"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/value"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// sited writes a config file with a credential of each use beside it, and the
// authkey of five bytes if short says so.
func sited(t *testing.T, doc string, short bool) (path string) {
	t.Helper()
	dir := t.TempDir()
	err := auth.EditCredentials(filepath.Join(dir, "credentials"), func(entries []auth.Entry) ([]auth.Entry, error) {
		for id, use := range map[string]auth.Use{"chan": auth.UseChannel, "web": auth.UseHTTP} {
			secret, err := auth.GenerateSecret(id)
			if err != nil {
				return nil, err
			}
			entry, err := secret.Entry(use, id)
			if err != nil {
				return nil, err
			}
			entries = append(entries, entry)
		}
		if short {
			entries = append(entries, auth.Entry{ID: "short", Identity: "short", Use: auth.UseAuthkey, Key: "12345"})
		}
		return append(entries, auth.Entry{ID: "mp", Identity: "mp", Use: auth.UseAuthkey, Key: string(auth.GenerateKey().Reveal())}), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "parley.toml")
	writeSite(t, path, doc)
	return path
}

func writeSite(t *testing.T, path, doc string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("credentials = 'credentials'\n"+doc), 0o600); err != nil {
		t.Fatal(err)
	}
}

// opened sets up what a config file asks for.
func opened(t *testing.T, path string) *Service {
	t.Helper()
	svc, err := FromFile(path)
	if err == nil {
		err = svc.Open(io.Discard)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, l := range svc.listeners {
			l.Close()
			l.server.Close()
		}
	})
	return svc
}

// What the file says reaches the servers.
func TestConfigReachesTheServers(t *testing.T) {
	svc := opened(t, sited(t, `
allow_md5 = true
[[xmlrpc]]
listen = "127.0.0.1:0"
hosts = ["rpc.example.org"]
paths = ["/only"]
allow_missing_content_type = true
no_gzip = true
no_nil = true
int32_only = true
allow_from = ["10.0.0.0/8"]
[[xmlrpc]]
listen = "127.0.0.1:0"
long_int = true
[[native]]
listen = "127.0.0.1:0"
allow_from = ["192.0.2.1"]
[[native]]
listen = "tls://127.0.0.1:0"
[limits]
max_conns = 7
max_calls = 8
max_message = 70000
call_timeout = "9s"
login_timeout = "3s"
`, false))
	if len(svc.listeners) != 4 {
		t.Fatalf("got %d listeners; want 4", len(svc.listeners))
	}
	from := func(text string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(text)} }
	for i, l := range svc.listeners {
		switch server := l.server.(type) {
		case *xmlrpc.Server:
			if server.MaxConns != 7 || server.MaxCalls != 8 || server.MaxBody != 70000 || server.Timeout != 9*time.Second || server.HeaderTimeout != 3*time.Second {
				t.Errorf("listener %d has not the limits of the file", i)
			}
			if i == 0 && (!slices.Equal(server.Hosts, []string{"rpc.example.org"}) || !slices.Equal(server.AllowFrom, from("10.0.0.0/8"))) || i == 1 && (server.Hosts != nil || server.AllowFrom != nil) {
				t.Errorf("listener %d has hosts %q and allows %v", i, server.Hosts, server.AllowFrom)
			}
			old := i == 0
			if server.AllowMissingContentType != old || server.NoGzip != old || server.Values.NoNil != old || server.Values.Int32Only != old || server.Values.LongInt == old || slices.Equal(server.Paths, []string{"/only"}) != old {
				t.Errorf("listener %d: what old peers need is %+v; want long_int on the second one, and all else on the first one alone", i, server.Values)
			}
			if server.Auth != svc.creds {
				t.Errorf("listener %d does not ask for credentials", i)
			}
		case *native.Server:
			if server.MaxConns != 7 || server.MaxCalls != 8 || server.Limits.MaxMessage != 70000 || server.HandshakeTimeout != 3*time.Second {
				t.Errorf("listener %d has not the limits of the file", i)
			}
			if i == 2 && !slices.Equal(server.AllowFrom, from("192.0.2.1/32")) || i == 3 && server.AllowFrom != nil {
				t.Errorf("listener %d allows %v", i, server.AllowFrom)
			}
			if i == 2 && server.Auth != svc.creds || i == 3 && server.Login != svc.creds {
				t.Errorf("listener %d does not ask for credentials", i)
			}
		}
	}
	if !svc.creds.AllowMD5() {
		t.Error("MD5 is not allowed")
	}
}

func TestConfigObjectsAndShortKey(t *testing.T) {
	const listener = "[[native]]\nlisten = '127.0.0.1:0'\n"
	path := sited(t, "dangerously_allow_short_key = true\nobjects = 'add'\n"+listener, true)
	svc := opened(t, path)
	served := make(chan error, 1)
	l := svc.listeners[0]
	go func() { served <- l.server.Serve(l.Listener) }()
	key, err := auth.NewKey([]byte("12345"), auth.KeyConfig{DangerouslyAllowShortKey: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := native.DialConn(ctx, l.url, native.ConnConfig{Auth: key})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Send(ctx, value.Tuple{3, 5}); err != nil {
		t.Fatal(err)
	}
	var sum int
	if err := c.Recv(ctx, &sum); err != nil || sum != 8 {
		t.Errorf("got %v, %v; want 8", sum, err)
	}
	c.Close()
	l.server.Close()
	<-served

	writeSite(t, path, "objects = 'add'\n"+listener)
	again, err := FromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Open(io.Discard); err == nil {
		t.Error("a short key was taken without the switch")
	}
}
