package peertest

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	// probeTimeout is how long one interpreter may take to tell its version. It
	// takes some 20 ms, and much longer on a machine that is busy otherwise.
	probeTimeout = 30 * time.Second
	// probesAtOnce bounds the interpreters that are asked at the same time.
	probesAtOnce = 4
)

const howPython = "apt-get install python3"

// PythonEnv is the environment variable that holds the path of the one CPython
// to test with in place of all; "make peers" sets it to each in turn, "make
// test" to python3.
const PythonEnv = "PARLEY_PYTHON"

// PythonVersion is one CPython on this machine.
type PythonVersion struct {
	Path                string // the interpreter itself, never a shim
	Major, Minor, Patch int
}

// String returns "3.11.7".
func (v PythonVersion) String() string {
	return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch)
}

// AtLeast reports whether v is the version major.minor or a later one.
func (v PythonVersion) AtLeast(major, minor int) bool {
	return v.compare(PythonVersion{Major: major, Minor: minor}) >= 0
}

func (v PythonVersion) compare(w PythonVersion) int {
	return cmp.Or(cmp.Compare(v.Major, w.Major), cmp.Compare(v.Minor, w.Minor), cmp.Compare(v.Patch, w.Patch))
}

// Interpreters do not change while tests run, so each process looks once.
var (
	defaultPython   = sync.OnceValues(func() (PythonVersion, bool) { return findDefault(3, 0) })
	protocol5Python = sync.OnceValues(func() (PythonVersion, bool) { return findDefault(3, 8) })
	allPythons      = sync.OnceValue(findAll)
)

// Python returns the path of the Python 3 that PythonEnv names, or that the PATH
// calls python3, or else of /usr/bin/python3. Without one the test ends as
// Missing says.
func Python(t testing.TB) string {
	t.Helper()
	v, ok := defaultPython()
	if !ok {
		Missing(t, "python3", howPython)
	}
	return v.Path
}

// PythonOfProtocol5 is Python, but of version 3.8 or later, which reads and writes
// every pickle protocol.
func PythonOfProtocol5(t testing.TB) string {
	t.Helper()
	v, ok := protocol5Python()
	if !ok {
		Missing(t, "python3, of version 3.8 or later", howPython)
	}
	return v.Path
}

// AnyPython is PythonOfProtocol5 for a test that is not about Python, and runs once
// whatever the number of Pythons: it is not named TestLive….
func AnyPython(t testing.TB) string {
	t.Helper()
	return PythonOfProtocol5(t)
}

// Pythons returns every CPython that is found on this machine, oldest first and
// each version once: those of pyenv, /usr/local/bin and /usr/bin, 2.7 among
// them; or only that which PythonEnv names. The slice is the caller's. Without
// any the test ends as Missing says.
func Pythons(t testing.TB) []PythonVersion {
	t.Helper()
	found := FindPythons()
	if len(found) == 0 {
		Missing(t, "any CPython", howPython)
	}
	return found
}

// FindPythons is Pythons outside of a test: without any it returns none.
func FindPythons() []PythonVersion { return slices.Clone(allPythons()) }

func findDefault(major, minor int) (PythonVersion, bool) {
	for _, name := range []string{os.Getenv(PythonEnv), "python3", "/usr/bin/python3"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		if v, err := probe(path); err == nil && v.AtLeast(major, minor) {
			return v, true
		}
	}
	return PythonVersion{}, false
}

func findAll() []PythonVersion {
	if path := os.Getenv(PythonEnv); path != "" {
		if v, err := probe(path); err == nil {
			return []PythonVersion{v}
		}
		return nil
	}

	candidates := interpreters()
	probed := make([]PythonVersion, len(candidates))
	var wg sync.WaitGroup
	slots := make(chan struct{}, probesAtOnce)
	for i, path := range candidates {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if v, err := probe(path); err == nil {
				probed[i] = v
			}
		})
	}
	wg.Wait()

	found := slices.DeleteFunc(probed, func(v PythonVersion) bool { return v.Path == "" })
	if v, ok := defaultPython(); ok {
		found = append(found, v)
	}
	slices.SortStableFunc(found, PythonVersion.compare)
	return slices.CompactFunc(found, func(a, b PythonVersion) bool { return a.compare(b) == 0 })
}

// interpreters lists the files that may be an interpreter, each once whatever
// the number of its names.
func interpreters() []string {
	var paths []string
	seen := map[string]bool{}
	for _, pattern := range pythonPatterns() {
		matches, _ := filepath.Glob(pattern) // its only error is a bad pattern
		for _, m := range matches {
			file, err := filepath.EvalSymlinks(m)
			if err != nil || !isInterpreterName(filepath.Base(m)) || seen[file] {
				continue
			}
			seen[file] = true
			paths = append(paths, m)
		}
	}
	return paths
}

func pythonPatterns() []string {
	root := os.Getenv("PYENV_ROOT")
	if root == "" {
		if home, err := os.UserHomeDir(); err == nil {
			root = filepath.Join(home, ".pyenv")
		}
	}
	var patterns []string
	if root != "" {
		patterns = append(patterns, filepath.Join(root, "versions", "*", "bin", "python"))
	}
	return append(patterns,
		"/usr/local/bin/python[23]*",
		"/usr/bin/python[23]*",
	)
}

// isInterpreterName tells python3.11 from python3-config and python3.11-gdb.py.
func isInterpreterName(base string) bool {
	version, ok := strings.CutPrefix(base, "python")
	return ok && strings.Trim(version, "0123456789.") == ""
}

// probeScript runs on Python 2 and 3, and imports nothing that takes time.
const probeScript = `import sys
name = sys.implementation.name if hasattr(sys, "implementation") else sys.subversion[0]
sys.stdout.write("%s %d %d %d %s" % ((name,) + sys.version_info[:3] + (sys.executable,)))`

// probe asks the interpreter at path what it is. Through a shim, such as those
// of pyenv, it finds the interpreter behind it.
func probe(path string) (PythonVersion, error) {
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "-E", "-S", "-c", probeScript)
	cmd.Env = pythonEnv()
	ownGroup(cmd)
	out, err := cmd.Output()
	if err != nil {
		return PythonVersion{}, fmt.Errorf("peertest: %s: %w", path, err)
	}
	return parseProbe(string(out))
}

func parseProbe(out string) (PythonVersion, error) {
	var v PythonVersion
	var implementation string
	if _, err := fmt.Sscanf(out, "%s %d %d %d", &implementation, &v.Major, &v.Minor, &v.Patch); err != nil {
		return PythonVersion{}, fmt.Errorf("peertest: the answer of an interpreter to the version script: got %q; want \"cpython 3 11 7 /path\"", out)
	}
	if !strings.EqualFold(implementation, "CPython") {
		return PythonVersion{}, fmt.Errorf("peertest: got an interpreter that is %s; want CPython", implementation)
	}
	fields := strings.SplitN(out, " ", 5)
	if len(fields) < 5 || !filepath.IsAbs(fields[4]) {
		return PythonVersion{}, fmt.Errorf("peertest: CPython %s does not know its own path: got %q", v, out)
	}
	v.Path = fields[4]
	return v, nil
}

// pythonEnv is the environment of every Python that tests start: that of the
// test without the user's Python settings, and unbuffered.
func pythonEnv() []string {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "PYTHON") })
	return append(env,
		"PYTHONUNBUFFERED=1",
		"PYTHONDONTWRITEBYTECODE=1",
		"PYTHONNOUSERSITE=1",
		"PYTHONIOENCODING=utf-8",
	)
}
