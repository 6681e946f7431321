package main

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/internal/peertest"
)

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		var stdout, stderr bytes.Buffer
		if code := run([]string{"completion", shell}, strings.NewReader(""), &stdout, &stderr); code != 0 || stderr.Len() > 0 {
			t.Errorf("completion %s: code %d, %q", shell, code, &stderr)
		}
		for _, want := range []string{"serve", "describe", "dangerously-listen-beyond-loopback", "authkey-file", "auth", "keygen", "revoke", "credential-file", "secret-out"} {
			if !strings.Contains(stdout.String(), want) {
				t.Errorf("the script for %s does not know %s", shell, want)
			}
		}
	}
}

// The script for bash offers commands first, then their flags.
func TestLiveCompletionInBash(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		peertest.Missing(t, "bash", "apt-get install bash")
	}
	var script bytes.Buffer
	if code := run([]string{"completion", "bash"}, strings.NewReader(""), &script, &script); code != 0 {
		t.Fatal(script.String())
	}
	for line, want := range map[string]string{
		"parley d":         "demo describe",
		"parley --v":       "--version",
		"parley call --t":  "--timeout",
		"parley serve --n": "--native",
		"parley ping --r":  "",
		"parley a":         "auth",
		"parley auth":      "auth",
		"parley auth k":    "keygen",
		"parley auth p":    "passwd",
		"parley auth --":   "--help",
		"parley list --o":  "",

		"parley auth list --o":      "--output",
		"parley auth add --secret":  "--secret-file --secret-out",
		"parley auth revoke --id":   "--identity",
		"parley serve --c":          "--credentials --config",
		"parley call x y --creden":  "--credential-file",
		"parley auth check --conf":  "--config",
		"parley auth add x --gene":  "--generate",
		"parley auth keygen --auth": "--authkey",
	} {
		words := strings.Fields(line)
		program := script.String() + "COMP_WORDS=(" + line + "); COMP_CWORD=" + string(rune('0'+len(words)-1)) + "; _parley; echo ${COMPREPLY[*]}"
		out, err := exec.Command(bash, "--norc", "-c", program).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%q is completed to %q, %v; want %q", line, got, err, want)
		}
	}
}
