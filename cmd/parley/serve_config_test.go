package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// site is a config file with all that it names.
type site struct {
	*authority
	store
	home
	config string
	pin    string // of the certificate
}

// newSite makes one with a credential of each use, whose secrets are in the files
// chan, web and mp. Listeners and policy are in doc.
func newSite(t *testing.T, doc string) *site {
	t.Helper()
	s := &site{authority: newAuthority(t), home: newHome(t)}
	s.store = store{s.path("credentials"), s.authority.dir}
	s.pin = s.issue(t, "server", "", time.Hour)
	s.add(t, "chan", "ann", "channel")
	s.add(t, "web", "bob", "http")
	s.add(t, "mp", "cy", "authkey")
	s.config = s.path("parley.toml")
	s.write(t, doc)
	return s
}

func (s *site) write(t *testing.T, doc string) {
	t.Helper()
	if err := os.WriteFile(s.config, []byte("credentials = 'credentials'\n"+doc), 0o600); err != nil {
		t.Fatal(err)
	}
}

// everything has a listener of each kind.
const everything = `
[[native]]
listen = "tls://127.0.0.1:0"
cert = "server.pem"
key = "server.key"
[[native]]
listen = "127.0.0.1:0"
[[native]]
listen = "tls://127.0.0.1:0"
[[xmlrpc]]
listen = "127.0.0.1:0"
cert = "server.pem"
key = "server.key"
[[xmlrpc]]
listen = "127.0.0.1:0"
`

// urls are what each listener has printed, in order.
func (r *running) urls() []string {
	var out []string
	for _, line := range r.stdout {
		if _, url, ok := strings.Cut(line, " "); ok {
			out = append(out, url)
		}
	}
	return out
}

func TestServeConfig(t *testing.T) {
	t.Parallel()
	s := newSite(t, everything)
	r := s.start(t, "--config", s.config)
	want := []string{
		`xmlrpc https://127\.0\.0\.1:\d+/RPC2`, `xmlrpc http://127\.0\.0\.1:\d+/RPC2`,
		`native tls://127\.0\.0\.1:\d+`, `native tcp://127\.0\.0\.1:\d+`, `native tls://127\.0\.0\.1:\d+`, `ready`,
	}
	if len(r.stdout) != len(want) {
		t.Fatalf("got %q; want a line for each listener, and ready", r.stdout)
	}
	for i := range want {
		if !regexp.MustCompile("^" + want[i] + "$").MatchString(r.stdout[i]) {
			t.Errorf("line %d is %q; want %s", i, r.stdout[i], want[i])
		}
	}
	urls := r.urls()
	https, http, tls, tcp, ephemeral := urls[0], urls[1], urls[2], urls[3], urls[4]
	r.awaitLog(t, "--pin "+s.pin)
	channel, web, mp := s.secret("chan.secret"), s.secret("web.secret"), s.secret("mp.secret")
	for name, tt := range map[string]struct {
		url  string
		args []string
		code int
	}{
		"Channel":          {tls, []string{"--credential-file", channel}, 0},
		"ChannelEphemeral": {ephemeral, []string{"--credential-file", channel}, 0},
		"ChannelPin":       {tls, []string{"--credential-file", channel, "--pin", s.pin}, 0},
		"ChannelCA":        {tls, []string{"--credential-file", channel, "--ca", s.ca}, 0},
		"HTTP":             {http, []string{"--credential-file", web}, 0},
		"HTTPS":            {https, []string{"--credential-file", web, "--ca", s.ca}, 0},
		"Authkey":          {tcp, []string{"--authkey-file", mp}, 0},

		"ChannelOtherUse":  {tls, []string{"--credential-file", web}, 5},
		"ChannelOtherPin":  {ephemeral, []string{"--credential-file", channel, "--pin", s.pin}, 5},
		"ChannelOtherCA":   {ephemeral, []string{"--credential-file", channel, "--ca", s.ca}, 5},
		"HTTPOtherUse":     {http, []string{"--credential-file", channel}, 5},
		"HTTPNobody":       {http, nil, 5},
		"HTTPSNobody":      {https, []string{"--ca", s.ca}, 5},
		"HTTPSUnknownCA":   {https, []string{"--credential-file", web}, 5},
		"AuthkeyElsewhere": {tcp, []string{"--authkey-file", writeFile(t, "k", goodKey, 0o600)}, 5},

		"ChannelNobody":   {tls, nil, 2},
		"ChannelAuthkey":  {tls, []string{"--authkey-file", mp}, 2},
		"ChannelUser":     {tls, []string{"--user", "ann"}, 2},
		"ChannelBadPin":   {tls, []string{"--credential-file", channel, "--pin", "sha256/x"}, 2},
		"ChannelNoCA":     {tls, []string{"--credential-file", channel, "--ca", "/no/such/ca"}, 2},
		"ChannelEmptyCA":  {tls, []string{"--credential-file", channel, "--ca", channel}, 2},
		"ChannelHalfCert": {tls, []string{"--credential-file", channel, "--cert", s.path("server.pem")}, 2},
		"NoSecret":        {tls, []string{"--credential-file", "/no/such/secret"}, 2},
		"SecretForAll":    {tls, []string{"--credential-file", writeFile(t, "s", read(t, channel), 0o644)}, 2},
		"TCPSecret":       {tcp, []string{"--credential-file", channel}, 2},
		"HTTPTwoLogins":   {http, []string{"--credential-file", web, "--user", "ann", "--password-file", web}, 2},
		"HTTPPin":         {https, []string{"--credential-file", web, "--pin", s.pin}, 2},
		"HTTPWithCA":      {http, []string{"--credential-file", web, "--ca", s.ca}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			got := r.call(t, append([]string{tt.url, "add", "3", "5"}, tt.args...)...)
			if got.code != tt.code || tt.code == 0 && (got.stdout != "8\n" || got.stderr != "") || tt.code != 0 && got.stdout != "" {
				t.Errorf("%+v; want exit code %d", got, tt.code)
			}
			if tt.code != 0 {
				got.oneLine(t)
			}
		})
	}
	// A connection that is refused or broken is another thing than a login.
	if got := r.call(t, strings.Replace(http, "http", "https", 1), "add", "3", "5", "--credential-file", web); got.code != 4 {
		t.Errorf("https to a port of http: %+v; want exit code 4", got)
	}
	r.signal(t, syscall.SIGTERM)
	if code := r.end(t); code != 0 || r.rest != "" {
		t.Errorf("exit code %d, more output %q; want 0 and nothing", code, r.rest)
	}
	for _, url := range []string{tls, ephemeral} {
		if got := r.call(t, url, "add", "3", "5", "--credential-file", channel); got.code != 4 {
			t.Errorf("nobody listens: %+v; want exit code 4", got)
		}
	}
}

// list, describe and ping log in as call does, and the environment may hold the
// secret.
func TestCommandsWithCredential(t *testing.T) {
	t.Parallel()
	s := newSite(t, everything)
	r := s.start(t, "--config", s.config)
	tls, http := r.urls()[2], r.urls()[1]
	for _, args := range [][]string{{"list", tls}, {"describe", tls, "add"}, {"ping", tls}} {
		if got := r.parley(t, append(args, "--credential-file", s.secret("chan.secret"))...); got.code != 0 || got.stdout == "" || got.stderr != "" {
			t.Errorf("parley %q: %+v", args, got)
		}
	}
	for url, file := range map[string]string{tls: "chan.secret", http: "web.secret"} {
		secret := read(t, s.secret(file))
		for env, code := range map[string]int{secret: 0, "wrong canary-4410": 2} {
			cmd := r.command(t.Context(), "call", url, "add", "3", "5")
			cmd.Env = append(cmd.Env, "PARLEY_CREDENTIAL="+env)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			err := cmd.Run()
			if cmd.ProcessState.ExitCode() != code || code == 0 && stdout.String() != "8\n" {
				t.Errorf("%s: %v, %s, %s; want exit code %d", url, err, &stdout, &stderr, code)
			}
			if !strings.Contains(stderr.String(), "PARLEY_CREDENTIAL, which all programs that you start can read") {
				t.Errorf("%s: no warning: %s", url, &stderr)
			}
			if strings.Contains(stdout.String()+stderr.String(), env) {
				t.Errorf("%s: the secret is printed", url)
			}
		}
	}
}

// Without a config file, the credentials are one flag.
func TestServeCredentials(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	r := s.serve(t, "--native", "tls://127.0.0.1:0", "--credentials", s.file)
	if got := r.call(t, r.native, "add", "3", "5", "--credential-file", s.secret("chan.secret")); got.stdout != "8\n" || !strings.HasPrefix(r.native, "tls://") {
		t.Errorf("%s: %+v", r.native, got)
	}
	if got := r.call(t, r.xmlrpc, "add", "3", "5", "--credential-file", s.secret("web.secret")); got.stdout != "8\n" {
		t.Errorf("%s: %+v", r.xmlrpc, got)
	}
	if got := r.call(t, r.xmlrpc, "add", "3", "5"); got.code != 5 {
		t.Errorf("%s without a login: %+v; want exit code 5", r.xmlrpc, got)
	}
	if _, err := os.Stat(s.home.key()); err == nil {
		t.Error("an authkey was made that nobody needs")
	}
	before := strings.Count(r.stderr.String(), "reload")
	r.signal(t, syscall.SIGHUP)
	r.awaitLogs(t, "outcome=ok", before+1)

	socket := "unix:" + filepath.Join(s.authority.dir, "n.sock")
	r = s.serve(t, "--native", socket, "--xmlrpc", "off", "--credentials", s.file)
	if got := r.call(t, r.native, "add", "3", "5", "--authkey-file", s.secret("mp.secret")); got.stdout != "8\n" {
		t.Errorf("an authkey on a socket: %+v", got)
	}
	only := newStore(t)
	only.add(t, "chan", "ann", "channel")
	r = s.serve(t, "--native", socket+"2", "--credentials", only.file)
	if got := r.call(t, r.native, "add", "3", "5", "--credential-file", only.secret("chan.secret")); got.stdout != "8\n" {
		t.Errorf("a credential for channel on a socket: %+v", got)
	}
	r.awaitLog(t, "nobody can log in there yet: no credential in "+only.file+" is for http")
	got := s.parley(t, "serve", "--native", "127.0.0.1:0", "--xmlrpc", "off", "--credentials", only.file)
	if got.code != 2 || got.stdout != "" {
		t.Errorf("no authkey for TCP: %+v; want exit code 2", got)
	}
	got.oneLine(t, "--native 127.0.0.1:0", "--use authkey")
}

func TestServePolicyAndHangup(t *testing.T) {
	t.Parallel()
	s := newSite(t, everything+"[policy]\nann = ['add']\n")
	r := s.start(t, "--config", s.config)
	tls, http := r.urls()[2], r.urls()[1]
	may := func(method string, code int) {
		t.Helper()
		if got := r.call(t, tls, method, `"a"`, `"b"`, "--credential-file", s.secret("chan.secret"), "--pin", s.pin); got.code != code {
			t.Errorf("%s by ann: %+v; want exit code %d", method, got, code)
		}
	}
	may("add", 0)
	may("echo", 3)
	if got := r.call(t, http, "add", "3", "5", "--credential-file", s.secret("web.secret")); got.code != 3 || !strings.HasPrefix(got.stderr, "fault -32601") {
		t.Errorf("who is not in the policy: %+v; want the fault of an unknown function", got)
	}
	refused, done := 0, 0
	hangup := func(doc, log string, count *int) {
		t.Helper()
		s.write(t, doc)
		r.signal(t, syscall.SIGHUP)
		*count++
		r.awaitLogs(t, log, *count)
	}
	const no, yes = "outcome=refused", `parley.toml outcome=ok`
	// What is wrong changes nothing, also where only a part of it is wrong.
	hangup("nonsense", no, &refused)
	may("add", 0)
	hangup("colour = 'red'\n"+everything+"[policy]\nann = ['echo']\n", no, &refused)
	r.awaitLog(t, "colour: there is no such key")
	hangup(everything, no, &refused) // without a policy
	r.awaitLog(t, "that takes a new start")
	may("echo", 3)
	cert := read(t, s.path("server.pem"))
	os.WriteFile(s.path("server.pem"), []byte("no certificate"), 0o600)
	hangup(everything+"[policy]\nann = ['echo']\n", no, &refused)
	may("echo", 3)
	os.WriteFile(s.path("server.pem"), []byte(cert), 0o600)
	good := s.read(t)
	os.WriteFile(s.file, []byte("no credentials"), 0o600)
	hangup(everything+"[policy]\nann = ['echo']\n", no, &refused)
	may("add", 0)
	may("echo", 3)
	os.WriteFile(s.file, []byte(good), 0o600)

	// All of it changes together, and on the connections that there are.
	old := s.pin
	s.pin = s.issue(t, "server", "", time.Hour)
	r.awaitPin(t, tls, s)
	hangup(everything+"[policy]\nann = ['echo']\n", yes, &done)
	may("add", 3)
	may("echo", 0)
	if got := r.call(t, tls, "echo", "--credential-file", s.secret("chan.secret"), "--pin", old); got.code != 5 {
		t.Errorf("with the pin of the old certificate: %+v; want exit code 5", got)
	}
	if strings.Contains(r.stderr.String(), "new start; the file") || strings.Contains(r.stderr.String(), "the rest") {
		t.Error("a warning that the rest has changed, which it has not")
	}
	hangup("\n\nlog_level = 'DEBUG'\n"+everything+"[policy]\nann = ['add']\n", yes, &done)
	r.awaitLog(t, "the file says something else than before about the rest")
	may("add", 0)
}

// awaitPin waits until the server shows the certificate that s has now.
func (r *running) awaitPin(t *testing.T, url string, s *site) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		if r.call(t, url, "add", "--credential-file", s.secret("chan.secret"), "--pin", s.pin).code != 5 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the server does not show its new certificate")
		}
	}
}

// The policy can come with a signal to a server that has none.
func TestServePolicyComesLater(t *testing.T) {
	t.Parallel()
	s := newSite(t, everything)
	r := s.start(t, "--config", s.config)
	call := func() int {
		return r.call(t, r.urls()[2], "add", "3", "5", "--credential-file", s.secret("chan.secret")).code
	}
	if code := call(); code != 0 {
		t.Errorf("without a policy: exit code %d; want 0", code)
	}
	s.write(t, everything+"[policy]\nbob = ['*']\n")
	r.signal(t, syscall.SIGHUP)
	r.awaitLog(t, "parley.toml outcome=ok")
	if code := call(); code != 3 {
		t.Errorf("with one that does not name the caller: exit code %d; want 3", code)
	}
}

// Clients with a certificate of the authority, and no others.
func TestServeMutualTLS(t *testing.T) {
	t.Parallel()
	s := newSite(t, `
[[native]]
listen = "tls://127.0.0.1:0"
cert = "server.pem"
key = "server.key"
client_ca = "ca.pem"
[policy]
"spiffe://example.org/ann" = ["add"]
`)
	s.issue(t, "ann", "spiffe://example.org/ann", time.Hour)
	s.issue(t, "bob", "spiffe://example.org/bob", time.Hour)
	stranger := newAuthority(t)
	stranger.issue(t, "eve", "spiffe://example.org/ann", time.Hour)
	r := s.start(t, "--config", s.config)
	for name, tt := range map[string]struct {
		args []string
		code int
	}{
		"Ann":    {[]string{"--cert", s.path("ann.pem"), "--key", s.path("ann.key"), "--ca", s.ca}, 0},
		"Bob":    {[]string{"--cert", s.path("bob.pem"), "--key", s.path("bob.key"), "--ca", s.ca}, 3},
		"Eve":    {[]string{"--cert", stranger.path("eve.pem"), "--key", stranger.path("eve.key"), "--ca", s.ca}, 5},
		"Secret": {[]string{"--credential-file", s.secret("chan.secret"), "--ca", s.ca}, 5},
		"NoCA":   {[]string{"--cert", s.path("ann.pem"), "--key", s.path("ann.key")}, 5},
	} {
		if got := r.call(t, append([]string{r.native, "add", "3", "5"}, tt.args...)...); got.code != tt.code {
			t.Errorf("%s: %+v; want exit code %d", name, got, tt.code)
		}
	}
}

const sample = "../../examples/config/parley.toml"

// sampleWithAll is the sample with what it shows as a comment.
func sampleWithAll(t *testing.T) string {
	t.Helper()
	doc, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`(?m)^# ([a-z0-9_]+ +=)`).ReplaceAllString(string(doc), "$1")
}

// The sample is served as it stands, but for its ports.
func TestServeSample(t *testing.T) {
	t.Parallel()
	for _, doc := range []string{read(t, sample), sampleWithAll(t)} {
		s := newSite(t, "")
		s.issue(t, "clients", "", time.Hour)
		doc = regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(doc, "127.0.0.1:0")
		os.Rename(s.file, s.path("credentials.jsonl"))
		s.config = writeIn(t, s.authority.dir, "sample.toml", doc)
		r := s.start(t, "--config", s.config)
		if len(r.urls()) != 3 {
			t.Errorf("the sample serves %q", r.stdout)
		}
	}
}

func writeIn(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// What a server is started with refuses with one line, before it serves anything.
func TestServeConfigRefuses(t *testing.T) {
	t.Parallel()
	s := newSite(t, everything)
	os.WriteFile(s.path("open"), []byte(s.read(t)), 0o644)
	os.Chmod(s.path("open"), 0o644)
	for name, tt := range map[string]struct {
		doc  string
		want []string
	}{
		"OpenCredentials": {"credentials = 'open'\n[[native]]\nlisten = '127.0.0.1:0'", []string{"0644", "chmod 600"}},
		"UnknownKey":      {"credentials = 'credentials'\n\nlisten = 3\n", []string{"x.toml:3: listen: there is no such key"}},
		"PolicyOfNobody":  {"[[xmlrpc]]\nlisten = '127.0.0.1:0'\n[policy]\nann = ['*']", []string{"x.toml:2", "asks nobody who he is", "credentials"}},
		"PlainBeyond":     {"credentials = 'credentials'\n[[xmlrpc]]\nlisten = '0.0.0.0:0'", []string{"x.toml:3", "nothing is encrypted", "dangerously_listen_beyond_loopback"}},
		"NoSuchFunction":  {"credentials = 'credentials'\nobjects = 'nope'\n[[native]]\nlisten = '127.0.0.1:0'", []string{"x.toml: objects nope"}},
		"NoClientCA":      {"credentials = 'credentials'\n[[native]]\nlisten = 'tls://127.0.0.1:0'\ncert = 'server.pem'\nkey = 'server.key'\nclient_ca = 'none'", []string{"x.toml:3", "client_ca", "none"}},
		"BadAddress":      {"credentials = 'credentials'\n[[native]]\nlisten = 'tls://nowhere'", []string{"x.toml:3", "nowhere"}},
	} {
		path := writeIn(t, s.authority.dir, "x.toml", tt.doc)
		got := s.parley(t, "serve", "--config", path)
		if got.code != 2 || got.stdout != "" {
			t.Errorf("%s: %+v; want exit code 2 and nothing on standard output", name, got)
		}
		got.oneLine(t, tt.want...)
	}
	for _, flag := range []string{"--native=off", "--log-level=DEBUG", "--allow-md5", "--credentials=x"} {
		got := s.parley(t, "serve", "--config", s.config, flag)
		if got.code != 2 || got.stdout != "" {
			t.Errorf("%s beside --config: %+v; want exit code 2", flag, got)
		}
		got.oneLine(t, strings.Split(flag, "=")[0]+" does not go with --config")
	}
	if got := s.parley(t, "serve", "--config", "/no/such/file"); got.code != 2 {
		t.Errorf("%+v", got)
	}
}
