package xmlrpc_test

import (
	"bufio"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// TestThreatAttacksOnParleyServe: the command as it is shipped stands the same
// attacks, does not grow by much, and ends as it is told to.
func TestThreatAttacksOnParleyServe(t *testing.T) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "parley")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/parley").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	cmd := exec.Command(binary, "serve", "--xmlrpc", "127.0.0.1:0", "--native", "off")
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+dir, "HOME="+dir)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	where, perr := url.Parse(strings.TrimSpace(strings.TrimPrefix(line, "xmlrpc ")))
	if err != nil || perr != nil || where.Host == "" {
		t.Fatalf("got the line %q, %v; want xmlrpc and a URL", line, err)
	}
	wantHonest(t, where.Host)
	before := statusOf(t, cmd.Process.Pid, "VmRSS")
	for _, a := range attacks(t) {
		if a.slow > 0 {
			continue // its time-outs are those of a machine on a network
		}
		t.Run(a.name, func(t *testing.T) {
			got, answered := attackWith(t, where.Host, a)
			a.check(t, got, answered)
			wantHonest(t, where.Host)
		})
	}
	check := func(what string, most int) {
		after := statusOf(t, cmd.Process.Pid, "VmHWM")
		t.Logf("resident memory: %d MiB before, at most %d MiB with %s", before>>10, after>>10, what)
		if after-before > most<<10 {
			t.Errorf("resident memory rose from %d to %d MiB with %s; want at most %d more", before>>10, after>>10, what, most)
		}
	}
	check("one attack after the other", 150)
	t.Run("16 bodies of 4 MiB together", func(t *testing.T) {
		large := attack{send: attackPost(attackCall("<value><base64>" + times("AAAA", 1<<20) + "</base64></value>")), want: 200, runs: 1}
		var together sync.WaitGroup
		for range 16 {
			together.Go(func() {
				got, answered := attackOnce(t, where.Host, large)
				large.check(t, got, answered)
			})
		}
		together.Wait()
	})
	check("16 large bodies", 300)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("parley serve ended with %v", err)
	}
}

// statusOf returns a figure of /proc/PID/status, in KiB.
func statusOf(t *testing.T, pid int, name string) (n int) {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			fmt.Sscan(rest, &n)
		}
	}
	if n == 0 {
		t.Fatalf("there is no %s in /proc/%d/status", name, pid)
	}
	return n
}
