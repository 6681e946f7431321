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
	"sync"
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
func walk(suffix string, visit func(name string, text []byte) error) error {
	return filepath.WalkDir(root, func(full string, entry fs.DirEntry, err error) error {
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
		return visit(filepath.ToSlash(rel), text)
	})
}

// parsed are the Go files of the module, read once for all tests.
var parsed = sync.OnceValues(func() ([]goFile, error) {
	var files []goFile
	err := walk(".go", func(name string, text []byte) error {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		files = append(files, goFile{path: name, fset: fset, ast: file, text: text})
		return err
	})
	return files, err
})

// goFiles returns all Go files of the module.
func goFiles(t *testing.T) []goFile {
	t.Helper()
	files, err := parsed()
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 10 {
		t.Fatalf("got %d Go files below %s; want the whole module", len(files), root)
	}
	return files
}
