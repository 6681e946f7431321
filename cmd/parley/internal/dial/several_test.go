package dial

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/cmd/parley/internal/login"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
)

func writeProfiles(t *testing.T) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	const doc = "[server.own]\nurl = 'tls://x:1'\ncredential_file = '/own'\n[server.bare]\nurl = 'tcp://x:1'\n[server.web]\nurl = 'http://x:1/'\nuser = 'eve'\n"
	if err := os.WriteFile(path, []byte(doc), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(ProfilesVariable, path)
}

func TestServers(t *testing.T) {
	writeProfiles(t)
	for line, want := range map[string]int{
		"tcp://x:1 add own": 1, "own bare add": 2, "own http://x/ bare": 3, "tcp://x:1 http://x/ web inv.get i1": 3,
		"add own": 0, "ftp://x add": 0, "": 0,
	} {
		if got, err := Servers(strings.Fields(line)); got != want || err != nil {
			t.Errorf("%q: got %d servers, %v; want %d", line, got, err, want)
		}
	}
	t.Setenv(ProfilesVariable, "/no/such/file")
	if got, err := Servers([]string{"tcp://x:1", "add"}); err == nil {
		t.Errorf("a file of profiles that is not there: got %d, and no error", got)
	}
	t.Setenv(ProfilesVariable, "")
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "AppData"} {
		t.Setenv(name, "")
	}
	if got, err := Servers([]string{"tcp://x:1", "add"}); got != 1 || err != nil {
		t.Errorf("without a place for profiles: got %d, %v; want 1", got, err)
	}
}

// Each flag of a login goes to the servers that it fits, and to no other: a secret
// is nothing for a server that has no use for it.
func TestThreatSecretsForOthers(t *testing.T) {
	writeProfiles(t)
	secret := Target{
		User: "u", PasswordFile: "p", Flags: login.Flags{CredentialFile: "c", Pin: "pin", CA: "ca", Cert: "crt", Key: "key"},
		AuthkeyFlags: login.AuthkeyFlags{AuthkeyFile: "a", AllowMD5: true, DangerouslyAllowShortKey: true},
	}
	for _, tt := range []struct{ servers, given, want string }{
		{"tcp://x http://x/", "authkey-file credential-file", "a;c"},
		{"unix:///x http://x/", "authkey-file credential-file", "a;c"},
		{"tls://x tcp://x", "authkey-file credential-file", "c;a"},
		{"unix:///x tls://x", "credential-file", "c;c"},
		{"tls://x http://x/", "credential-file user password-file", "c;up"},
		{"tls://x https://x/ http://x/ tcp://x", "pin ca cert key", "pin ca crt key;ca crt key;;"},
		{"tcp://x unix:///x tls://x", "allow-md5 dangerously-allow-short-key", "md5 short;md5 short;"},
		{"own tls://x", "credential-file pin", "/own;c pin"},
		{"own bare web tcp://x", "authkey-file allow-md5", "/own;a md5;eve;a md5"},
		{"own", "credential-file", "c"},
		{"own", "pin", "/own pin"},
		{"tcp://x", "credential-file pin", "c pin"}, // which Prepare refuses, with what call says
		{"tls://x http://x/", "authkey-file", "--authkey-file fits none of these servers: it is for tcp:// and unix://,"},
		{"tcp://x unix:///x", "authkey-file credential-file", "--credential-file fits none of these servers: it is for tls://,"},
		{"own web", "credential-file", "--credential-file fits none"},
		{"tcp://x nobody", "", `"nobody" is no URL and no profile`},
	} {
		given := func(flag string) bool { return strings.Contains(" "+tt.given+" ", " "+flag+" ") }
		flags := Target{}
		flags.take(secret, given) // as the command line would have it
		targets, err := Several(strings.Fields(tt.servers), flags, given)
		var got []string
		for _, s := range targets {
			words := fmt.Sprintln(s.User+s.PasswordFile, s.CredentialFile, s.Pin, s.CA, s.Cert, s.Key, s.AuthkeyFile,
				map[bool]string{true: "md5"}[s.AllowMD5], map[bool]string{true: "short"}[s.DangerouslyAllowShortKey])
			got = append(got, strings.Join(strings.Fields(words), " "))
		}
		text := strings.Join(got, ";")
		if err != nil {
			text = err.Error()
		}
		if text != tt.want && (err == nil || !strings.HasPrefix(text, tt.want)) {
			t.Errorf("%s with %s: got %q; want %q", tt.servers, tt.given, text, tt.want)
		}
	}
}

// The password of --user is asked for once, though two servers want it, and that
// of a profile's user apart.
func TestOnePasswordForSeveral(t *testing.T) {
	writeProfiles(t)
	given := func(flag string) bool { return flag == "user" }
	targets, err := Several([]string{"http://x/", "web", "http://y/"}, Target{User: "ann"}, given)
	if err != nil {
		t.Fatal(err)
	}
	std := terminal.Streams{In: strings.NewReader("first\nsecond\nthird\n"), Out: io.Discard, Err: io.Discard}
	for i, want := range []string{"first", "second", "first"} {
		if got, err := targets[i].password(std); got != want || err != nil {
			t.Errorf("%s: got %q, %v; want %q", targets[i].User, got, err, want)
		}
	}
}
