package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

func TestBuildOf(t *testing.T) {
	settings := func(modified string) []debug.BuildSetting {
		return []debug.BuildSetting{
			{Key: "vcs.revision", Value: "0123456789abcdef0123456789abcdef01234567"},
			{Key: "vcs.time", Value: "2026-11-22T03:04:05Z"},
			{Key: "vcs.modified", Value: modified},
		}
	}
	const platform = runtime.GOOS + "/" + runtime.GOARCH
	for name, tt := range map[string]struct {
		info    debug.BuildInfo
		version string
		commit  string
	}{
		"Nothing":  {debug.BuildInfo{}, "devel", ""},
		"Devel":    {debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "devel", ""},
		"Release":  {debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, "v1.2.3", ""},
		"Checkout": {debug.BuildInfo{Settings: settings("false")}, "devel", "0123456789ab of 2026-11-22T03:04:05Z"},
		"Modified": {debug.BuildInfo{Settings: settings("true")}, "devel", "0123456789ab of 2026-11-22T03:04:05Z, modified"},
		"Short":    {debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "r7"}}}, "devel", "r7"},
	} {
		b := buildOf(&tt.info)
		if b.Version != tt.version || b.OS+"/"+b.Arch != platform || b.Go == "" {
			t.Errorf("%s: got %+v; want version %s", name, b, tt.version)
		}
		if b.Revision != "" && b.commit() != tt.commit || b.Revision == "" && tt.commit != "" {
			t.Errorf("%s: got commit %q; want %q", name, b.commit(), tt.commit)
		}
	}
}

// What go build has left in a program is what it says of itself. With -trimpath no
// package is compiled again because it is in another folder.
func TestVersionOfBuilds(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git on this machine")
	}
	clone := t.TempDir()
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=ann", "-c", "user.email=ann@example.org"}, args...)...)
		cmd.Dir = clone
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	copyProgram(t, clone)
	git("init", "-q")
	git("add", ".")
	git("commit", "-q", "-m", "All of it")
	revision := git("rev-parse", "HEAD")
	build := func(vcs string) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), "parley")
		cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs="+vcs, "-o", path, "./cmd/parley")
		cmd.Dir = clone
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go build: %v\n%s", err, out)
		}
		return path
	}
	ask := func(name string, args ...string) (text string, of buildSaid) {
		t.Helper()
		run := func(more ...string) []byte {
			cmd := exec.CommandContext(t.Context(), name, append(args, more...)...)
			cmd.Dir = clone
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%s %q: %v", name, args, err)
			}
			return out
		}
		if err := json.Unmarshal(run("version", "--output", "json"), &of); err != nil {
			t.Fatal(err)
		}
		return string(run("version")), of
	}
	platform := regexp.MustCompile(`(?m)^parley +\S+$(?s:.*)^go +go1\.\S+$\n^platform +` + runtime.GOOS + "/" + runtime.GOARCH + `$`)

	text, of := ask(build("true"))
	if of.Revision != revision || of.Modified || !strings.HasPrefix(of.Time, "20") || of.Version == "" {
		t.Errorf("from a clean checkout: got %+v; want revision %s", of, revision)
	}
	if !strings.Contains(text, "commit    "+revision[:12]+" of "+of.Time+"\n") || !platform.MatchString(text) {
		t.Errorf("from a clean checkout:\n%s", text)
	}

	if err := exec.CommandContext(t.Context(), "sh", "-c", `echo >>"$0"/go.mod`, clone).Run(); err != nil {
		t.Fatal(err)
	}
	if text, of = ask(build("true")); !of.Modified || of.Revision != revision || !strings.Contains(text, ", modified\n") {
		t.Errorf("from a changed checkout: got %+v and\n%s", of, text)
	}

	if text, of = ask(build("false")); of.Revision != "" || of.Modified || of.Version != "devel" || strings.Contains(text, "commit") || !platform.MatchString(text) {
		t.Errorf("without the checkout: got %+v and\n%s", of, text)
	}
	if text, of = ask("go", "run", "-trimpath", "-buildvcs=false", "./cmd/parley"); of.Version != "devel" || !platform.MatchString(text) {
		t.Errorf("with go run: got %+v and\n%s", of, text)
	}
}

// buildSaid is the documented form of what version prints as JSON.
type buildSaid struct {
	Version, Revision, Time string
	Modified                bool
	Go, OS, Arch            string
}

// copyProgram copies all that the program is made of into dir, as a module.
func copyProgram(t *testing.T, dir string) {
	t.Helper()
	const form = `{{with .Module}}{{if .Main}}{{range $.GoFiles}}{{$.Dir}}/{{.}}
{{end}}{{range $.IgnoredGoFiles}}{{$.Dir}}/{{.}}
{{end}}{{range $.EmbedFiles}}{{$.Dir}}/{{.}}
{{end}}{{end}}{{end}}`
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", form, ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(strings.Fields(string(out)), root+"/go.mod", root+"/go.sum") {
		name, err := filepath.Rel(root, path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err == nil {
			err = os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
