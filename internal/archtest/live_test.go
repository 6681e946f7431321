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
// it. What needs one is what reaches package peertest through functions of its
// own package.
func TestLiveTestsAreNamed(t *testing.T) {
	packages := map[string][]goFile{}
	for _, f := range goFiles(t) {
		if f.isTest() && f.dir() != "internal/peertest" {
			packages[f.dir()] = append(packages[f.dir()], f)
		}
	}
	for dir, files := range packages {
		for _, name := range misnamed(files) {
			t.Errorf("%s: %s uses a live peer; name it TestLive%s", dir, name, strings.TrimPrefix(name, "Test"))
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
// and do not say so.
func misnamed(files []goFile) []string {
	uses := map[string]map[string]bool{} // function or .method: the names in its body
	for _, f := range files {
		for _, decl := range f.ast.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Body != nil {
				name := fn.Name.Name
				if fn.Recv != nil {
					name = "." + name
				}
				uses[name] = namesIn(fn.Body)
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
	return slices.Sorted(func(yield func(string) bool) {
		for name := range maps.Keys(live) {
			if strings.HasPrefix(name, "Test") && name != "TestMain" && !strings.HasPrefix(name, "TestLive") && !yield(name) {
				return
			}
		}
	})
}

// namesIn collects the functions and packages that a body names, and with a dot
// in front the methods.
func namesIn(body ast.Node) map[string]bool {
	names := map[string]bool{}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if id, ok := n.X.(*ast.Ident); ok && n.Sel.Name != "Missing" { // which other needs use too
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
func TestAlone(t *testing.T) { start(t); h := other{}; h.python(t) }
func start(t *testing.T) { peertest.Missing(t, "a time zone database", "apt-get install tzdata") }
func (other) python(t *testing.T) {}
`
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "p_test.go", src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	got := misnamed([]goFile{{path: "p_test.go", fset: fset, ast: file}})
	if want := []string{"TestDirect", "TestThroughHelper"}; !slices.Equal(got, want) {
		t.Errorf("got %v; want %v", got, want)
	}
}
