package archtest

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// anything stands for every package of the module.
const anything = "..."

// mayImport says which packages of the module a package may import; a package
// that is not here may not exist. The arrows point one way, and the heart, rpc,
// knows no bytes and no sockets. Test files are free.
var mayImport = []struct {
	pkg     string // a pattern of package path
	imports []string
}{
	{"rpc/value", nil},
	{"rpc", []string{"rpc/value", "internal/limits"}},
	{"rpc/xmlrpc/xmlvalue", []string{"rpc/value"}},
	{"rpc/native/cbor", []string{"rpc/value"}},
	{"rpc/native/pickle", []string{"rpc/value"}},
	{"auth/internal/scram", nil},
	{"auth", []string{"rpc", "auth/internal/scram", "internal/limits"}},
	{"rpc/xmlrpc", []string{"rpc", "rpc/value", "rpc/xmlrpc/xmlvalue", "internal/limits"}},
	{"rpc/native", []string{"rpc", "rpc/value", "rpc/native/cbor", "rpc/native/pickle", "internal/limits"}},
	{"rpc/native/python", []string{"rpc", "rpc/value", "rpc/native", "rpc/native/pickle", "rpc/xmlrpc/xmlvalue"}},
	{"rpc/rpctest", []string{"rpc", "rpc/value"}},
	{"services/*", []string{"rpc", "rpc/value"}},
	{"examples/*", []string{anything}},
	{"cmd/*", []string{anything}},
	{"cmd/parley/internal/usage", nil},
	{"cmd/parley/internal/exit", []string{"cmd/parley/internal/usage", "rpc", "rpc/native"}},
	{"cmd/parley/internal/terminal", []string{"cmd/parley/internal/usage"}},
	{"cmd/parley/internal/tomlfile", []string{"cmd/parley/internal/usage", "rpc/value"}},
	{"cmd/parley/internal/notation", []string{"cmd/parley/internal/usage", "cmd/parley/internal/terminal", "rpc", "rpc/value"}},
	{"cmd/parley/internal/login", []string{"cmd/parley/internal/usage", "cmd/parley/internal/terminal", "cmd/parley/internal/tomlfile", "auth"}},
	{"cmd/parley/internal/dial", []string{"cmd/parley/internal/usage", "cmd/parley/internal/exit", "cmd/parley/internal/terminal", "cmd/parley/internal/tomlfile", "cmd/parley/internal/login", "rpc", "rpc/value", "rpc/native", "rpc/xmlrpc", "internal/relay"}},
	{"cmd/parley/internal/load", []string{"cmd/parley/internal/usage", "cmd/parley/internal/exit", "cmd/parley/internal/terminal", "cmd/parley/internal/notation", "cmd/parley/internal/dial", "rpc", "internal/compare", "internal/compare/measure"}},
	{"cmd/parley/internal/service", []string{"cmd/parley/internal/usage", "cmd/parley/internal/terminal", "cmd/parley/internal/tomlfile", "cmd/parley/internal/login", "auth", "rpc", "rpc/value", "rpc/native", "rpc/native/python", "rpc/xmlrpc", "rpc/xmlrpc/xmlvalue", "services/adder", "services/catalog", "services/validator1"}},
	{"cmd/parley/internal/demo", []string{"cmd/parley/internal/terminal", "cmd/parley/internal/service", "auth", "rpc", "rpc/native", "rpc/native/python", "rpc/xmlrpc", "services/adder", "internal/compare", "internal/compare/lanes"}},
	{"internal/*", nil},
	{"internal/compare/measure", nil},
	{"internal/compare/work", nil},
	{"internal/compare/harness", []string{"internal/compare/measure", "internal/compare/work", "internal/relay"}},
	{"internal/compare/peers", []string{anything}},
	{"internal/compare/lanes", []string{anything}},
	{"internal/compare/carry", []string{anything}},
	{"internal/compare/chart", nil},
	{"internal/compare/report", []string{"internal/compare", "internal/compare/chart"}},
	{"internal/peertest/pythons", []string{"internal/peertest"}},
	{"internal/doctest/play", []string{"internal/doctest"}},
}

// mayImportOthers says which packages may import which modules of others, so
// that a user of the library gets few of them.
var mayImportOthers = []struct {
	prefix string   // of import paths
	pkgs   []string // patterns of package path; "test" stands for test files
}{
	{"github.com/alecthomas/kong", []string{"cmd/*"}},
	{"github.com/kolo/xmlrpc", []string{"cmd/parley/internal/demo", "examples/*", "internal/compare/peers", "internal/compare/carry", "test"}},
	{"github.com/fxamacker/cbor/v2", []string{"test"}},
	{"github.com/google/go-cmp", []string{"test"}},
	{"go.uber.org/goleak", []string{"test"}},
	{"golang.org/x/text", []string{"rpc/xmlrpc/xmlvalue", "rpc/xmlrpc", "cmd/parley/internal/terminal", "test"}},
	{"github.com/emmansun/base64", []string{"rpc/xmlrpc/xmlvalue"}},
	{"golang.org/x/crypto/argon2", []string{"auth", "auth/internal/scram", "test"}},
	{"golang.org/x/crypto", []string{"test"}},
	{"golang.org/x/net/proxy", []string{"rpc/xmlrpc"}},
	{"github.com/alexedwards/argon2id", []string{"auth", "test"}},
	{"github.com/xdg-go/scram", []string{"test"}},
	{"github.com/pelletier/go-toml/v2", []string{"cmd/parley/internal/tomlfile"}},
	{"github.com/HdrHistogram/hdrhistogram-go", []string{"internal/compare/measure"}},
	{"github.com/schollz/progressbar/v3", []string{"cmd/parley/internal/terminal"}},
	{"github.com/fatih/color", []string{"cmd/parley/internal/terminal"}},
	{"golang.org/x/term", []string{"cmd/parley/internal/terminal"}},
	{"golang.org/x/sys", []string{"rpc/native", "auth", "internal/*", "internal/compare/harness", "test"}},
}

func TestImportTable(t *testing.T) {
	for _, f := range goFiles(t) {
		for _, spec := range f.ast.Imports {
			target, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if problem := checkImport(f.dir(), f.isTest(), target); problem != "" {
				t.Errorf("%s:%d: %s", f.path, f.line(spec), problem)
			}
		}
		if _, ok := rowOf(f.dir()); !ok {
			t.Errorf("%s: package %s is not in the import table; add it there, with as few imports as it needs", f.path, f.dir())
		}
	}
}

// checkImport says what is wrong with a file of package dir that imports
// target, or nothing.
func checkImport(dir string, test bool, target string) string {
	inner, ours := strings.CutPrefix(target, module+"/")
	if !ours {
		return checkOther(dir, test, target)
	}
	row, _ := rowOf(dir)
	switch {
	case test:
		return ""
	case slices.Contains(row, inner), slices.Contains(row, anything) && inner != "internal/peertest":
		return ""
	case inner == "internal/peertest":
		return inner + " is for test files alone"
	case len(row) == 0:
		return "package " + dir + " may import nothing of the module, got " + inner
	}
	return "package " + dir + " may import only " + strings.Join(row, ", ") + " of the module, got " + inner
}

func checkOther(dir string, test bool, target string) string {
	switch {
	case target == "unsafe" || target == "C":
		return strconv.Quote(target) + " has no place in this module"
	case !strings.Contains(strings.Split(target, "/")[0], "."):
		return "" // the standard library
	}
	for _, row := range mayImportOthers {
		if target != row.prefix && !strings.HasPrefix(target, row.prefix+"/") {
			continue
		}
		if test && slices.Contains(row.pkgs, "test") || slices.ContainsFunc(row.pkgs, func(p string) bool { return matches(p, dir) }) {
			return ""
		}
		return target + " may be imported only by " + strings.Join(row.pkgs, ", ")
	}
	return target + " is not in the table of modules that this one may use"
}

func rowOf(dir string) (imports []string, ok bool) {
	for _, row := range mayImport {
		if matches(row.pkg, dir) {
			return row.imports, true
		}
	}
	return nil, false
}

func matches(pattern, dir string) bool {
	ok, _ := path.Match(pattern, dir) // its only error is a bad pattern
	return ok
}

func TestCheckImport(t *testing.T) {
	for _, test := range []struct {
		dir    string
		test   bool
		target string
		ok     bool
	}{
		{"rpc/native", false, module + "/rpc/native/cbor", true},
		{"rpc/native", false, module + "/auth", false},
		{"rpc/native", true, module + "/auth", true},
		{"rpc/value", false, module + "/rpc", false},
		{"rpc/value", false, "reflect", true},
		{"rpc/value", false, "unsafe", false},
		{"services/adder", false, module + "/rpc", true},
		{"services/adder", false, module + "/rpc/native", false},
		{"examples/kolo", false, "github.com/kolo/xmlrpc", true},
		{"rpc/xmlrpc", false, "github.com/kolo/xmlrpc", false},
		{"rpc/xmlrpc", true, "github.com/kolo/xmlrpc", true},
		{"rpc", false, "go.uber.org/goleak", false},
		{"rpc", true, "example.com/some/where", false},
		{"cmd/parley", false, module + "/internal/peertest", false},
		{"cmd/parley", false, "github.com/alecthomas/kong", true},
		{"cmd/parley/internal/service", false, "github.com/alecthomas/kong", false},
		{"cmd/parley/internal/terminal", false, module + "/cmd/parley/internal/dial", false},
		{"cmd/parley", true, module + "/internal/peertest", true},
	} {
		if problem := checkImport(test.dir, test.test, test.target); (problem == "") != test.ok {
			t.Errorf("%s (test %v) imports %s: got %q; want ok %v", test.dir, test.test, test.target, problem, test.ok)
		}
	}
}
