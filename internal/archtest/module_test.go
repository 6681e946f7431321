package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// module is the path that imports within the module begin with.
const module = "github.com/parley-rpc/parley"

// root is the module's folder, seen from this one.
var root = filepath.Join("..", "..")

// goFile is one parsed file of the module.
type goFile struct {
	path string // slash-separated, from the root: "rpc/value/plan.go"
	fset *token.FileSet
	ast  *ast.File
	text []byte
}

// dir is the folder of the file, and so its package below the module path.
func (f goFile) dir() string { return path.Dir(f.path) }

func (f goFile) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

// line is the line that node begins on.
func (f goFile) line(node ast.Node) int { return f.fset.Position(node.Pos()).Line }

// walk calls visit for each file of the module whose name ends in suffix.
// Nested modules, hidden folders and testdata are no part of it.
func walk(t *testing.T, suffix string, visit func(name string, text []byte)) {
	t.Helper()
	err := filepath.WalkDir(root, func(full string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, full)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if rel == "." {
				return nil
			}
			_, modErr := os.Stat(filepath.Join(full, "go.mod"))
			if modErr == nil || strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || entry.Name() == "node_modules" {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(entry.Name(), suffix) {
			return nil
		}
		text, err := os.ReadFile(full)
		if err != nil {
			return err
		}
		visit(filepath.ToSlash(rel), text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// goFiles parses all Go files of the module.
func goFiles(t *testing.T) []goFile {
	t.Helper()
	var files []goFile
	walk(t, ".go", func(name string, text []byte) {
		fset := token.NewFileSet()
		parsed, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, goFile{path: name, fset: fset, ast: parsed, text: text})
	})
	if len(files) < 10 {
		t.Fatalf("got %d Go files below %s; want the whole module", len(files), root)
	}
	return files
}
