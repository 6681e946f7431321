package pymatrix

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestThreatPickleAttacksOnParleyServe: the command as it is shipped stands the
// same attacks, one after the other and four at once, does not grow by much, and
// ends as it is told to.
func TestThreatPickleAttacksOnParleyServe(t *testing.T) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "parley")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/parley").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	keyFile := filepath.Join(dir, "key")
	if err := os.WriteFile(keyFile, []byte(testKey), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "serve", "--xmlrpc", "off", "--native", "127.0.0.1:0", "--authkey-file", keyFile)
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
	_, addr, ok := strings.Cut(strings.TrimSpace(line), "tcp://")
	if err != nil || !ok {
		t.Fatalf("got the line %q, %v; want native and a URL", line, err)
	}

	made, command := marker(t)
	wantHonest(t, login(t, addr))
	before := residentKiB(t, cmd.Process.Pid, "VmRSS")
	for _, a := range attacks() {
		for _, f := range forms[:2] {
			attackWith(t, addr, f.make(a.code(command)), a.stays)
			if t.Failed() {
				t.Fatalf("that was %s, %s", a.name, f.name)
			}
		}
	}
	for name, text := range xmlAttacks {
		attackWith(t, addr, []byte(text), xmlStays[name])
		if t.Failed() {
			t.Fatalf("that was %s in XML", name)
		}
	}
	wantHonest(t, login(t, addr))
	check := func(what string, most int) {
		after := residentKiB(t, cmd.Process.Pid, "VmHWM")
		t.Logf("resident memory: %d MiB before, at most %d MiB with %s", before>>10, after>>10, what)
		if after-before > most<<10 {
			t.Errorf("resident memory rose from %d to %d MiB with %s; want at most %d more", before>>10, after>>10, what, most)
		}
	}
	check("one attack after the other", 300)

	t.Run("at once", func(t *testing.T) {
		for range 4 {
			t.Run("large ones", func(t *testing.T) {
				t.Parallel()
				for _, a := range attacks() {
					if a.many {
						attackWith(t, addr, forms[0].make(a.code(command)), a.stays)
					}
				}
			})
		}
	})
	check("four at once", 600)
	wantHonest(t, login(t, addr))
	wantNotMade(t, made)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("parley serve ended with %v", err)
	}
}

// residentKiB returns a figure of /proc/PID/status, in KiB.
func residentKiB(t *testing.T, pid int, name string) (n int) {
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
