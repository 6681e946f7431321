package auth_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

var (
	_ native.Authenticator = (*auth.SecretFile)(nil)
	_ xmlrpc.Secret        = (*auth.SecretFile)(nil)
)

// TestRotationInARunningClient: a client whose secret is in a file goes on with the
// new one when the old credential is revoked, and nobody starts it again.
func TestRotationInARunningClient(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "bot.key")
	var entries []auth.Entry
	issue := func(id, file string) {
		t.Helper()
		s, err := auth.GenerateSecret(id)
		if err != nil {
			t.Fatal(err)
		}
		e, err := s.Entry(auth.UseChannel, "bot")
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
		if err := s.WriteFile(file); err != nil {
			t.Fatal(err)
		}
	}
	issue("bot.k1", path)
	issue("bot.k2", filepath.Join(dir, "next"))
	quietly := slog.New(slog.DiscardHandler)
	creds, err := auth.NewCredentials(entries, auth.CredentialsConfig{Logger: quietly})
	if err != nil {
		t.Fatal(err)
	}
	reg := rpc.NewRegistry()
	if err := reg.Register("who", func(ctx context.Context) string { return rpc.PeerFrom(ctx).Credential }); err != nil {
		t.Fatal(err)
	}
	srv := native.Server{Handler: reg, Login: creds, Logger: quietly}
	l, err := srv.Listen("tls://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go srv.Serve(l)
	defer srv.Close()

	secret, err := auth.OpenSecret(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c, err := native.Dial(ctx, "tls://"+l.Addr().String(), native.DialConfig{Login: secret, Logger: quietly})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	who := func() string {
		id, _ := rpc.Invoke[string](rpc.WithIdempotent(ctx), c, "who")
		return id
	}
	if got := who(); got != "bot.k1" {
		t.Fatalf("got %q; want bot.k1", got)
	}
	if err := os.Rename(filepath.Join(dir, "next"), path); err != nil {
		t.Fatal(err)
	}
	for secret.ID() != "bot.k2" { // within a second
		time.Sleep(20 * time.Millisecond)
		if ctx.Err() != nil {
			t.Fatal("the file was not read again")
		}
	}
	if err := creds.Replace(entries[1:]); err != nil {
		t.Fatal(err)
	}
	for got := who(); got != "bot.k2"; got = who() { // its connection is being cut, or made anew
		if ctx.Err() != nil {
			t.Fatalf("got %q; want bot.k2", got)
		}
	}
}
