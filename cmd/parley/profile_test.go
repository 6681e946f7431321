package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/cmd/parley/internal/dial"
	"github.com/parley-rpc/parley/cmd/parley/internal/login"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
)

// TestThreatProfilesOfOthers: who can write the file could have passwords sent to
// himself.
func TestThreatProfilesOfOthers(t *testing.T) {
	h := newHome(t)
	write := func(path string, mode os.FileMode) {
		t.Helper()
		doc := []byte("[server.prod]\nurl = 'tcp://127.0.0.1:1'\n")
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, doc, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	for mode, want := range map[os.FileMode]int{0o666: 2, 0o620: 2, 0o602: 2, 0o644: 0, 0o600: 0} {
		write(h.profiles(), mode)
		got := h.parley(t, "profiles")
		if got.code != want {
			t.Errorf("mode %04o: %+v; want exit code %d", mode, got, want)
		}
		if want != 0 {
			got.oneLine(t, "parley: ", h.profiles(), "lets others change where calls go", "chmod go-w")
		}
	}
	if os.Geteuid() == 0 {
		write(h.profiles(), 0o600)
		if err := os.Chown(h.profiles(), 12345, -1); err != nil {
			t.Fatal(err)
		}
		h.parley(t, "call", "prod", "add").oneLine(t, "belongs to user 12345")
	}
}

func TestProfiles(t *testing.T) {
	t.Parallel()
	r := newHome(t).serve(t)
	// There is no file at first.
	if got := r.parley(t, "profiles"); got.code != 0 || got.stdout != "" || !strings.Contains(got.stderr, r.profiles()) {
		t.Errorf("profiles without a file: %+v", got)
	}
	if got := r.parley(t, "profiles", "--output", "json"); got.code != 0 || got.stdout != "[]\n" || got.stderr != "" {
		t.Errorf("profiles without a file as JSON: %+v", got)
	}
	got := r.call(t, "prod", "add", "3", "5")
	if got.code != 2 || got.stdout != "" {
		t.Errorf("call without a file: %+v; want exit code 2", got)
	}
	got.oneLine(t, `"prod" is no URL and no profile`, r.profiles(), "not there")

	r.writeProfiles(t, fmt.Sprintf(`
[server.prod]
url = %q
[server.web]
url = %q
timeout = "20s"
[server.slow]
url = %q
timeout = "200ms"
[server.secret]
url = "tls://127.0.0.1:1"
credential_file = "sub/c"
`, r.native, r.xmlrpc, r.native))
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"call", "prod", "add", "3", "5"}, "8\n"},
		{[]string{"call", "web", "add", "3", "5"}, "8\n"},
		{[]string{"call", "slow", "--timeout", "20s", "sleep", "0.4"}, "0.4\n"},
		{[]string{"describe", "prod", "sleep"}, "sleep(seconds double) -> double\n"},
		{[]string{"list", "prod"}, "add\ncatalog.add\n"},
		{[]string{"ping", "web"}, "pong: "},
		{[]string{"profiles"}, "NAME    URL "},
	} {
		got := r.parley(t, tt.args...)
		if got.code != 0 || !strings.HasPrefix(got.stdout, tt.want) || got.stderr != "" {
			t.Errorf("%q: %+v; want %q", tt.args, got, tt.want)
		}
	}
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"call", "slow", "sleep", "20"}, 6, "parley: "},
		{[]string{"call", "prdo", "add"}, 2, "did you mean prod? The profiles in " + r.profiles() + " are prod, secret, slow, web"},
		{[]string{"list", "nothing-like-it"}, 2, "are prod, secret, slow, web"},
		{[]string{"call", "127.0.0.1:80", "add"}, 2, "a URL begins with http://"},
		{[]string{"call", "secret", "add"}, 2, filepath.Dir(r.profiles()) + "/sub/c: there is no such file"},
	} {
		got := r.parley(t, tt.args...)
		if got.code != tt.code || got.stdout != "" {
			t.Errorf("%q: %+v; want exit code %d", tt.args, got, tt.code)
		}
		got.oneLine(t, tt.want)
	}

	var list []map[string]string
	got = r.parley(t, "profiles", "--output", "json")
	if err := json.Unmarshal([]byte(got.stdout), &list); err != nil || len(list) != 4 {
		t.Fatalf("%+v: %v", got, err)
	}
	if want := map[string]string{"name": "prod", "url": r.native, "login": "authkey"}; !reflect.DeepEqual(list[0], want) {
		t.Errorf("got %v; want %v", list[0], want)
	}

	// A URL needs no file, whatever is wrong with it.
	r.writeProfiles(t, "password = 'x'")
	if got := r.call(t, r.native, "add", "3", "5"); got.stdout != "8\n" {
		t.Errorf("a URL beside a broken file: %+v", got)
	}
	if got := r.call(t, "prod", "add", "3", "5"); got.code != 2 {
		t.Errorf("a profile of a broken file: %+v", got)
	}
}

// Another file can be named, and has to be there then.
func TestProfilesElsewhere(t *testing.T) {
	r := newHome(t).serve(t, "--native", "off")
	profilesAt(t, "[server.mine]\nurl = '"+r.xmlrpc+"'\n", 0o600)
	if got := r.call(t, "mine", "add", "3", "5"); got.stdout != "8\n" {
		t.Errorf("%+v", got)
	}
	t.Setenv(dial.ProfilesVariable, "/no/such/file")
	got := r.call(t, "mine", "add", "3", "5")
	got.oneLine(t, "PARLEY_CONFIG names /no/such/file")
	if got.code != 2 {
		t.Errorf("%+v", got)
	}
}

// What stands on the command line wins.
func TestProfileAndFlags(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	path := profilesAt(t, `
[server.all]
url = "tls://127.0.0.1:1"
credential_file = "c"
pin = "sha256/x"
ca = "/etc/ca"
cert = "~/cert"
key = "../key"
authkey_file = "a"
allow_md5 = true
dangerously_allow_short_key = true
timeout = "7s"
[server.user]
url = "http://127.0.0.1:1"
user = "ann"
password_file = "p"
`, 0o600)
	dir := filepath.Dir(path)
	base := dial.Target{
		URL: "tls://127.0.0.1:1", Timeout: 7 * time.Second, Flags: login.Flags{CredentialFile: dir + "/c", Pin: "sha256/x", CA: "/etc/ca", Cert: home + "/cert", Key: filepath.Dir(dir) + "/key"},
		AuthkeyFlags: login.AuthkeyFlags{AuthkeyFile: dir + "/a", AllowMD5: true, DangerouslyAllowShortKey: true},
	}
	for name, tt := range map[string]struct {
		args []string
		want func(*dial.Target)
	}{
		"Nothing":    {[]string{"all"}, func(*dial.Target) {}},
		"Timeout":    {[]string{"all", "--timeout", "30s"}, func(t *dial.Target) { t.Timeout = 30 * time.Second }}, // the default
		"Pin":        {[]string{"all", "--pin", "p", "--ca", "q"}, func(t *dial.Target) { t.Pin, t.CA = "p", "q" }},
		"Cert":       {[]string{"all", "--cert", "x"}, func(t *dial.Target) { t.Cert, t.Key = "x", "" }},
		"Credential": {[]string{"all", "--credential-file", "x"}, func(t *dial.Target) { t.CredentialFile, t.AuthkeyFile = "x", "" }},
		"Authkey":    {[]string{"all", "--authkey-file", "x"}, func(t *dial.Target) { t.CredentialFile, t.AuthkeyFile = "", "x" }},
		"User":       {[]string{"all", "--user", "x"}, func(t *dial.Target) { t.CredentialFile, t.AuthkeyFile, t.User = "", "", "x" }},
	} {
		cmd, err := parse(append([]string{"list"}, tt.args...), terminal.Streams{In: strings.NewReader(""), Out: &bytes.Buffer{}, Err: &bytes.Buffer{}})
		if err != nil {
			t.Fatal(err)
		}
		want := base
		tt.want(&want)
		if got := cmd.(*listCommand).Target; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v; want %+v", name, got, want)
		}
	}
	for name, tt := range map[string]struct {
		args           []string
		user, password string
		credential     string
	}{
		"Nothing":      {nil, "ann", dir + "/p", ""},
		"OtherUser":    {[]string{"--user", "bob"}, "bob", "", ""}, // whose password is another one
		"OtherFile":    {[]string{"--password-file", "q"}, "ann", "q", ""},
		"ByCredential": {[]string{"--credential-file", "c"}, "", "", "c"},
	} {
		cmd, err := parse(append([]string{"list", "user"}, tt.args...), terminal.Streams{In: strings.NewReader(""), Out: &bytes.Buffer{}, Err: &bytes.Buffer{}})
		if err != nil {
			t.Fatal(err)
		}
		if got := cmd.(*listCommand).Target; got.User != tt.user || got.PasswordFile != tt.password || got.CredentialFile != tt.credential {
			t.Errorf("%s: got %+v; want %+v", name, got, tt)
		}
	}
}

// profilesAt makes doc the profiles of this process, and returns where they are.
func profilesAt(t *testing.T, doc string, mode os.FileMode) string {
	t.Helper()
	path := writeFile(t, "config.toml", doc, mode)
	t.Setenv(dial.ProfilesVariable, path)
	return path
}
