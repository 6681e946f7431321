package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/internal/peertest"
)

// completed runs the hidden command on the words of a line, and returns what it
// proposes, without what that is.
func (h home) completed(t *testing.T, words ...string) []string {
	t.Helper()
	got := h.parley(t, append([]string{"__complete", "--"}, words...)...)
	if got.code != 0 || got.stderr != "" {
		t.Errorf("completing %q: %+v; want no error", words, got)
	}
	var list []string
	for line := range strings.Lines(got.stdout) {
		word, what, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if word == ":files" {
			word += what
		}
		if !ok {
			t.Errorf("completing %q: the line %q has no tab", words, line)
		}
		list = append(list, word)
	}
	return list
}

func TestComplete(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.writeProfiles(t, "[server.prod]\nurl = 'tcp://127.0.0.1:1'\n[server.preview]\nurl = 'tcp://127.0.0.1:1'\n[server.test]\nurl = 'tcp://127.0.0.1:1'\n")
	for line, want := range map[string]string{
		"d":                              "demo describe",
		"__":                             "",
		"--v":                            "--version",
		"call --t":                       "--timeout",
		"serve --n":                      "--native",
		"ping --r":                       "",
		"a":                              "auth",
		"auth k":                         "keygen",
		"auth p":                         "passwd",
		"auth list --o":                  "--output",
		"auth list --output ":            "table json",
		"auth list --output j":           "json",
		"auth list --output=":            "--output=table --output=json",
		"list --output x":                "",
		"auth add --secret":              "--secret-file --secret-out",
		"auth add --use h":               "http",
		"auth revoke --id":               "--identity",
		"auth add x --gene":              "--generate",
		"auth keygen --auth":             "--authkey",
		"auth keygen ":                   "",
		"auth check ":                    ":files",
		"auth check --conf":              "--config",
		"serve --c":                      "--credentials --config",
		"serve --config ":                ":files",
		"serve --config=x":               ":files--config=",
		"serve --native ":                "",
		"serve ":                         "",
		"call x y --creden":              "--credential-file",
		"call x y --credential-fi":       "--credential-file",
		"call p":                         "preview prod",
		"call --timeout 5s p":            "preview prod",
		"--timeout 5s call p":            "preview prod",
		"call --raw -- p":                "preview prod",
		"call -- --":                     "",
		"ping t":                         "test",
		"compare --lanes nat":            "native-tcp native-unix native-tls",
		"compare --lanes native-tcp,nat": "native-tcp,native-unix native-tcp,native-tls",
		"compare --lanes=native-tcp,xml": "--lanes=native-tcp,xmlrpc --lanes=native-tcp,xmlrpc-unix --lanes=native-tcp,xmlrpc-tls",
		"compare --work records-1000":    "records-1000 records-1000-8 records-1000-64",
		"compare --work add,blob-1048":   "add,blob-1048576 add,blob-1048576-8 add,blob-1048576-64",
		"compare --svg x --plot ca":      "calls",
		"serve --log-level ":             "DEBUG INFO WARN ERROR",
		"serve --log-level=D":            "--log-level=DEBUG",
		"compare --output ":              "table json",
		"compare ":                       "",
		"compare --against pr":           "preview prod",
		"compare --against prod t":       "test",
		"compare prod --against t":       "test",
		"compare --against prod test pr": "preview prod",
		"compare --against prod add @":   ":files@",
		"compare --against prod add x":   "",
		"call x y ":                      "",
		"call x y @":                     ":files@",
		"call x y 1 @dir/":               ":files@",
		"call x y -":                     "--help --timeout --user --password-file --credential-file --pin --ca --cert --key --authkey-file --allow-md5 --dangerously-allow-short-key --raw --output --version",
		"call --timeout ":                "",
		"help au":                        "auth",
		"help auth pas":                  "passwd",
		"he":                             "help",
		"completion ":                    "bash zsh fish",
		"completion b":                   "bash",
		"no-such ":                       "",
		"call --no-such=":                "",
		"call --no-such x":               "",
		"version x y z":                  "",
		"":                               "",
	} {
		got := h.completed(t, strings.Split(line, " ")...)
		if line == "" {
			if !slices.Contains(got, "serve") || !slices.Contains(got, "help") || slices.Contains(got, "__complete") {
				t.Errorf("nothing is completed to %q", got)
			}
			continue
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("%q is completed to %q; want %q", line, got, want)
		}
	}
	if got := h.completed(t); !slices.Contains(got, "serve") {
		t.Errorf("no word at all is completed to %q", got)
	}
}

// The names of functions come from the server on the line.
func TestCompleteMethods(t *testing.T) {
	t.Parallel()
	r := newHome(t).serve(t)
	r.writeProfiles(t, "[server.prod]\nurl = '"+r.native+"'\n")
	key := writeFile(t, "key", goodKey, 0o600)
	other := newHome(t).serve(t, "--xmlrpc", "off", "--authkey-file", key)
	for _, words := range [][]string{
		{"call", r.native, "cata"},
		{"call", r.xmlrpc, "cata"},
		{"call", "prod", "cata"},
		{"describe", "prod", "add", "cata"},
		{"call", "--raw", "prod", "--output", "json", "cata"},
		{"call", "--authkey-file", key, other.native, "cata"},
		{"describe", "--authkey-file=" + key, other.native, "cata"},
		{"compare", "--against", r.native, "cata"},
		{"compare", "--quick", "--against", "prod", r.xmlrpc, "cata"},
		{"compare", "--against", "--authkey-file", key, "--credential-file", "for-the-second", other.native, r.xmlrpc, "cata"},
	} {
		if got := strings.Join(r.completed(t, words...), " "); got != "catalog.add catalog.get catalog.list catalog.watch" {
			t.Errorf("%q is completed to %q", words, got)
		}
	}
	for _, words := range [][]string{
		{"call", other.native, "cata"}, // with a wrong key
		{"call", "no-such", "cata"}, {"call", "tcp://127.0.0.1:1", "cata"}, {"call", "http://", ""}, {"list", "prod", "cata"},
	} {
		if got := r.completed(t, words...); len(got) > 0 {
			t.Errorf("%q is completed to %q; want nothing", words, got)
		}
	}
}

// TestThreatCompletion: whoever the server is, pressing the tab key asks for
// nothing, lasts no longer than it may, and puts nothing on the line that a shell
// or a terminal would take for a command.
func TestThreatCompletion(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	silent := listenWith(t, func(c net.Conn) { t.Cleanup(func() { c.Close() }) })
	begin := time.Now()
	if got := h.completed(t, "call", "http://"+silent, ""); len(got) > 0 {
		t.Errorf("got %q from a server that says nothing", got)
	}
	if took := time.Since(begin); took > 15*time.Second { // and not the 30 s of a call
		t.Errorf("it took %v", took)
	}
	flags := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprint(w, "<?xml version='1.0'?><methodResponse><params><param><value><array><data><value>--ca=/evil</value>"+
			"<value>-x</value><value>good</value></data></array></value></param></params></methodResponse>")
	}))
	defer flags.Close()
	if got := h.completed(t, "call", flags.URL+"/RPC2", ""); !slices.Equal(got, []string{"good"}) {
		t.Errorf("got %q from a server whose functions are called as flags; want good alone", got)
	}
	var list proposals
	for _, name := range []string{"good", "a;rm", "a b", "$(x)", "`x`", "a'b", `a"b`, "a\x1b[2J", "a\nb", "a\tb", "a\u202eb", "a>b", "a|b", `a\b`, "a*"} {
		list.add(name, "")
	}
	if got := list.only("").list; len(got) != 1 || got[0].word != "good" {
		t.Errorf("got %q; want good alone", got)
	}
}

// scriptOf writes the script of a shell to a file.
func scriptOf(t *testing.T, shell string) string {
	t.Helper()
	var script, stderr bytes.Buffer
	if code := run([]string{"completion", shell}, strings.NewReader(""), &script, &stderr); code != 0 || stderr.Len() > 0 {
		t.Fatalf("completion %s: code %d, %s", shell, code, &stderr)
	}
	if !strings.Contains(script.String(), "__complete -- ") {
		t.Errorf("the script of %s does not ask parley:\n%s", shell, &script)
	}
	return writeFile(t, "script", script.String(), 0o600)
}

func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		scriptOf(t, shell)
	}
}

// shellCase is a line up to the cursor, and what a shell puts in the place of its
// last word. A word that no shell takes apart is the same in all.
type shellCase struct{ line, want, inBash string }

// shellCases are tried in every shell; dir is where they run.
func shellCases(t *testing.T) (cases []shellCase, h home, dir string) {
	t.Helper()
	r := newHome(t).serve(t)
	r.writeProfiles(t, "[server.prod]\nurl = '"+r.native+"'\n[server.test]\nurl = 'tcp://127.0.0.1:1'\n")
	dir = t.TempDir()
	for _, name := range []string{"photo.jpg", "phone.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return []shellCase{
		{line: "parley auth k", want: "keygen"},
		{line: "parley call prod cat", want: "catalog.add catalog.get catalog.list catalog.watch"},
		{line: "parley   call  prod   cat", want: "catalog.add catalog.get catalog.list catalog.watch"},
		{line: "parley call " + r.xmlrpc + " catalog.g", want: "catalog.get"},
		{line: "parley call --timeout=1s " + r.native + " catalog.g", want: "catalog.get"},
		{line: "parley list --output ", want: "json table"},
		{line: "parley list --output=j", want: "--output=json", inBash: "json"},
		{line: "parley compare --lanes native-tcp,native-un", want: "native-tcp,native-unix"},
		{line: "parley compare --lanes=native-tcp,native-un", want: "--lanes=native-tcp,native-unix", inBash: "native-tcp,native-unix"},
		{line: "parley compare --against pro", want: "prod"},
		{line: "parley compare --against prod catalog.g", want: "catalog.get"},
		{line: "parley call prod add @pho", want: "@phone.txt @photo.jpg"},
		{line: "parley call prod add 'a b' @phot", want: "@photo.jpg"},
		{line: "parley serve --config phot", want: "photo.jpg"},
		{line: "parley serve --config=phot", want: "--config=photo.jpg", inBash: "photo.jpg"},
	}, r.home, dir
}

// inShell runs a program in a shell, with parley in the PATH.
func inShell(t *testing.T, h home, dir, program string, args ...string) string {
	t.Helper()
	cmd := h.command(t.Context())
	cmd.Path, cmd.Args = program, append([]string{program}, args...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Env, "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"), "HOME="+h.dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s %q: %v\n%s", program, args, err, out)
	}
	return string(out)
}

// sorted puts the words of a text in order.
func sorted(text string) string {
	words := strings.Fields(text)
	slices.Sort(words)
	return strings.Join(words, " ")
}

func needShell(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		peertest.Missing(t, name, "apt-get install "+name)
	}
	return path
}

func TestCompletionInBash(t *testing.T) {
	t.Parallel()
	bash, script := needShell(t, "bash"), scriptOf(t, "bash")
	cases, h, dir := shellCases(t)
	for _, tt := range cases {
		// As readline does: a word ends at blanks, and at the characters of
		// COMP_WORDBREAKS, which are words themselves.
		program := fmt.Sprintf(`source %s
COMP_LINE=%q COMP_POINT=${#COMP_LINE} COMP_WORDS=(%s)
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_parley
printf '%%s\n' "${COMPREPLY[@]}"`, script, tt.line, bashWords(tt.line))
		want := tt.want
		if tt.inBash != "" {
			want = tt.inBash
		}
		if got := sorted(inShell(t, h, dir, bash, "--norc", "-c", program)); got != want {
			t.Errorf("%q is completed to %q; want %q", tt.line, got, want)
		}
	}
}

// bashWords takes a line apart as readline does, and quotes the words.
func bashWords(line string) string {
	var words []string
	word, quoted := "", false
	end := func() {
		if word != "" {
			words = append(words, word)
		}
		word = ""
	}
	for _, r := range line {
		switch {
		case r == '\'':
			quoted = !quoted
			word += string(r)
		case quoted:
			word += string(r)
		case r == ' ':
			end()
		case strings.ContainsRune(":=", r):
			end()
			words = append(words, string(r))
		default:
			word += string(r)
		}
	}
	end()
	if strings.HasSuffix(line, " ") {
		words = append(words, "")
	}
	var b strings.Builder
	for _, w := range words {
		fmt.Fprintf(&b, "%q ", w)
	}
	return b.String()
}

func TestCompletionInFish(t *testing.T) {
	t.Parallel()
	fish, script := needShell(t, "fish"), scriptOf(t, "fish")
	cases, h, dir := shellCases(t)
	for _, tt := range cases {
		out := inShell(t, h, dir, fish, "--no-config", "-c", fmt.Sprintf("source %s; complete -C %q", script, tt.line))
		var got string
		for line := range strings.Lines(out) {
			word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			got += word + "\n"
		}
		if got = sorted(got); got != tt.want {
			t.Errorf("%q is completed to %q; want %q", tt.line, got, tt.want)
		}
	}
}

// zsh completes on a terminal only, so it gets one of its own from zpty.
func TestCompletionInZsh(t *testing.T) {
	t.Parallel()
	zsh, script := needShell(t, "zsh"), scriptOf(t, "zsh")
	cases, h, dir := shellCases(t)
	for _, tt := range cases {
		out := inShell(t, h, dir, zsh, "-f", "-c", zshProgram, "zsh", script, tt.line)
		_, out, _ = strings.Cut(out, "<<<")
		out, _, _ = strings.Cut(out, ">>>")
		words := strings.Fields(out)
		slices.Sort(words)
		// _files looks twice: for what begins so, and for what has it inside.
		if got := strings.Join(slices.Compact(words), " "); got != tt.want {
			t.Errorf("%q is completed to %q; want %q", tt.line, got, tt.want)
		}
	}
}

// zshProgram completes the line $2 by the script $1. What is proposed is what the
// builtin compadd is told to add. The terminal may echo the program itself, so the
// marks do not stand in it as they are printed.
const zshProgram = `
zmodload zsh/zpty
zpty parley zsh -f -i
zpty -w parley "PS1= PS2= TERM=dumb; stty -echo; unsetopt zle_bracketed_paste"
zpty -w parley "autoload -U compinit; compinit -u; source ${(q)1}"
zpty -w parley '
compadd () {
	local -a found
	builtin compadd -O found "$@"
	local i
	local -a opts; opts=("$@")
	local p=
	for ((i = 1; i <= $#; i++)); do [[ ${opts[i]} == -p ]] && p=${opts[i+1]}; done
	print -rl -- $IPREFIX$p${^found} >>$HOME/found
	builtin compadd "$@"
}
finish () { print -r "<<""<$(<$HOME/found)>"">>"; exit }
zle -N finish
bindkey "^X" finish
bindkey "^I" complete-word
: >$HOME/found
print READY"-"NOW'
zpty -r parley seen '*READY-NOW*'
zpty -n -w parley "$2"$'\t\x18'
zpty -r parley seen '*>>>*'
print -r -- $seen
`

func TestCompletionFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full on this system")
	}
	defer full.Close()
	var stderr bytes.Buffer
	if code := run([]string{"completion", "bash"}, strings.NewReader(""), full, &stderr); code != 1 {
		t.Errorf("code %d, %q; want 1", code, &stderr)
	}
}
