package archtest

import (
	"go/ast"
	"regexp"
	"testing"
)

// testNames are the tests and fuzz targets that a document names.
var testNames = regexp.MustCompile("`((?:Test|Fuzz)[A-Z][A-Za-z0-9]*)`")

// Documents promise nothing by tests that do not exist, or not any more.
func TestNamedTestsExist(t *testing.T) {
	exist := map[string]bool{}
	for _, f := range goFiles(t) {
		for _, decl := range f.ast.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && f.isTest() {
				exist[fn.Name.Name] = true
			}
		}
	}
	named := 0
	for _, doc := range documents(t) {
		for _, m := range testNames.FindAllStringSubmatch(doc.Text, -1) {
			named++
			if !exist[m[1]] {
				t.Errorf("%s: there is no test %s", doc.Path, m[1])
			}
		}
	}
	if named < 20 {
		t.Errorf("got %d names of tests in the documents; want those of docs/security.md", named)
	}
}
