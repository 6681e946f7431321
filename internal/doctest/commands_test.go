//go:build unix

package doctest

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// notPlayed are the blocks of commands that no session runs, by document and
// first line. That the commands are there, with these flags, is looked at.
var notPlayed = []struct{ document, line, why string }{
	{"CONTRIBUTING.md", "make test", "these are the tests"},
	{"README.md", "go run ./cmd/parley demo", "takes long; cmd/parley has a test of it"},
	{"README.md", "go mod edit -replace", "docs/quickstart.md plays it"},
	{"README.md", "go run ./cmd/parley compare", "measures, and takes long; cmd/parley has tests of it"},
	{"bench/README.md", "cd bench", "measures, and takes long; bench has tests"},
	{"clients/python/README.md", "python3 -m unittest", "internal/pyclient runs these tests"},
	{"docs/choosing.md", "parley compare", "measures, and takes long"},
	{"docs/from-multiprocessing.md", "parley compare", "measures, and takes long"},
	{"docs/decisions/README.md", "go test -v", "measures; the tests run in make test"},
	{"docs/interop.md", "make test", "these are the tests"},
	{"docs/performance.md", "", "measures, and takes long"},
	{"docs/wire-cbor.md", "GOMAXPROCS=1", "measures"},
	{"docs/command.md", "parley call prod", "there is no such server"},
	{"docs/command.md", "source <(parley completion bash)", "bash alone knows it; cmd/parley has tests of completion in all three shells"},
	{"docs/command.md", "curl --cacert server.pem -u carl", "asks for a password"},
	{"docs/command.md", "parley compare", "measures, and takes long; cmd/parley has tests of it"},
	{"docs/comparing.md", "parley compare", "measures, and takes long; cmd/parley has tests of it"},
	{"docs/command.md", "parley serve --config parley.toml", "cmd/parley serves examples/config/parley.toml in its tests"},
}

// The commands that the documents name exist and take the flags that they name.
func TestCommandsExist(t *testing.T) {
	l := &looker{parley: parley(t), help: map[string]string{}}
	used := make([]bool, len(notPlayed))
	for _, d := range documents(t) {
		for _, b := range d.Blocks {
			if b.Language != "sh" {
				continue
			}
			if b.isCommand() || b.Has("file") {
				continue // TestSessions finds out
			}
			i := slices.IndexFunc(notPlayed, func(n struct{ document, line, why string }) bool {
				return n.document == d.Path && strings.HasPrefix(b.Text, n.line)
			})
			if i < 0 {
				t.Errorf("%s: nothing runs these commands: mark the block with run or start, or put it into the list \"notPlayed\" of internal/doctest with the reason", b)
			} else {
				used[i] = true
			}
			for _, problem := range l.look(d.Path, b.Text) {
				t.Errorf("%s: %s", b, problem)
			}
		}
		for _, m := range span.FindAllStringSubmatch(d.Prose(), -1) {
			if ours.MatchString(m[1]) {
				for _, problem := range l.look(d.Path, m[1]) {
					t.Errorf("%s: `%s`: %s", d.Path, m[1], problem)
				}
			}
		}
	}
	for i, n := range notPlayed {
		if !used[i] {
			t.Errorf("%s has no block that begins with %q and is not played: take it off the list", n.document, n.line)
		}
	}
}

var (
	// span is code within a line, ours what is a command of the project in it.
	span = regexp.MustCompile("(?:^|[^`])`([^`\n]+)`")
	ours = regexp.MustCompile(`^(?:cd [\w/]+ && )?(?:parley [a-z]|go run \./|make [a-z])`)

	assignment = regexp.MustCompile(`^[A-Z_]+=`)
	makeTarget = regexp.MustCompile(`(?m)^([a-z-]+):`)
	goFlag     = regexp.MustCompile(`\b(?:f|flag)\.\w+\((?:&?[\w.]+, )?"([\w-]+)"`)
	testName   = regexp.MustCompile(`(?m)^func ((?:Test|Benchmark|Fuzz)\w*)`)
)

// looker looks whether commands exist.
type looker struct {
	parley string
	help   map[string]string // of a command of parley, by its name
}

// look says what is wrong with the commands in a text.
func (l *looker) look(document, text string) (problems []string) {
	dir := root
	for _, line := range commands(text) {
		line = strings.ReplaceAll(line, "\\\n", " ")
		if before, _, ok := strings.Cut(line, " #"); ok {
			line = before
		}
		for part := range strings.FieldsFuncSeq(strings.ReplaceAll(line, "&&", ";"), func(r rune) bool { return r == ';' }) {
			words := strings.Fields(part)
			for len(words) > 0 && assignment.MatchString(words[0]) {
				words = words[1:]
			}
			if len(words) == 2 && words[0] == "cd" {
				dir = filepath.Join(dir, words[1])
				continue
			}
			if err := l.command(dir, document, words); err != nil {
				problems = append(problems, err.Error())
			}
		}
	}
	return problems
}

func (l *looker) command(dir, document string, words []string) error {
	if len(words) == 0 {
		return nil
	}
	switch words[0] {
	case "parley":
		return l.ours(words[1:])
	case "make":
		return target(dir, words[1:])
	case "go":
		return l.goCommand(dir, document, words[1:])
	case "taskset":
		return l.command(dir, document, words[3:])
	case "python3":
		if len(words) > 1 && strings.HasSuffix(words[1], ".py") && strings.Contains(words[1], "/") {
			return there(filepath.Join(dir, words[1]))
		}
	}
	return nil
}

func there(name string) error {
	_, err := os.Stat(name)
	return err
}

// ours looks at the words after "parley".
func (l *looker) ours(words []string) error {
	var name []string
	if len(words) > 0 && words[0] == "help" {
		words = words[1:]
	}
	for _, w := range words {
		if strings.HasPrefix(w, "-") || len(name) > 0 && name[0] != "auth" || len(name) > 1 || !regexp.MustCompile(`^[a-z]+$`).MatchString(w) {
			break
		}
		name = append(name, w)
	}
	key := strings.Join(name, " ")
	if _, ok := l.help[key]; !ok {
		out, err := exec.Command(l.parley, append(name, "--help")...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("parley %s --help: %w\n%s", key, err, out)
		}
		l.help[key] = string(out)
		if len(name) > 0 && !strings.Contains(l.help[key], "parley "+key) {
			return fmt.Errorf("there is no command parley %s", key)
		}
	}
	for _, w := range words {
		flag, _, _ := strings.Cut(w, "=")
		flag = strings.TrimRight(flag, ".,…")
		if strings.HasPrefix(flag, "--") && len(flag) > 2 && !regexp.MustCompile(regexp.QuoteMeta(flag)+`\b[^-]`).MatchString(l.help[key]) {
			return fmt.Errorf("parley %s has no flag %s", key, flag)
		}
	}
	return nil
}

func target(dir string, words []string) error {
	text, err := os.ReadFile(filepath.Join(dir, "Makefile"))
	if err != nil {
		return err
	}
	for _, w := range words {
		known := slices.ContainsFunc(makeTarget.FindAllStringSubmatch(string(text), -1), func(m []string) bool { return m[1] == w })
		if !known && !assignment.MatchString(w) {
			return fmt.Errorf("the Makefile has no target %s", w)
		}
	}
	return nil
}

// goCommand looks at the words after "go".
func (l *looker) goCommand(dir, document string, words []string) error {
	switch {
	case len(words) > 1 && words[0] == "run" && words[1] == "./cmd/parley":
		return l.ours(words[2:])
	case len(words) > 1 && words[0] == "run":
		return program(dir, document, words[1], words[2:])
	case len(words) > 0 && words[0] == "test":
		return goTest(dir, document, words[1:])
	case len(words) > 1 && (words[0] == "build" || words[0] == "install"):
		return there(filepath.Join(dir, words[len(words)-1]))
	}
	return nil
}

// program looks for a Go program and its flags.
func program(dir, document, pkg string, words []string) error {
	found, err := filepath.Glob(filepath.Join(dir, pkg, "*.go"))
	if len(found) == 0 { // a document that says where it is to be run
		found, err = filepath.Glob(filepath.Join(dir, path.Dir(document), pkg, "*.go"))
	}
	if err != nil || len(found) == 0 {
		return fmt.Errorf("there is no program in %s", pkg)
	}
	var text strings.Builder
	for _, name := range found {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		text.Write(b)
	}
	flags := goFlag.FindAllStringSubmatch(text.String(), -1)
	for _, w := range words {
		name := strings.TrimLeft(w, "-")
		if name != w && !slices.ContainsFunc(flags, func(m []string) bool { return m[1] == name }) {
			return fmt.Errorf("the program in %s has no flag %s", pkg, w)
		}
	}
	return nil
}

// goTest looks for the packages of a test run, and for the tests in them.
func goTest(dir, document string, words []string) error {
	var names []*regexp.Regexp
	for i, w := range words {
		if (w == "-run" || w == "-bench") && i+1 < len(words) {
			name, err := regexp.Compile(strings.Trim(words[i+1], "'"))
			if err != nil {
				return err
			}
			if name.String() != "^$" {
				names = append(names, name)
			}
		}
	}
	pkg := words[len(words)-1]
	if strings.HasPrefix(pkg, "../") {
		dir = filepath.Join(dir, path.Dir(document)) // a document that says where it is to be run
	}
	files, err := filepath.Glob(filepath.Join(dir, pkg, "*_test.go"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("there are no tests in %s", pkg)
	}
	for _, name := range names {
		if !slices.ContainsFunc(files, func(file string) bool {
			text, err := os.ReadFile(file)
			return err == nil && slices.ContainsFunc(testName.FindAllStringSubmatch(string(text), -1), func(m []string) bool {
				return name.MatchString(m[1]) || name.MatchString(strings.TrimPrefix(m[1], "Benchmark"))
			})
		}) {
			return fmt.Errorf("no test in %s is named %s", pkg, name)
		}
	}
	return nil
}

func TestLookFindsWhatIsNotThere(t *testing.T) {
	l := &looker{parley: parley(t), help: map[string]string{}}
	for text, want := range map[string]string{
		"parley serve --xmlrpc off   # --no-such-flag":            "",
		"parley serve --xmlrp off":                                "no flag --xmlrp",
		"parley serf":                                             "serf",
		"parley auth add x --use http --file f":                   "",
		"parley auth grant x":                                     "grant",
		"parley auth add x \\\n  --users http":                    "no flag --users",
		"PARLEY_CREDENTIAL=x parley call URL add 3 5 --nope":      "no flag --nope",
		"go run ./cmd/parley call --nope":                         "no flag --nope",
		"cd bench && go run . -quick":                             "",
		"cd bench\ngo run . -quik":                                "no flag -quik",
		"go run ./examples/nowhere":                               "no program in ./examples/nowhere",
		"make test":                                               "",
		"make tost":                                               "no target tost",
		"FUZZTIME=5m make fuzz":                                   "",
		"taskset -c 1 go test -run '^$' -bench 'Add$' ./rpc/nope": "no tests in ./rpc/nope",
		"go test -run '^$' -bench 'NoSuch$' ./rpc/xmlrpc":         "no test in ./rpc/xmlrpc is named NoSuch$",
		"go test -run '^$' -bench 'Add$' ./rpc/xmlrpc":            "",
	} {
		got := strings.Join(l.look("README.md", text), "; ")
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: got %q; want %q", text, got, want)
		}
	}
}
