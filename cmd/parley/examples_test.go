package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/alecthomas/kong"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
)

// eachCommand calls do for every command that is shown, with its words.
func eachCommand(t *testing.T, do func(words string, n *kong.Node)) {
	t.Helper()
	var walk func(words string, n *kong.Node)
	walk = func(words string, n *kong.Node) {
		do(words, n)
		for _, child := range n.Children {
			if !child.Hidden {
				walk(strings.TrimSpace(words+" "+child.Name), child)
			}
		}
	}
	walk("", model(t).Node)
}

// helpOf is what a command prints when it is asked for help.
func helpOf(t *testing.T, words string) string {
	t.Helper()
	t.Setenv("COLUMNS", "80")
	var stdout, stderr bytes.Buffer
	if code := run(append(strings.Fields(words), "--help"), strings.NewReader(""), &stdout, &stderr); code != 0 || stderr.Len() > 0 {
		t.Errorf("parley %s --help: code %d, %s", words, code, &stderr)
	}
	return stdout.String()
}

// Each command has its help in 80 columns, with examples, by two ways.
func TestHelp(t *testing.T) {
	eachCommand(t, func(words string, n *kong.Node) {
		help := helpOf(t, words)
		for line := range strings.Lines(help) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
				t.Errorf("the help of %q has a line of %d characters: %s", words, n, line)
			}
		}
		if len(examplesIn(help)) == 0 {
			t.Errorf("the help of %q has no examples", words)
		}
		var other, stderr bytes.Buffer
		if code := run(append([]string{"help"}, strings.Fields(words)...), strings.NewReader(""), &other, &stderr); code != 0 || other.String() != help {
			t.Errorf("parley help %s: code %d, %q and\n%s\nwant\n%s", words, code, &stderr, &other, help)
		}
	})
	for words := range examples() {
		if words != "" && len(commandPath(strings.Fields(words), model(t))) != len(strings.Fields(words)) {
			t.Errorf("there are examples for %q, which is no command", words)
		}
	}
}

// examplesIn returns the commands of a help text: those below its heading, or,
// where there is none, those that stand among its words.
func examplesIn(help string) []string {
	var list []string
	_, text, ok := strings.Cut(help, "\nExamples:\n")
	if !ok {
		for line := range strings.Lines(help) {
			if line = strings.TrimSuffix(line, "\n"); strings.HasPrefix(line, "    parley ") {
				list = append(list, strings.TrimSpace(line))
			}
		}
		return list
	}
	for block := range strings.SplitSeq(text, "\n") {
		line, indented := strings.CutPrefix(block, "    ")
		switch {
		case indented && len(list) > 0 && strings.HasSuffix(list[len(list)-1], `\`):
			list[len(list)-1] = strings.TrimSuffix(list[len(list)-1], `\`) + strings.TrimSpace(line)
		case indented:
			list = append(list, line)
		case block != "":
			return list // what comes behind the examples
		}
	}
	return list
}

// testedElsewhere are commands whose examples take long, and which have tests of
// their own; here the command line has to be one.
func testedElsewhere() []string { return []string{"demo", "bench", "compare"} }

// Every example works as it stands, at the addresses of this test.
func TestExamples(t *testing.T) {
	t.Parallel()
	shell, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash, in whose words the examples are")
	}
	o := openExampleServers(t)
	ran := 0
	eachCommand(t, func(words string, n *kong.Node) {
		for _, example := range examplesIn("\n" + n.Detail + "\n") {
			ran++
			if slices.Contains(testedElsewhere(), words) {
				line, _, _ := strings.Cut(example, "#")
				line, _, _ = strings.Cut(line, "|")
				if _, err := parse(strings.Fields(line)[1:], terminal.Streams{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}); err != nil {
					t.Errorf("%s: %v", example, err)
				}
				continue
			}
			t.Run(example, func(t *testing.T) { o.try(t, shell, example) })
		}
	})
	if ran < 30 {
		t.Errorf("%d examples were run; there are more", ran)
	}
}

// exampleServers are what the examples talk of, at other addresses.
type exampleServers struct {
	home
	replace *strings.Replacer
	dir     string // files that the examples name
}

func openExampleServers(t *testing.T) *exampleServers {
	t.Helper()
	h := newHome(t)
	o := &exampleServers{home: h, dir: t.TempDir()}
	plain := h.serve(t)
	for _, args := range [][]string{
		{"auth", "add", "ann", "--use", "channel", "--file", o.dir + "/credentials.jsonl", "--generate", "--secret-out", o.dir + "/ann.key"},
		{"auth", "add", "ann.laptop", "--identity", "ann", "--use", "http", "--file", o.dir + "/credentials.jsonl", "--generate", "--secret-out", o.dir + "/laptop.key"},
	} {
		if got := h.parley(t, args...); got.code != 0 {
			t.Fatalf("%q: %+v", args, got)
		}
	}
	tls := h.start(t, "--xmlrpc", "off", "--native", "tls://127.0.0.1:0", "--credentials", o.dir+"/credentials.jsonl")
	socket := h.start(t, "--xmlrpc", "off", "--native", "unix:"+o.dir+"/tool.sock")
	o.replace = strings.NewReplacer("http://127.0.0.1:8080/RPC2", plain.xmlrpc, "tcp://127.0.0.1:16000", plain.native, "tls://127.0.0.1:16001 \\", "tls://127.0.0.1:0 \\",
		"--native tls://127.0.0.1:16001", "--native tls://127.0.0.1:0", "tls://127.0.0.1:16001", tls.native, "--xmlrpc 127.0.0.1:8080", "--xmlrpc 127.0.0.1:0", "unix:///run/tool.sock", socket.native)
	h.writeProfiles(t, "[server.prod]\nurl = '"+plain.native+"'\n")
	for name, text := range map[string]string{
		"servers.toml": "[server.test]\nurl = '" + plain.xmlrpc + "'\n",
		"parley.toml":  "[[xmlrpc]]\nlisten = '127.0.0.1:0'\n",
		"photo.jpg":    "\xff\xd8\xff",
		"file.bin":     "\x00\x01",
	} {
		if err := os.WriteFile(filepath.Join(o.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

// try runs one example in a directory of its own.
func (o *exampleServers) try(t *testing.T, shell, example string) {
	dir := t.TempDir()
	files, err := os.ReadDir(o.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !f.Type().IsRegular() {
			continue
		}
		text, err := os.ReadFile(filepath.Join(o.dir, f.Name()))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, f.Name()), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(example, "--secret-file deploy-bot.key") {
		if got := o.parley(t, "auth", "keygen", "deploy-bot.k1", "--out", filepath.Join(dir, "deploy-bot.key")); got.code != 0 {
			t.Fatal(got)
		}
	}
	line := o.replace.Replace(example)
	if line == "parley serve" { // whose ports may be taken
		line += " --xmlrpc 127.0.0.1:0 --native 127.0.0.1:0"
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	serving := strings.HasPrefix(line, "parley serve")
	if serving {
		line = "exec " + line // to be told to stop
	}
	if strings.HasPrefix(line, "parley bench ") { // for shorter
		line += " --duration 100ms --warm-up 0s"
	}
	if strings.HasPrefix(line, "source ") {
		line += "; declare -F _parley"
	}
	cmd := o.command(ctx)
	cmd.Path, cmd.Args, cmd.Dir = shell, []string{"bash", "--norc", "-ec", line}, dir
	cmd.Env = append(cmd.Env, "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"))
	var stdout, stderr safeBuffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for waiting := serving; waiting; {
		select {
		case err := <-ended:
			t.Fatalf("%s: ended with %v before it was ready\n%s", line, err, &stderr)
		case <-time.After(5 * time.Millisecond):
			waiting = !strings.Contains(stdout.String(), "ready\n")
		}
	}
	if serving {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}
	err = <-ended
	// Some say something on standard error, and some write files only.
	noisy, silent := serving || strings.Contains(line, " auth "), strings.Contains(line, " auth ") || strings.Contains(line, ">")
	if err != nil || stderr.String() != "" && !noisy || stdout.String() == "" && !silent {
		t.Errorf("%s: %v\n%s%s", line, err, &stdout, &stderr)
	}
}
