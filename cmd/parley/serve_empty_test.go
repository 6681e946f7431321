//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/parley-rpc/parley/cmd/parley/internal/exit"
	"github.com/parley-rpc/parley/cmd/parley/internal/login"
	"github.com/parley-rpc/parley/cmd/parley/internal/service"
)

// minimal is a config that can be read, in two lines.
const minimal = "[[xmlrpc]]\nlisten = '127.0.0.1:0'\n"

// TestThreatEmptyValue: a variable that is not set, in --credentials "$FILE", must
// not open a server that asked for logins.
func TestThreatEmptyValue(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	for _, args := range [][]string{
		{"serve", "--credentials", "", "--native", "off", "--xmlrpc", "127.0.0.1:0"},
		{"serve", "--credentials=", "--native", "off", "--xmlrpc", "127.0.0.1:0"},
		{"serve", "--config", ""},
		{"serve", "--authkey-file", ""},
		{"serve", "--objects", ""},
		{"call", "http://127.0.0.1:1/RPC2", "add", "--credential-file", ""},
		{"auth", "add", "ann", "--identity", "", "--use", "channel", "--file", filepath.Join(h.dir, "c"), "--generate", "--secret-out", "-"},
	} {
		got := h.parley(t, args...)
		if got.code != exit.Usage || got.stdout != "" || !strings.Contains(got.stderr, " is empty; ") || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("parley %q: got code %d, standard output %q, standard error %q; want code 2 and one line that names the flag", args, got.code, got.stdout, got.stderr)
		}
	}
	for key, doc := range map[string]string{
		":1: credentials":          "credentials = ''\n" + minimal,
		":3: xmlrpc[0].allow_from": minimal + "allow_from = []\n",
		":3: xmlrpc[0].hosts":      minimal + "hosts = []\n",
		":3: xmlrpc[0].cert":       minimal + "cert = ''\nkey = ''\n",
		":3: native[0].client_ca":  "[[native]]\nlisten = 'tls://127.0.0.1:0'\nclient_ca = ''\n",
		":1: objects":              "objects = ''\n" + minimal,
	} {
		_, err := service.FromFile(writeFile(t, "parley.toml", doc, 0o600))
		if err == nil || !strings.Contains(err.Error(), key+": it is empty") {
			t.Errorf("%q: got error %v; want one that begins with %s", doc, err, key)
		}
	}
}

// TestThreatConfigIsFIFO: what is put in the place of the config file does not
// keep serve from starting, or from being stopped.
func TestThreatConfigIsFIFO(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fifo, t.TempDir(), "/dev/null"} {
		if got := h.parley(t, "serve", "--config", path); got.code != exit.Usage || !strings.Contains(got.stderr, "want a regular file") {
			t.Errorf("--config %s: got code %d, standard error %q; want code 2 and what is wanted", path, got.code, got.stderr)
		}
	}
	if _, err := login.LoadPool(fifo); err == nil || !strings.Contains(err.Error(), "want a regular file") {
		t.Errorf("certificates in a FIFO: got error %v; want one", err)
	}

	path := writeFile(t, "parley.toml", minimal, 0o600)
	s := h.start(t, "--config", path)
	if err := os.Rename(fifo, path); err != nil {
		t.Fatal(err)
	}
	s.signal(t, syscall.SIGHUP)
	s.awaitLog(t, "want a regular file")
	s.signal(t, syscall.SIGTERM)
	if code := s.end(t); code != exit.Answered {
		t.Errorf("got exit code %d; want 0", code)
	}
}

// TestThreatConfigOfOthers: who owns the file can say who may call what.
func TestThreatConfigOfOthers(t *testing.T) {
	path := writeFile(t, "parley.toml", minimal, 0o644)
	if os.Geteuid() != 0 {
		return // only root can give it away
	}
	if err := os.Chown(path, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if got := at(t, "", "serve", "--config", path); got.code != exit.Usage || !strings.Contains(got.stderr, "belongs to user 12345") {
		t.Errorf("%+v; want exit code 2, and the owner named", got)
	}
}
