package harness

import (
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

func needsShell(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("no sh on Windows")
	}
}

// What a child says before it ends stands in the error.
func TestChildThatFails(t *testing.T) {
	needsShell(t)
	for script, want := range map[string]string{
		"echo out of luck >&2; exit 1":                                           "out of luck",
		"echo '{\"error\": \"no socket\"}'; cat":                                 "no socket",
		"echo this is no report; cat >/dev/null":                                 `"this is no report" is no report`,
		"while :; do echo garbage; done":                                         `"garbage" is no report`,
		"head -c 5000000 /dev/zero; cat >/dev/null":                              "its output is no report",
		"echo '{}'; read line; echo '{}'; exec cat":                              "",
		"echo '{}'; read line; echo gone >&2; exit 0":                            "gone",
		"exec >&-; sleep 0.2; echo famous last words >&2":                        "famous last words",
		"echo '{}'; read line; echo stuck >&2; exec sleep 600":                   "no report within",
		"trap '' TERM INT; echo '{}'; read line; echo '{}'; while :; do :; done": "",
	} {
		c, err := startChild("child", exec.Command("sh", "-c", script), false)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(script, "stuck") {
			c.patience = time.Second
		}
		_, err = c.First(t.Context())
		if err == nil {
			_, err = c.Ask(t.Context(), Order{Do: "end"})
		}
		c.Stop()
		if c.cmd.ProcessState == nil {
			t.Errorf("%s: it still runs", script)
		}
		if got := fmt.Sprint(err); want == "" && err != nil || !strings.Contains(got, want) {
			t.Errorf("%s: got %v; want %q", script, err, want)
		}
	}
}

func TestUnknownRole(t *testing.T) {
	for _, args := range [][]string{{"juggler"}, {"server"}} {
		cmd, err := self(args...)
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "is no role of a child") {
			t.Errorf("%q: got %v, %s; want that it is no role", args, err, out)
		}
	}
}

// One core is one core for every process of it.
func TestOneCore(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("processes can be pinned to one processor on Linux only")
	}
	c, err := startChild("child", exec.Command("sh", "-c", `echo "{\"calls\": $(nproc)}"; cat`), true)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	r, err := c.First(t.Context())
	if err != nil || r.Calls != 1 {
		t.Errorf("got %d processors, %v; want 1", r.Calls, err)
	}
}
