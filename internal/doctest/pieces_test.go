package doctest

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// root is the folder of the project, seen from this one.
var root = filepath.Join("..", "..")

// documents are all documents of the project.
func documents(t *testing.T) []*Document {
	t.Helper()
	docs, err := Load(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(docs) < 30 {
		t.Fatalf("got %d documents; want README.md and those in docs", len(docs))
	}
	return docs
}

// code are the languages whose blocks are pieces of programs, and how the names
// of their files end.
var code = map[string]string{"go": ".go", "python": ".py", "toml": ".toml", "ruby": ".rb", "php": ".php", "js": ".js"}

// source is a file that the tests compile or run.
type source struct{ name, text string }

// sources are the files that blocks may be pieces of, by language: the examples,
// which are run by their tests, and the tests themselves.
var sources = sync.OnceValues(func() (map[string][]source, error) {
	all := map[string][]source{}
	err := filepath.WalkDir(root, func(full string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, full)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if entry.IsDir() {
			if strings.HasPrefix(entry.Name(), ".") && rel != "." || entry.Name() == "node_modules" || rel == "internal/doctest" {
				return filepath.SkipDir
			}
			return nil
		}
		for language, suffix := range code {
			if !strings.HasSuffix(rel, suffix) || !isTried(rel) {
				continue
			}
			text, err := os.ReadFile(full)
			if err != nil {
				return err
			}
			all[language] = append(all[language], source{rel, normalize(string(text))})
		}
		return nil
	})
	return all, err
})

// isTried reports whether the tests compile or run a file.
func isTried(name string) bool {
	return strings.HasPrefix(name, "examples/") || strings.HasSuffix(name, "_test.go") ||
		strings.HasPrefix(name, "clients/python/tests/") || strings.Contains(name, "/testdata/")
}

// pieceOf names the file that has the block, line by line.
func pieceOf(b Block) (string, error) {
	all, err := sources()
	if err != nil {
		return "", err
	}
	piece := normalize(b.Text)
	i := slices.IndexFunc(all[b.Language], func(s source) bool { return strings.Contains("\n"+s.text, "\n"+piece) })
	if piece == "" || i < 0 {
		return "", nil
	}
	return all[b.Language][i].name, nil
}

// normalize leaves out indentation and empty lines.
func normalize(code string) string {
	var b strings.Builder
	for line := range strings.Lines(code) {
		if line = strings.TrimSpace(line); line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

func TestPieceOf(t *testing.T) {
	for text, found := range map[string]bool{
		"reg := rpc.NewRegistry()\nif err := reg.Register(\"add\", add, rpc.Params(\"a\", \"b\")); err != nil {\n\treturn err\n}\n": true,
		"g := rpc.NewRegistry()\n":                  false, // the end of a line
		"reg := rpc.NewRegistry()\nreg.NoSuch(1)\n": false,
		"\n": false,
	} {
		name, err := pieceOf(Block{Language: "go", Text: text})
		if err != nil {
			t.Fatal(err)
		}
		if (name != "") != found {
			t.Errorf("%q: got %q; want found %v", text, name, found)
		}
	}
}
