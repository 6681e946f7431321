package service

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/cmd/parley/internal/tomlfile"
	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
)

// least is a config that can be read, in two lines.
const least = "[[xmlrpc]]\nlisten = '127.0.0.1:0'\n"

// configFileOf writes a config file whose mode is exactly this.
func configFileOf(t *testing.T, doc string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "parley.toml")
	if err := os.WriteFile(path, []byte(doc), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask is
		t.Fatal(err)
	}
	return path
}

func TestConfigMistakes(t *testing.T) {
	for name, tt := range map[string]struct {
		doc  string
		want []string
	}{
		"Nothing":            {"", []string{"nothing to serve", "[[xmlrpc]]"}},
		"UnknownKey":         {least + "\ncolour = 'red'\n", []string{":4: xmlrpc[0].colour: there is no such key", "allow_from"}},
		"UnknownTable":       {least + "[tls]\ncert = 'x'\n", []string{":3: tls: there is no such key", ":4: tls.cert"}},
		"UnknownInline":      {"xmlrpc = [{listen = 'a:1', prot = 3}]", []string{":1: xmlrpc[0].prot"}},
		"UnknownDotted":      {"limits.max_com = 3\n" + least, []string{":1: limits.max_com"}},
		"Capitals":           {"Credentials = 'x'\n" + least, []string{":1: Credentials: there is no such key", "credentials"}},
		"CapitalsBeside":     {"allow_md5 = false\nAllow_MD5 = true\n" + least, []string{":2: Allow_MD5"}},
		"CapitalTable":       {least + "[Policy]\nann = ['*']", []string{":3: Policy"}},
		"Twice":              {"objects = 'a'\nobjects = 'b'\n", []string{":2: objects", "already"}},
		"NoTOML":             {"listen 127.0.0.1", []string{":1"}},
		"NumberForText":      {"credentials = 3\n", []string{":1: credentials: want a text in quotes"}},
		"TextForNumber":      {"\n[limits]\nmax_conns = '3'\n", []string{":3: limits.max_conns: want a whole number"}},
		"FractionForNumber":  {"\n[limits]\nmax_conns = 1.5\n", []string{":3: limits.max_conns: want a whole number"}},
		"TextForBool":        {"allow_md5 = 'yes'\n", []string{":1: allow_md5: want true or false"}},
		"TextForList":        {"[policy]\nann = '*'\n", []string{":2: policy.ann: want a list of texts"}},
		"NumberForTime":      {"drain_time = 10\n" + least, []string{":1: drain_time: want a text in quotes"}},
		"NumberForAddress":   {"[[xmlrpc]]\nlisten = 'a:1'\nallow_from = [\n  10,\n]", []string{":3: xmlrpc[0].allow_from"}},
		"NumberForLevel":     {"log_level = 4\n" + least, []string{":1: log_level: want a text in quotes"}},
		"TimeWithoutUnit":    {"drain_time = '10'\n" + least, []string{":1: drain_time", `got "10"`, "10s"}},
		"NoSuchLevel":        {"log_level = 'LOUD'\n" + least, []string{":1: log_level", "LOUD"}},
		"NoAddress":          {"[[native]]\nlisten = 'a:1'\nallow_from = ['home']\n", []string{":3: native.allow_from", `got "home"`, "10.0.0.0/8"}},
		"NoTime":             {least + "[limits]\nlogin_timeout = '0s'\n", []string{":4: limits.login_timeout: got 0s"}},
		"LongTime":           {least + "[limits]\ncall_timeout = '25h'\n", []string{":4: limits.call_timeout: got 25h"}},
		"NegativeDrain":      {"drain_time = '-1s'\n" + least, []string{":1: drain_time: got -1s"}},
		"NoConns":            {least + "[limits]\nmax_conns = 0\n", []string{":4: limits.max_conns: got 0; want 1 to"}},
		"NegativeCalls":      {least + "[limits]\nmax_calls = -3\n", []string{":4: limits.max_calls: got -3"}},
		"SmallMessage":       {least + "[limits]\nmax_message = 1000\n", []string{":4: limits.max_message: got 1000; want 65536 to"}},
		"LargeMessage":       {least + "[limits]\nmax_message = 999999999999\n", []string{":4: limits.max_message"}},
		"SingleTable":        {"[xmlrpc]\nlisten = 'a:1'\n", []string{":2: xmlrpc.listen: write [[xmlrpc]]"}},
		"NoListen":           {"\n[[native]]\nobjects = 'x'\n", []string{":3: native[0].objects"}},
		"EmptyListen":        {"\n[[native]]\nlisten = ''\n", []string{":3: native[0].listen: it is empty"}},
		"MissingListen":      {least + "\n[[native]]\nallow_from = ['::1']\n", []string{":4: native[0].listen: there is none"}},
		"IntsTwoWays":        {least + "int32_only = true\nlong_int = true\n", []string{":4: xmlrpc[0].long_int: with int32_only beside it"}},
		"CertWithoutKey":     {least + "cert = 'x'\n", []string{":3: xmlrpc[0].cert: there is no key beside it"}},
		"KeyWithoutCert":     {"[[native]]\nlisten = 'tls://a:1'\nkey = 'x'\n", []string{":3: native[0].key: there is no cert"}},
		"CertWithoutTLS":     {"[[native]]\nlisten = 'a:1'\ncert = 'x'\nkey = 'x'\n", []string{":2: native[0].listen", "tls://"}},
		"ClientCAAlone":      {"[[native]]\nlisten = 'tls://a:1'\nclient_ca = 'x'\n", []string{":3: native[0].client_ca: there is no cert"}},
		"XMLRPCByURL":        {"[[xmlrpc]]\nlisten = 'https://a:1'\n", []string{":2: xmlrpc[0].listen", "cert and key"}},
		"CertOnSocket":       {"[[xmlrpc]]\nlisten = 'unix:x'\ncert = 'x'\nkey = 'x'\n", []string{":3: xmlrpc[0].cert", "leave out cert and key"}},
		"EmptyPolicy":        {least + "[policy]\n", []string{":3: policy: nobody may call anything"}},
		"EmptyPolicyInline":  {"policy = {}\n" + least, []string{":1: policy: nobody may call anything"}},
		"BadRule":            {least + "[policy]\nann = ['*']\nbob = ['catalog*']\n", []string{":5: policy.bob", "catalog*"}},
		"SeveralMistakes":    {"one = 1\ntwo = 2\n" + least, []string{":1: one", ":2: two"}},
		"OtherPolicyRemains": {least + "[policy]\n\"a.b\" = ['x.*.y']\n", []string{":4: policy.a.b"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := configFileOf(t, tt.doc, 0o600)
			_, err := loadConfig(path)
			var mistake *usage.Error
			if !errors.As(err, &mistake) {
				t.Fatalf("got %v; want a usage error", err)
			}
			for _, want := range append(tt.want, path) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q; want %q in it", err, want)
				}
			}
		})
	}
}

func TestConfigIsRead(t *testing.T) {
	path := configFileOf(t, `
credentials = "sub/creds"
allow_md5 = true
dangerously_allow_short_key = true
objects = "add"
log_level = "warn"
drain_time = "3s"
[[xmlrpc]]
listen = "0.0.0.0:8443"
cert = "/etc/cert"
key = "key"
hosts = ["a.example"]
allow_from = ["10.0.0.0/8", "192.0.2.1", "::1"]
dangerously_listen_beyond_loopback = true
[[xmlrpc]]
listen = "unix:x.sock"
[[native]]
listen = "tls://[::1]:1"
cert = "c"
key = "k"
client_ca = "ca"
[[native]]
listen = "unix:///run/y.sock"
[policy]
ann = ["*"]
"bot.x" = []
[limits]
max_conns = 1
max_calls = 2
max_message = 65536
call_timeout = "1m"
login_timeout = "2s"
`, 0o644)
	f, err := loadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(path)
	for what, got := range map[string]bool{
		"credentials": f.Credentials == filepath.Join(dir, "sub/creds") && f.AllowMD5 && f.DangerouslyAllowShortKey && f.Objects == "add",
		"times":       f.LogLevel.String() == "WARN" && f.DrainTime.Duration == 3*time.Second && f.Limits.CallTimeout.Duration == time.Minute && f.Limits.LoginTimeout.Duration == 2*time.Second,
		"numbers":     f.Limits.MaxConns == 1 && f.Limits.MaxCalls == 2 && f.Limits.MaxMessage == 65536,
		"xmlrpc": len(f.XMLRPC) == 2 && f.XMLRPC[0].Cert == "/etc/cert" && f.XMLRPC[0].Key == filepath.Join(dir, "key") && f.XMLRPC[0].DangerouslyListenBeyondLoopback &&
			slices.Equal(f.XMLRPC[0].Hosts, []string{"a.example"}) && f.XMLRPC[1].Listen == "unix:"+dir+"/x.sock",
		"prefixes": reflect.DeepEqual(strings.Split("10.0.0.0/8 192.0.2.1/32 ::1/128", " "), texts(f.XMLRPC[0].AllowFrom)),
		"native":   len(f.Native) == 2 && f.Native[0].ClientCA == filepath.Join(dir, "ca") && f.Native[1].Listen == "unix:///run/y.sock",
		"policy":   len(f.Policy) == 2 && slices.Equal(f.Policy["ann"], []string{"*"}) && f.Policy["bot.x"] != nil,
	} {
		if !got {
			t.Errorf("%s is not as the file says: %+v", what, f.Config)
		}
	}
	if f, err = loadConfig(configFileOf(t, least, 0o600)); err != nil || f.DrainTime.Duration != defaultDrainTime || f.Policy != nil {
		t.Errorf("got %+v, %v; want the defaults", f, err)
	}
}

func texts(list []prefix) []string {
	var out []string
	for _, p := range list {
		out = append(out, p.String())
	}
	return out
}

// Who can change the file can say who may call what.
func TestConfigOthersCanChange(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no modes on Windows")
	}
	for mode, ok := range map[os.FileMode]bool{0o600: true, 0o644: true, 0o444: true, 0o664: false, 0o606: false, 0o602: false} {
		_, err := loadConfig(configFileOf(t, least, mode))
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "chmod go-w") {
			t.Errorf("mode %04o: got %v; want ok %v", mode, err, ok)
		}
	}
}

func TestConfigTooLarge(t *testing.T) {
	if _, err := loadConfig(configFileOf(t, least+strings.Repeat("#\n", 1<<19), 0o600)); err == nil || !strings.Contains(err.Error(), "larger than 1 MiB") {
		t.Errorf("got %v; want an error", err)
	}
}

// documented finds the keys of the table in docs/command.md.
func documented(t *testing.T) []string {
	t.Helper()
	doc, err := os.ReadFile("../../../../docs/command.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(doc), "## The config file")
	section, _, _ = strings.Cut(section, "\n## ")
	if !ok {
		t.Fatal("docs/command.md has no section on the config file")
	}
	var keys []string
	name := regexp.MustCompile("`([a-z0-9_.]+)`")
	for line := range strings.Lines(section) {
		if cells := strings.Split(line, "|"); len(cells) == 5 {
			for _, m := range name.FindAllStringSubmatch(cells[1], -1) {
				keys = append(keys, m[1])
			}
		}
	}
	slices.Sort(keys)
	return keys
}

// The document names every key, and no other.
func TestConfigKeysAreDocumented(t *testing.T) {
	known := tomlfile.Known(&Config{})
	if got := documented(t); !slices.Equal(got, known) {
		t.Errorf("docs/command.md has the keys\n%q\nwant\n%q", got, known)
	}
}

// The sample can be read as it is, and with everything that it shows; between
// them it shows every key that is not dangerous, and does not exclude another.
func TestSampleConfig(t *testing.T) {
	const sample = "../../../../examples/config/parley.toml"
	if _, err := loadConfig(sample); err != nil {
		t.Error(err)
	}
	doc, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	all := regexp.MustCompile(`(?m)^# ([a-z0-9_]+ +=)`).ReplaceAllString(string(doc), "$1")
	f, err := loadConfig(configFileOf(t, all, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range tomlfile.Known(&Config{}) {
		if !slices.Contains(f.Names(), key) && !strings.Contains(key, "dangerously") && key != "native.allow_from" && key != "xmlrpc.long_int" {
			t.Errorf("%s does not show %s", sample, key)
		}
	}
}

func FuzzConfig(f *testing.F) {
	for _, doc := range []string{least, "policy={a=['x']}", "xmlrpc=[{listen='a',LISTEN='b'}]", "a.b.c=[[{}]]\n[[x.y]]\n[x.y.z]\n'q'.\"r\"=1979-05-27", "[[xmlrpc]]\n[[xmlrpc]]\n[xmlrpc.z]\n", "policy.a=[]", "native=[[1]]"} {
		f.Add(doc)
	}
	known := tomlfile.Known(&Config{})
	f.Fuzz(func(t *testing.T, doc string) {
		c := &configFile{File: tomlfile.New("x")}
		err := c.Decode([]byte(doc), &c.Config, nil)
		// Nothing gets past the list of keys: a key in other letters is unknown.
		if err == nil {
			for _, name := range c.Names() {
				if !strings.HasPrefix(name, "policy.") && !slices.Contains(known, name) {
					t.Errorf("the unknown key %q was taken", name)
				}
			}
		}
	})
}
