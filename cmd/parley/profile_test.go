package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/cmd/parley/internal/login"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/cmd/parley/internal/tomlfile"
)

// profilesAt makes doc the profiles of this process, and returns where they are.
func profilesAt(t *testing.T, doc string, mode os.FileMode) string {
	t.Helper()
	path := writeFile(t, "config.toml", doc, mode)
	t.Setenv(profilesVariable, path)
	return path
}

func TestProfileMistakes(t *testing.T) {
	const good = "[server.a]\nurl = 'tcp://127.0.0.1:1'\n"
	for name, tt := range map[string]struct {
		doc  string
		want []string
	}{
		"Password":       {good + "password = 'geheim'\n", []string{":3: server.a.password: a secret does not stand in this file", "password_file"}},
		"Authkey":        {good + "authkey = 'geheim'\n", []string{":3: server.a.authkey: a secret", "authkey_file"}},
		"Token":          {good + "token = 'geheim'\n", []string{"credential_file"}},
		"UserInURL":      {"[server.a]\nurl = 'http://ann:geheim@127.0.0.1/'\n", []string{":2: server.a.url: it has a user in it"}},
		"UnknownKey":     {good + "colour = 1\n", []string{":3: server.a.colour: there is no such key", "credential_file", "timeout"}},
		"UnknownTable":   {good + "[profile.b]\n", []string{":3: profile.b: there is no such key"}},
		"Capitals":       {good + "URL = 'tcp://127.0.0.1:2'\n", []string{":3: server.a.URL: there is no such key"}},
		"CapitalTable":   {"[Server.a]\nurl = 'tcp://127.0.0.1:1'\n", []string{":1: Server"}},
		"NoURL":          {"\n[server.a]\ntimeout = '1s'\n", []string{":2: server.a: there is no url"}},
		"NotAURL":        {"[server.a]\nurl = '127.0.0.1:1'\n", []string{":2: server.a.url: got", "tcp://"}},
		"OtherScheme":    {"[server.a]\nurl = 'ftp://127.0.0.1:1'\n", []string{":2: server.a.url: got"}},
		"EmptyURL":       {"[server.a]\nurl = ''\n", []string{":2: server.a.url: it is empty"}},
		"EmptyFile":      {good + "credential_file = ''\n", []string{":3: server.a.credential_file: it is empty"}},
		"NumberForText":  {"[server.a]\nurl = 3\n", []string{":2: server.a.url: want a text in quotes"}},
		"TextForBool":    {good + "allow_md5 = 'yes'\n", []string{":3: server.a.allow_md5: want true or false"}},
		"TextForTable":   {"[server]\na = 'tcp://127.0.0.1:1'\n", []string{":2: server.a: want a table: [server.NAME]"}},
		"NoUnit":         {good + "timeout = '5'\n", []string{":3: server.a.timeout", "10s"}},
		"NoTime":         {good + "timeout = '0s'\n", []string{":3: server.a.timeout: got 0s"}},
		"LongTime":       {good + "timeout = '25h'\n", []string{":3: server.a.timeout: got 25h"}},
		"NameWithSpace":  {"[server.'a b']\nurl = 'tcp://127.0.0.1:1'\n", []string{":1: server.a b: a name has letters"}},
		"NameLikeAFlag":  {"[server.-a]\nurl = 'tcp://127.0.0.1:1'\n", []string{":1: server.-a: a name has letters"}},
		"TwoLogins":      {good + "user = 'ann'\ncredential_file = 'x'\n", []string{":3: server.a.user: it does not go with"}},
		"PasswordAlone":  {good + "password_file = 'x'\n", []string{":3: server.a.password_file: there is no user"}},
		"CertWithoutKey": {good + "cert = 'x'\n", []string{":1: server.a: cert and key go together"}},
		"Several":        {"[server.a]\n[server.b]\n", []string{":1: server.a: there is no url", ":2: server.b: there is no url"}},
		"NoTOML":         {"server", []string{":1"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := profilesAt(t, tt.doc, 0o600)
			_, err := loadProfiles()
			var stderr bytes.Buffer
			if code := report(&stderr, err); code != 2 {
				t.Fatalf("got %v; want a usage error", err)
			}
			outcome{2, "", stderr.String()}.oneLine(t, append(tt.want, path)...)
			if strings.Contains(stderr.String(), "geheim") {
				t.Errorf("the message has the secret in it: %s", &stderr)
			}
		})
	}
}

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
	t.Setenv(profilesVariable, "/no/such/file")
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
	base := target{
		URL: "tls://127.0.0.1:1", Timeout: 7 * time.Second, Flags: login.Flags{CredentialFile: dir + "/c", Pin: "sha256/x", CA: "/etc/ca", Cert: home + "/cert", Key: filepath.Dir(dir) + "/key"},
		AuthkeyFlags: login.AuthkeyFlags{AuthkeyFile: dir + "/a", AllowMD5: true, DangerouslyAllowShortKey: true},
	}
	for name, tt := range map[string]struct {
		args []string
		want func(*target)
	}{
		"Nothing":    {[]string{"all"}, func(*target) {}},
		"Timeout":    {[]string{"all", "--timeout", "30s"}, func(t *target) { t.Timeout = 30 * time.Second }}, // the default
		"Pin":        {[]string{"all", "--pin", "p", "--ca", "q"}, func(t *target) { t.Pin, t.CA = "p", "q" }},
		"Cert":       {[]string{"all", "--cert", "x"}, func(t *target) { t.Cert, t.Key = "x", "" }},
		"Credential": {[]string{"all", "--credential-file", "x"}, func(t *target) { t.CredentialFile, t.AuthkeyFile = "x", "" }},
		"Authkey":    {[]string{"all", "--authkey-file", "x"}, func(t *target) { t.CredentialFile, t.AuthkeyFile = "", "x" }},
		"User":       {[]string{"all", "--user", "x"}, func(t *target) { t.CredentialFile, t.AuthkeyFile, t.User = "", "", "x" }},
	} {
		cmd, err := parse(append([]string{"list"}, tt.args...), terminal.Streams{In: strings.NewReader(""), Out: &bytes.Buffer{}, Err: &bytes.Buffer{}})
		if err != nil {
			t.Fatal(err)
		}
		want := base
		tt.want(&want)
		if got := cmd.(*listCommand).target; !reflect.DeepEqual(got, want) {
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
		if got := cmd.(*listCommand).target; got.User != tt.user || got.PasswordFile != tt.password || got.CredentialFile != tt.credential {
			t.Errorf("%s: got %+v; want %+v", name, got, tt)
		}
	}
}

// A profile can say all that the flags of a target can, but its secrets.
func TestProfileHasAllFlags(t *testing.T) {
	var keys, flags []string
	for field := range reflect.TypeFor[profile]().Fields() {
		keys = append(keys, field.Name)
	}
	for field := range reflect.TypeFor[target]().Fields() {
		if !field.IsExported() && !field.Anonymous {
			continue // it is no flag
		}
		if !field.Anonymous {
			flags = append(flags, field.Name)
			continue
		}
		for inner := range field.Type.Fields() {
			flags = append(flags, inner.Name)
		}
	}
	slices.Sort(keys)
	slices.Sort(flags)
	if !slices.Equal(keys, flags) {
		t.Errorf("got the keys %q; want %q", keys, flags)
	}
}

func FuzzProfiles(f *testing.F) {
	for _, doc := range []string{"[server.a]\nurl='tcp://x'", "server.a.url='tls://x'\nserver.a.password='x'", "[server]\na={url='http://x',URL='y'}", "[[server]]", "[server.'a.b'.c]", "server=3", "[server.'a[0]']\nurl='unix:///x'"} {
		f.Add(doc)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		p := &profiles{File: tomlfile.New("x")}
		if p.Decode([]byte(doc), p, noSecrets()) != nil || p.check() != nil {
			return
		}
		for _, name := range p.File.Names() {
			if !slices.Contains(tomlfile.Known(p), name) {
				t.Errorf("the unknown key %q was taken", name)
			}
		}
		for name, s := range p.Server {
			if !profileName.MatchString(name) || !isURL(s.URL) {
				t.Errorf("the profile %q with %+v was taken", name, s)
			}
		}
	})
}
