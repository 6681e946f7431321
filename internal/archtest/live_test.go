package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strings"
	"testing"
)

// A test that needs a peer is named TestLive…, or "make peers" would not run
// it, and no other is, or "make peers" would run it once for each CPython. What
// needs one is what reaches package peertest through functions of its own package;
// those with Kolo in their name need that alone.
func TestNamesOfLiveTests(t *testing.T) {
	packages := map[string][]goFile{}
	for _, f := range goFiles(t) {
		if f.isTest() && f.dir() != "internal/peertest" {
			packages[f.dir()] = append(packages[f.dir()], f)
		}
	}
	for dir, files := range packages {
		unnamed, needless := misnamed(files)
		for _, name := range unnamed {
			t.Errorf("%s: %s uses a live peer; name it TestLive%s", dir, name, strings.TrimPrefix(name, "Test"))
		}
		for _, name := range needless {
			t.Errorf("%s: %s uses no Python and \"make test\" runs it; name it Test%s", dir, name, strings.TrimPrefix(name, "TestLive"))
		}
	}
}

// A file with the build tag peers is for live tests alone: what is no such test
// would never run in "make test".
func TestPeersTagIsForLiveTests(t *testing.T) {
	tagged := 0
	for _, f := range goFiles(t) {
		if !hasTag(f, "peers") {
			continue
		}
		tagged++
		if !f.isTest() {
			t.Errorf("%s: has the build tag peers and is no test file", f.path)
		}
		for _, name := range testsIn(f) {
			if !strings.HasPrefix(name, "TestLive") {
				t.Errorf("%s: %s runs in \"make peers\" alone; name it TestLive…, or move it to a file without the tag", f.path, name)
			}
		}
	}
	if tagged == 0 {
		t.Error("no file has the build tag peers; want those of internal/interop")
	}
}

// hasTag reports whether a file is compiled with a build tag only.
func hasTag(f goFile, tag string) bool {
	line, _, _ := strings.Cut(string(f.text), "\n")
	return line == "//go:build "+tag
}

// testsIn lists the tests, benchmarks, examples and fuzz targets of a file.
func testsIn(f goFile) []string {
	var names []string
	for _, decl := range f.ast.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil {
			for _, prefix := range []string{"Test", "Benchmark", "Example", "Fuzz"} {
				if strings.HasPrefix(fn.Name.Name, prefix) {
					names = append(names, fn.Name.Name)
				}
			}
		}
	}
	return names
}

// misnamed lists the tests among the files of one package that use a live peer
// and do not say so, and those that say so and do not.
func misnamed(files []goFile) (unnamed, needless []string) {
	uses := map[string]map[string]bool{} // function or .method: the names in its body
	tagged := map[string]bool{}          // those that only "make peers" compiles
	for _, f := range files {
		for _, decl := range f.ast.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Body != nil {
				name := fn.Name.Name
				if fn.Recv != nil {
					name = "." + name
				}
				uses[name] = namesIn(fn.Body)
				tagged[name] = hasTag(f, "peers")
			}
		}
	}
	const peer = "peertest"
	live := map[string]bool{peer: true}
	for grown := true; grown; {
		grown = false
		for name, used := range uses {
			if live[name] {
				continue
			}
			for other := range used {
				if live[other] {
					live[name], grown = true, true
					break
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(uses)) {
		switch named := strings.HasPrefix(name, "TestLive"); {
		case !strings.HasPrefix(name, "Test") || name == "TestMain":
		case live[name] && !named:
			unnamed = append(unnamed, name)
		case named && !live[name] && !tagged[name] && !strings.Contains(name, "Kolo"):
			needless = append(needless, name)
		}
	}
	return unnamed, needless
}

// namesIn collects the functions and packages that a body names, and with a dot
// in front the methods.
func namesIn(body ast.Node) map[string]bool {
	names := map[string]bool{}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			// What other needs use too, and a Python that may be any, make no live test.
			if id, ok := n.X.(*ast.Ident); ok && n.Sel.Name != "Missing" && n.Sel.Name != "AnyPython" {
				names[id.Name] = true
			}
			names["."+n.Sel.Name] = true
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok {
				names[id.Name] = true
			}
		}
		return true
	})
	return names
}

func TestMisnamedFindsHelpers(t *testing.T) {
	src := `package p
func TestDirect(t *testing.T) { peertest.Python(t) }
func TestThroughHelper(t *testing.T) { h := server{}; h.start(t) }
func (server) start(t *testing.T) { python(t) }
func python(t *testing.T) { peertest.Python(t) }
func TestLiveNamed(t *testing.T) { python(t) }
func TestLiveKolo(t *testing.T) { kolo(t) }
func TestLiveShell(t *testing.T) { start(t) }
func TestAny(t *testing.T) { peertest.AnyPython(t) }
func TestAlone(t *testing.T) { start(t); h := other{}; h.python(t) }
func start(t *testing.T) { peertest.Missing(t, "a time zone database", "apt-get install tzdata") }
func (other) python(t *testing.T) {}
`
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "p_test.go", src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	unnamed, needless := misnamed([]goFile{{path: "p_test.go", fset: fset, ast: file}})
	if want := []string{"TestDirect", "TestThroughHelper"}; !slices.Equal(unnamed, want) {
		t.Errorf("got %v; want %v", unnamed, want)
	}
	if want := []string{"TestLiveShell"}; !slices.Equal(needless, want) {
		t.Errorf("without a peer: got %v; want %v", needless, want)
	}
}
