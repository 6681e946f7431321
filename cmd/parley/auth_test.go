package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/auth"
)

// at runs the command within this process.
func at(t *testing.T, stdin string, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(args, strings.NewReader(stdin), &stdout, &stderr)
	return outcome{code, stdout.String(), stderr.String()}
}

// store is a file of credentials, and the folder for secrets beside it.
type store struct{ file, dir string }

func newStore(t *testing.T) store {
	t.Helper()
	dir := t.TempDir()
	return store{filepath.Join(dir, "credentials.jsonl"), dir}
}

func (s store) secret(name string) string { return filepath.Join(s.dir, name) }

// add adds a credential whose key is made, and returns the path of its secret.
func (s store) add(t *testing.T, id, identity, use string, args ...string) string {
	t.Helper()
	out := s.secret(id + ".secret")
	args = append([]string{"auth", "add", id, "--identity", identity, "--use", use, "--file", s.file, "--generate", "--secret-out", out}, args...)
	if got := at(t, "", args...); got.code != 0 || got.stdout != "" {
		t.Fatalf("parley %q: %+v", args, got)
	}
	return out
}

func (s store) read(t *testing.T) string { return read(t, s.file) }

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(text), "\n")
}

func modeOf(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

func TestAuthKeygen(t *testing.T) {
	dir := t.TempDir()
	for name, tt := range map[string]struct {
		args []string
		want string // pattern of the secret
	}{
		"Key":     {[]string{"ann.k1"}, `parley1_ann\.k1_[A-Za-z0-9_-]{43}_[0-9a-f]{8}`},
		"Authkey": {[]string{"--authkey"}, `[0-9a-f]{64}`},
	} {
		t.Run(name, func(t *testing.T) {
			want := regexp.MustCompile("^" + tt.want + "\n$")
			path := filepath.Join(dir, name)
			got := at(t, "", append([]string{"auth", "keygen", "--out", path}, tt.args...)...)
			if got != (outcome{}) {
				t.Errorf("%+v; want nothing on standard output and error", got)
			}
			if mode := modeOf(t, path); mode != 0o600 {
				t.Errorf("the secret has mode %v; want 0600", mode)
			}
			first := read(t, path)
			if !want.MatchString(first + "\n") {
				t.Errorf("the secret does not look like %s", want)
			}
			got = at(t, "", append([]string{"auth", "keygen", "--out", path}, tt.args...)...)
			if got.code != 2 || read(t, path) != first {
				t.Errorf("over a file that is there: %+v; want exit code 2 and the file as it was", got)
			}
			got.oneLine(t, "never overwritten")
			printed := at(t, "", append([]string{"auth", "keygen", "--out", "-"}, tt.args...)...)
			if printed.code != 0 || !want.MatchString(printed.stdout) || printed.stderr != "" {
				t.Errorf("to standard output: code %d, %q; want one secret", printed.code, printed.stderr)
			}
			if printed.stdout == first+"\n" {
				t.Error("the same secret twice")
			}
		})
	}
	for _, args := range [][]string{{"--out", "-"}, {"a", "--authkey", "--out", "-"}, {"a"}, {"--authkey"}, {"Ann", "--out", "-"}, {"a", "--out", filepath.Join(dir, "no", "dir")}} {
		if got := at(t, "", append([]string{"auth", "keygen"}, args...)...); got.code != 2 || got.stdout != "" {
			t.Errorf("keygen %q: %+v; want exit code 2", args, got)
		}
	}
}

func TestAuthAdd(t *testing.T) {
	s := newStore(t)
	key := s.add(t, "ann.k1", "ann", "channel", "--not-after", "90d")
	if mode := modeOf(t, s.file); mode != 0o600 {
		t.Errorf("the file of credentials has mode %v; want 0600", mode)
	}
	if mode := modeOf(t, key); mode != 0o600 {
		t.Errorf("the secret has mode %v; want 0600", mode)
	}
	secret, err := auth.LoadSecret(key)
	if err != nil || secret.ID() != "ann.k1" || !secret.Generated() {
		t.Errorf("the secret is %s, %v; want a key of ann.k1", secret.ID(), err)
	}
	py := s.add(t, "py", "py", "authkey")
	if _, err := auth.LoadKey(py, auth.KeyConfig{}); err != nil {
		t.Error(err)
	}
	// From files, and from standard input.
	for _, path := range []string{s.secret("web"), s.secret("web2")} {
		at(t, "", "auth", "keygen", filepath.Base(path), "--out", path)
	}
	at(t, "", "auth", "keygen", "--authkey", "--out", s.secret("mp"))
	typed := read(t, s.secret("web2"))
	for _, tt := range []struct {
		stdin string
		args  []string
	}{
		{"", []string{"web", "--use", "http", "--secret-file", s.secret("web")}},
		{typed + "\n", []string{"web2", "--use", "http"}},
		{"", []string{"mp", "--use", "authkey", "--secret-file", s.secret("mp")}},
		{goodKey + "\n", []string{"mp2", "--use", "authkey"}},
		{"short\n", []string{"mp3", "--use", "authkey", "--dangerously-allow-short-key"}},
	} {
		got := at(t, tt.stdin, append([]string{"auth", "add", "--file", s.file}, tt.args...)...)
		if got.code != 0 || got.stdout != "" || !strings.Contains(got.stderr, tt.args[0]+" proves "+tt.args[0]+" (") {
			t.Errorf("add %q: %+v", tt.args, got)
		}
	}
	stored := s.read(t)
	for _, path := range []string{key, s.secret("web"), s.secret("web2")} {
		if strings.Contains(stored, keyIn(t, read(t, path))) {
			t.Errorf("the key in %s stands in the file of credentials", path)
		}
	}
	at(t, "", "auth", "keygen", "zed", "--out", s.secret("zed"))
	before := s.read(t)
	for name, tt := range map[string]struct {
		stdin string
		args  []string
		want  string
	}{
		"Twice":          {"", []string{"ann.k1", "--use", "http", "--generate", "--secret-out", s.secret("t")}, "ann.k1 already"},
		"NoUse":          {"", []string{"x", "--generate", "--secret-out", "-"}, "--use"},
		"OtherUse":       {"", []string{"x", "--use", "ftp", "--generate", "--secret-out", "-"}, "--use"},
		"BadID":          {"", []string{"Ann", "--use", "http", "--generate", "--secret-out", "-"}, "id"},
		"NowhereToGo":    {"", []string{"x", "--use", "http", "--generate"}, "--secret-out"},
		"TwoSources":     {"", []string{"x", "--use", "http", "--generate", "--secret-file", key, "--secret-out", "-"}, "--secret-file"},
		"TwoFiles":       {"", []string{"x", "--use", "http", "--secret-file", key, "--secret-out", "-"}, "--secret-out"},
		"SecretOfOther":  {"", []string{"x", "--use", "http", "--secret-file", s.secret("zed")}, "that of zed, and not of x"},
		"NoSecret":       {"", []string{"x", "--use", "http"}, "standard input"},
		"ShortPassword":  {"short\n", []string{"x", "--use", "http"}, "8"},
		"ShortAuthkey":   {"short\n", []string{"x", "--use", "authkey"}, "32"},
		"OverSecret":     {"", []string{"x", "--use", "http", "--generate", "--secret-out", key}, "never overwritten"},
		"Past":           {"", []string{"x", "--use", "http", "--generate", "--secret-out", "-", "--not-after", "2020-01-01"}, "is over"},
		"BeforeItBegins": {"", []string{"x", "--use", "http", "--generate", "--secret-out", "-", "--not-after", "2d", "--not-before", "3d"}, "would begin"},
		"NoDate":         {"", []string{"x", "--use", "http", "--generate", "--secret-out", "-", "--not-after", "soon"}, "90d"},
		"InArgv":         {"", []string{"x", "secret", "--use", "http"}, "unexpected argument"},
		"BadIdentity":    {"", []string{"x", "--use", "http", "--generate", "--secret-out", "-", "--identity", "a\nb"}, "identity"},
	} {
		t.Run(name, func(t *testing.T) {
			got := at(t, tt.stdin, append([]string{"auth", "add", "--file", s.file}, tt.args...)...)
			if got.code != 2 || got.stdout != "" || s.read(t) != before {
				t.Errorf("%+v; want exit code 2 and the file as it was", got)
			}
			got.oneLine(t, tt.want)
		})
	}
	if _, err := os.Stat(s.secret("t")); err == nil {
		t.Error("a secret is left of a credential that was not added")
	}
	if _, err := os.Stat(key); err != nil {
		t.Errorf("the secret that was there is gone: %v", err)
	}
}

// A passphrase logs in by what add has kept, and is nowhere in it.
func TestAuthAddPassphrase(t *testing.T) {
	s := newStore(t)
	const canary = "canary pass phrase 7781"
	got := at(t, canary+"\n", "auth", "add", "ann", "--use", "http", "--file", s.file, "--secret-out", s.secret("ann"))
	if got.code != 0 || strings.Contains(got.stdout+got.stderr+s.read(t), "canary") {
		t.Errorf("%+v; want no passphrase there or in the file", got)
	}
	if text := read(t, s.secret("ann")); text != "ann:"+canary {
		t.Errorf("the client's file is not id:passphrase")
	}
	if list := at(t, "", "auth", "list", "--file", s.file); !strings.Contains(list.stdout, "argon2id$v=19$m=65536,t=3,p=4 ") {
		t.Errorf("list does not show how the passphrase is kept: %s", list.stdout)
	}
}

func TestAuthPasswd(t *testing.T) {
	s := newStore(t)
	old := s.add(t, "ann.k1", "ann", "channel", "--not-after", "2037-05-01")
	s.add(t, "py", "py", "authkey")
	before := s.read(t)
	got := at(t, "", "auth", "passwd", "ann.k1", "--file", s.file, "--generate", "--secret-out", s.secret("new"))
	if got.code != 0 || got.stdout != "" || !strings.Contains(got.stderr, "new secret") {
		t.Errorf("%+v", got)
	}
	if read(t, old) == read(t, s.secret("new")) || s.read(t) == before {
		t.Error("the secret is the same as before")
	}
	list := at(t, "", "auth", "list", "--file", s.file)
	if want := regexp.MustCompile(`(?m)^ann\.k1 +ann +channel +raw +- +2037-05-02T00:00:00Z +live$`); !want.MatchString(list.stdout) {
		t.Errorf("the rest has not stayed as it was:\n%s", list.stdout)
	}
	if got := at(t, goodKey+"\n", "auth", "passwd", "py", "--file", s.file); got.code != 0 || !strings.Contains(s.read(t), goodKey) {
		t.Errorf("passwd of an authkey: %+v", got)
	}
	at(t, "", "auth", "keygen", "zed", "--out", s.secret("zed"))
	before = s.read(t)
	for _, args := range [][]string{
		{"ann.k1", "--secret-file", s.secret("zed")},
		{"bob", "--generate", "--secret-out", s.secret("bob")},
		{"ann.k1"},
		{"ann.k1", "--secret-file", s.secret("py.secret")},
		{"ann.k1", "--generate", "--secret-out", s.secret("new")},
	} {
		if got := at(t, "", append([]string{"auth", "passwd", "--file", s.file}, args...)...); got.code != 2 || s.read(t) != before {
			t.Errorf("passwd %q: %+v; want exit code 2 and the file as it was", args, got)
		}
	}
	if _, err := os.Stat(s.secret("bob")); err == nil {
		t.Error("a secret was made for nobody")
	}
}

func TestAuthList(t *testing.T) {
	s := newStore(t)
	s.add(t, "ann.k1", "ann", "channel")
	s.add(t, "web", "ann", "http", "--not-before", "30d", "--not-after", "2037-05-01T10:00:00+02:00")
	s.add(t, "py", "py", "authkey")
	entries := strings.Replace(s.read(t), `"use":"authkey"`, `"use":"authkey","not_after":"2020-01-01T00:00:00Z"`, 1)
	if err := os.WriteFile(s.file, []byte(entries), 0o600); err != nil {
		t.Fatal(err)
	}
	table := at(t, "", "auth", "list", "--file", s.file)
	for _, want := range []string{
		`^ID +IDENTITY +USE +KDF +NOT BEFORE +NOT AFTER +STATE$`,
		`^ann\.k1 +ann +channel +raw +- +- +live$`,
		`^web +ann +http +raw +\S+Z +2037-05-01T08:00:00Z +not yet$`,
		`^py +py +authkey +- +- +2020-01-01T00:00:00Z +expired$`,
	} {
		if table.code != 0 || !regexp.MustCompile("(?m)"+want).MatchString(table.stdout) {
			t.Errorf("the table lacks %s:\n%+v", want, table)
		}
	}
	var list []map[string]string
	out := at(t, "", "auth", "list", "--file", s.file, "--output", "json")
	if err := json.Unmarshal([]byte(out.stdout), &list); err != nil || len(list) != 3 {
		t.Fatalf("%v: %s", err, out.stdout)
	}
	for i, want := range []string{"ann.k1 ann channel live", "web ann http not yet", "py py authkey expired"} {
		if got := strings.Join([]string{list[i]["id"], list[i]["identity"], list[i]["use"], list[i]["state"]}, " "); got != want {
			t.Errorf("entry %d: got %s; want %s", i, got, want)
		}
		for key := range list[i] {
			if !strings.Contains(" id identity use kdf not_before not_after state ", " "+key+" ") {
				t.Errorf("JSON shows %s", key)
			}
		}
	}
	// What stands in the file of a credential stands in no list.
	for _, m := range regexp.MustCompile(`"(?:salt|stored_key|server_key|key|phc)":"([^"]+)"`).FindAllStringSubmatch(s.read(t), -1) {
		if strings.Contains(table.stdout+out.stdout, m[1]) {
			t.Error("a list shows a key")
		}
	}
	if got := at(t, "", "auth", "list", "--file", s.secret("none")); got.code != 2 || got.stdout != "" {
		t.Errorf("without a file: %+v; want exit code 2", got)
	}
}

func TestAuthRevoke(t *testing.T) {
	s := newStore(t)
	for _, id := range []string{"ann.k1", "ann.k2", "bob.k1", "bob.k2"} {
		s.add(t, id, id[:3], "channel")
	}
	ids := func() string {
		var list []struct{ ID string }
		json.Unmarshal([]byte(at(t, "", "auth", "list", "--file", s.file, "--output", "json").stdout), &list)
		var out []string
		for _, e := range list {
			out = append(out, e.ID)
		}
		return strings.Join(out, " ")
	}
	if got := at(t, "", "auth", "revoke", "bob.k1", "--file", s.file); got.code != 0 || got.stdout != "" || !strings.Contains(got.stderr, "within a second") || ids() != "ann.k1 ann.k2 bob.k2" {
		t.Errorf("revoke bob.k1: %+v; left are %s", got, ids())
	}
	if got := at(t, "", "auth", "revoke", "--identity", "ann", "--file", s.file); got.code != 0 || ids() != "bob.k2" {
		t.Errorf("revoke --identity ann: %+v; left are %s", got, ids())
	}
	for _, args := range [][]string{{"bob.k1"}, {"--identity", "ann"}, {}, {"bob.k2", "--identity", "bob"}} {
		if got := at(t, "", append([]string{"auth", "revoke", "--file", s.file}, args...)...); got.code != 2 || ids() != "bob.k2" {
			t.Errorf("revoke %q: %+v; want exit code 2", args, got)
		}
	}
	if got := at(t, "", "auth", "revoke", "a", "--file", s.secret("none")); got.code != 2 {
		t.Errorf("without a file: %+v", got)
	}
	if _, err := os.Stat(s.secret("none")); err == nil {
		t.Error("revoke has made a file")
	}
}

func TestMoments(t *testing.T) {
	now := time.Now()
	for text, want := range map[string]time.Duration{"90d": 90 * 24 * time.Hour, "12h": 12 * time.Hour, "1.5d": 36 * time.Hour, "90m": 90 * time.Minute} {
		var m moment
		if err := m.UnmarshalText([]byte(text)); err != nil || m.Sub(now.Add(want)).Abs() > 5*time.Minute || m.Location() != time.UTC {
			t.Errorf("%s: got %v, %v", text, m, err)
		}
	}
	for _, text := range []string{"", "d", "0d", "-3d", "99999999999d", "1e9h", "36501d", "tomorrow", "2027-02-30", "2027-01-31 12:00"} {
		if err := new(moment).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

// Whatever a file of secrets has in it, no message shows it.
func TestAuthQuotesNoSecret(t *testing.T) {
	const canary = "c4narycanarycanary"
	s := newStore(t)
	s.add(t, "ann", "ann", "channel")
	good := s.read(t)
	for name, text := range map[string]string{
		"Key": "parley1_" + canary, "KeyOfNobody": "parley1_ann_" + strings.Repeat("c4nary_", 7), "Words": canary + " and more", "Short": "ann:c4nary", "Control": "ann:" + canary + "\x01",
	} {
		path := writeFile(t, "secret", text+"\n", 0o600)
		for _, got := range []outcome{
			at(t, "", "auth", "add", "x", "--use", "http", "--file", s.file, "--secret-file", path),
			at(t, text+"\n", "auth", "add", "x", "--use", "channel", "--file", s.file),
			at(t, "", "call", "tls://127.0.0.1:1", "add", "--credential-file", path),
			at(t, "", "call", "http://127.0.0.1:1", "add", "--credential-file", path),
		} {
			if name == "Key" || name == "KeyOfNobody" {
				if got.code != 2 {
					t.Errorf("%s: %+v; want exit code 2", name, got)
				}
			}
			if strings.Contains(got.stdout+got.stderr, "c4nary") {
				t.Errorf("%s: the secret is in the message: %+v", name, got)
			}
		}
		if err := os.WriteFile(s.file, []byte(good+"\n"+`{"id":"x","identity":"x","use":"authkey","key":"`+canary+`","k":"`+canary+`"}`), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, got := range []outcome{at(t, "", "auth", "check", s.file), at(t, "", "auth", "list", "--file", s.file), at(t, "", "auth", "revoke", "x", "--file", s.file)} {
			if got.code != 2 || strings.Contains(got.stdout+got.stderr, canary) || !strings.Contains(got.stderr, s.file+":3") {
				t.Errorf("a wrong line: %+v; want exit code 2, and the line without its content", got)
			}
		}
		os.WriteFile(s.file, []byte(good), 0o600)
	}
}

// keyIn returns the key itself in its text: the 43 characters before the checksum,
// among which there may be underscores.
func keyIn(t *testing.T, text string) string {
	t.Helper()
	text = strings.TrimSpace(text)
	if len(text) < len("parley1_x_")+43+len("_01234567") {
		t.Fatalf("got a text of %d bytes; want that of a key", len(text))
	}
	return text[len(text)-52 : len(text)-9]
}
