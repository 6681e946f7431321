package dial

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/cmd/parley/internal/tomlfile"
	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
)

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
			path := filepath.Join(t.TempDir(), "config.toml")
			if err := os.WriteFile(path, []byte(tt.doc), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv(ProfilesVariable, path)
			_, err := LoadProfiles()
			var mistake *usage.Error
			if !errors.As(err, &mistake) {
				t.Fatalf("got %v; want a usage error", err)
			}
			for _, want := range append(tt.want, path) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q; want %q in it", err, want)
				}
			}
			if strings.Contains(err.Error(), "geheim") {
				t.Errorf("the message has the secret in it: %v", err)
			}
		})
	}
}

// A profile can say all that the flags of a target can, but its secrets.
func TestProfileHasAllFlags(t *testing.T) {
	var keys, flags []string
	for field := range reflect.TypeFor[profile]().Fields() {
		keys = append(keys, field.Name)
	}
	for field := range reflect.TypeFor[Target]().Fields() {
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
		p := &Profiles{File: tomlfile.New("x")}
		if p.Decode([]byte(doc), p, noSecrets()) != nil || p.check() != nil {
			return
		}
		for _, name := range p.File.Names() {
			if !slices.Contains(tomlfile.Known(p), name) {
				t.Errorf("the unknown key %q was taken", name)
			}
		}
		for name, s := range p.Server {
			if !profileName.MatchString(name) || !IsURL(s.URL) {
				t.Errorf("the profile %q with %+v was taken", name, s)
			}
		}
	})
}
