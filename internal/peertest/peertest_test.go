package peertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder stands in for a test and notes how it would have ended.
type recorder struct {
	testing.TB
	skipped, failed string
}

func (r *recorder) Helper() {}
func (r *recorder) Skipf(format string, args ...any) {
	r.skipped = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// record runs f as a test of its own.
func record(t *testing.T, f func(t testing.TB)) *recorder {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	return r
}

func TestMissingSkipsOrFails(t *testing.T) {
	missing := func(t testing.TB) { Missing(t, "lua", "apt-get install lua5.4") }

	t.Setenv(RequireEnv, "")
	r := record(t, missing)
	if want := "missing peer: lua; to install: apt-get install lua5.4"; r.skipped != want || r.failed != "" {
		t.Errorf("peers not required: got skipped %q, failed %q; want skipped %q", r.skipped, r.failed, want)
	}

	t.Setenv(RequireEnv, "1")
	r = record(t, missing)
	if r.skipped != "" || !strings.HasPrefix(r.failed, "missing peer: lua") {
		t.Errorf("peers required: got skipped %q, failed %q; want a failure", r.skipped, r.failed)
	}
}

func TestParseProbe(t *testing.T) {
	for _, test := range []struct {
		out  string
		want PythonVersion
		ok   bool
	}{
		{"cpython 3 11 7 /usr/bin/python3.11", PythonVersion{"/usr/bin/python3.11", 3, 11, 7}, true},
		{"CPython 2 7 18 /opt/with space/python", PythonVersion{"/opt/with space/python", 2, 7, 18}, true},
		{"pypy 3 10 13 /usr/bin/pypy3", PythonVersion{}, false},
		{"CPython 3 11 7 ", PythonVersion{}, false},
		{"CPython 3 11 7", PythonVersion{}, false},
		{"pyenv: version not installed", PythonVersion{}, false},
		{"", PythonVersion{}, false},
	} {
		got, err := parseProbe(test.out)
		if (err == nil) != test.ok || test.ok && got != test.want {
			t.Errorf("parseProbe(%q): got %+v, %v; want %+v, ok %v", test.out, got, err, test.want, test.ok)
		}
	}
}

func TestIsInterpreterName(t *testing.T) {
	for name, want := range map[string]bool{
		"python": true, "python3": true, "python3.11": true, "python2.7": true,
		"python3-config": false, "python3.11-gdb.py": false, "python3.13t": false, "pythonx": false, "perl": false,
	} {
		if got := isInterpreterName(name); got != want {
			t.Errorf("isInterpreterName(%q): got %v; want %v", name, got, want)
		}
	}
}

func TestAtLeast(t *testing.T) {
	v := PythonVersion{Major: 3, Minor: 8, Patch: 2}
	for _, test := range []struct {
		major, minor int
		want         bool
	}{{2, 7, true}, {3, 7, true}, {3, 8, true}, {3, 9, false}, {4, 0, false}} {
		if got := v.AtLeast(test.major, test.minor); got != test.want {
			t.Errorf("%s.AtLeast(%d, %d): got %v; want %v", v, test.major, test.minor, got, test.want)
		}
	}
}

// A program that hangs, fails or lies in the place of an interpreter is left
// out, and the others are found.
func TestProbeOfImpostors(t *testing.T) {
	dir := t.TempDir()
	for name, script := range map[string]string{
		"fails": "#!/bin/sh\nexit 1\n",
		"other": "#!/bin/sh\necho 'PyPy 3 10 13 /usr/bin/pypy3'\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
		if v, err := probe(path); err == nil {
			t.Errorf("probe of one that %s: got %+v; want an error", name, v)
		}
	}
	if _, err := probe(filepath.Join(dir, "absent")); err == nil {
		t.Error("probe of an absent file: got no error; want one")
	}
}

func TestLivePythons(t *testing.T) {
	found := Pythons(t)
	for i, v := range found {
		if i > 0 && found[i-1].compare(v) >= 0 {
			t.Errorf("got %s after %s; want each version once, oldest first", v, found[i-1])
		}
		t.Run(v.String(), func(t *testing.T) {
			got := RunPython(t, t.Context(), v.Path, "import sys\nsys.stdout.write('%d.%d.%d %s' % (sys.version_info[:3] + (sys.argv[1],)))\n", "an argument")
			if want := v.String() + " an argument"; got != want {
				t.Errorf("got %q; want %q", got, want)
			}
		})
	}
	if path := Python(t); !filepath.IsAbs(path) || strings.Contains(path, "shims") {
		t.Errorf("Python: got %q; want the absolute path of the interpreter itself", path)
	}
}

func TestPythonEnvPinsOneVersion(t *testing.T) {
	for _, v := range Pythons(t) {
		t.Setenv(PythonEnv, v.Path)
		if got := findAll(); len(got) != 1 || got[0].compare(v) != 0 {
			t.Errorf("%s=%s: got %v; want %s alone", PythonEnv, v.Path, got, v)
		}
		got, ok := findDefault(3, 0)
		if want := v.Major == 3; ok && (got.compare(v) == 0) != want {
			t.Errorf("%s=%s: got %s as python3; want it to be %s: %v", PythonEnv, v.Path, got, v, want)
		}
	}
	t.Setenv(PythonEnv, filepath.Join(t.TempDir(), "absent"))
	if got := findAll(); len(got) != 0 {
		t.Errorf("%s names an absent file: got %v; want none", PythonEnv, got)
	}
}

func TestRunPythonReportsFailure(t *testing.T) {
	python := Python(t)
	r := record(t, func(tb testing.TB) {
		RunPython(tb, t.Context(), python, "x = 1\nraise ValueError('no such thing')\n")
	})
	for _, want := range []string{"ValueError: no such thing", "script.py\", line 2"} {
		if !strings.Contains(r.failed, want) {
			t.Errorf("got failure %q; want it to contain %q", r.failed, want)
		}
	}
}

func TestRunPythonKillsAtDeadline(t *testing.T) {
	python := Python(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	start := time.Now()
	r := record(t, func(tb testing.TB) { RunPython(tb, ctx, python, "import time\ntime.sleep(60)\n") })
	if !strings.Contains(r.failed, "not done in time") {
		t.Errorf("got failure %q; want one that says that it was not done in time", r.failed)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("the script was killed after %v; want about a second", took)
	}
}

func TestStartPythonConversation(t *testing.T) {
	p := StartPython(t, Python(t), `
import sys
print("ready")
for line in sys.stdin:
    print("got " + line.strip())
`)
	if line, err := p.ReadLine(t.Context()); line != "ready" || err != nil {
		t.Fatalf("got %q, %v; want \"ready\"", line, err)
	}
	for i := range 3 {
		fmt.Fprintf(p.Stdin, "line %d\n", i)
		if line, err := p.ReadLine(t.Context()); line != fmt.Sprintf("got line %d", i) || err != nil {
			t.Fatalf("got %q, %v; want \"got line %d\"", line, err, i)
		}
	}
	if err := p.Stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if line, err := p.ReadLine(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("after the end: got %q, %v; want io.EOF", line, err)
	}
	p.Kill() // no harm once it has ended
}

func TestProcessTimeouts(t *testing.T) {
	p := StartPython(t, Python(t), "import sys\nsys.stdin.read()\n")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := p.ReadLine(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ReadLine: got %v; want %v", err, context.DeadlineExceeded)
	}
	if err := p.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Wait: got %v; want %v", err, context.DeadlineExceeded)
	}
	p.Kill()
	if err := p.Wait(t.Context()); err == nil {
		t.Error("Wait for a killed script: got no error; want one")
	}
}

// A script's own children must not outlive the test.
func TestKillTakesGrandchildren(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no process groups on Windows")
	}
	p := StartPython(t, Python(t), `
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid)
child.wait()
`)
	line, err := p.ReadLine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	p.Kill()
	waitGone(t, pid)
}

// waitGone waits for the end of a process that a script started.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); alive(pid); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d, started by the script, is alive 5 s after the script was killed", pid)
		}
	}
}

// alive reports whether a process runs. One that is dead but not yet reaped by
// its parent does not count.
func alive(pid int) bool {
	if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
		_, state, _ := strings.Cut(string(stat), ") ")
		return !strings.HasPrefix(state, "Z")
	}
	process, err := os.FindProcess(pid)
	return err == nil && process.Signal(syscall.Signal(0)) == nil
}

func TestTailKeepsTheEnd(t *testing.T) {
	var w tail
	for i := range 4000 {
		fmt.Fprintf(&w, "line %d\n", i)
	}
	got := w.String()
	if !strings.HasPrefix(got, "[...] ") || !strings.HasSuffix(got, "line 3999") || len(got) > maxStderr+len("[...] ") {
		t.Errorf("got %d bytes, %.20q to %.20q; want at most %d bytes that end with the last line", len(got), got, got[max(0, len(got)-20):], maxStderr)
	}
}
