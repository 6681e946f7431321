package archtest

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strings"
	"testing"
)

// maxLines is the length beyond which a file holds more than one idea.
const maxLines = 600

func TestFilesAreShort(t *testing.T) {
	for _, f := range goFiles(t) {
		if n := bytes.Count(f.text, []byte("\n")); n > maxLines {
			t.Errorf("%s: got %d lines; want at most %d: which second idea can move out?", f.path, n, maxLines)
		}
	}
}

func TestNoInit(t *testing.T) {
	for _, f := range goFiles(t) {
		for _, problem := range initFuncs(f) {
			t.Error(problem)
		}
	}
}

func initFuncs(f goFile) []string {
	var problems []string
	for _, decl := range f.ast.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			problems = append(problems, f.path+": func init: importing a package must do nothing")
		}
	}
	return problems
}

// unfinished finds the marks of work that was put off.
var unfinished = regexp.MustCompile(`\b(TODO|FIXME|XXX|HACK)\b|panic\("(not implemented|unimplemented|stub)`)

func TestNothingUnfinished(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.dir() == "internal/archtest" {
			continue // names the marks
		}
		for _, at := range unfinished.FindAllIndex(f.text, -1) {
			line := 1 + bytes.Count(f.text[:at[0]], []byte("\n"))
			t.Errorf("%s:%d: %s: do it, or leave it out and say so in the documents", f.path, line, f.text[at[0]:at[1]])
		}
	}
}

// Every package says in its comment what it is for, and does so once.
func TestPackageComments(t *testing.T) {
	comments := map[string][]string{}
	for _, f := range goFiles(t) {
		if f.isTest() {
			continue
		}
		if _, ok := comments[f.dir()]; !ok {
			comments[f.dir()] = nil
		}
		if strings.TrimSpace(f.ast.Doc.Text()) != "" {
			comments[f.dir()] = append(comments[f.dir()], f.path)
		}
	}
	for dir, files := range comments {
		if len(files) != 1 {
			t.Errorf("package %s: got %d package comments %v; want one", dir, len(files), files)
		}
	}
}

// A fuzz target without a seed runs nothing in an ordinary test run.
func TestFuzzTargetsHaveSeeds(t *testing.T) {
	for _, f := range goFiles(t) {
		for _, decl := range f.ast.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || !f.isTest() || fn.Recv != nil || !strings.HasPrefix(fn.Name.Name, "Fuzz") || fn.Type.Params.NumFields() != 1 {
				continue
			}
			if !callsWith(fn, "f") {
				t.Errorf("%s:%d: %s gives f to no Add and no helper; want seeds", f.path, f.line(fn), fn.Name.Name)
			}
		}
	}
}

// callsWith reports whether fn calls name.Add, or passes name to a function
// that may do so.
func callsWith(fn *ast.FuncDecl, name string) bool {
	found := false
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if sel, ok := call.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Add" && isIdent(sel.X, name) {
			found = true
		}
		for _, arg := range call.Args {
			found = found || isIdent(arg, name)
		}
		return true
	})
	return found
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

// The rules above find what they are for.
func TestRulesCatch(t *testing.T) {
	parse := func(src string) goFile {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, "bad_test.go", "package bad\n"+src, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		return goFile{path: "bad_test.go", fset: fset, ast: file, text: []byte(src)}
	}
	if got := initFuncs(parse("func init() {}\ntype t int\nfunc (t) init() {}")); len(got) != 1 {
		t.Errorf("init: got %q; want one problem", got)
	}
	for line, want := range map[string]bool{
		"// TODO: later": true, `panic("stub")`: true, "todos := 3": false, "the XXXL size": false,
	} {
		if got := unfinished.MatchString(line); got != want {
			t.Errorf("unfinished %q: got %v; want %v", line, got, want)
		}
	}
	for src, want := range map[string]bool{
		"func FuzzA(f *testing.F) { f.Fuzz(nil) }":           false,
		"func FuzzA(f *testing.F) { f.Add(1); f.Fuzz(nil) }": true,
		"func FuzzA(f *testing.F) { seed(f); f.Fuzz(nil) }":  true,
	} {
		fn := parse(src).ast.Decls[0].(*ast.FuncDecl)
		if got := callsWith(fn, "f"); got != want {
			t.Errorf("seeds of %s: got %v; want %v", src, got, want)
		}
	}
}
