//go:build unix

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What docs/quickstart.md tells to install is what the tests with peers use.
func TestPackagesOfTheQuickstart(t *testing.T) {
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join("..", "..", "..", filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	text := read("docs/quickstart.md")
	packages := map[string]bool{}
	for line := range strings.Lines(read("internal/interop/testdata/packages.txt")) {
		if name := strings.Fields(line); len(name) > 0 {
			packages[name[0]] = true
		}
	}
	installs := regexp.MustCompile("`apt-get install ([a-z0-9 +.-]+)`").FindAllStringSubmatch(text, -1)
	if len(installs) != 3 {
		t.Errorf("got %d lines of apt-get; want those for Ruby, PHP and Node.js", len(installs))
	}
	for _, m := range installs {
		for name := range strings.FieldsSeq(m[1]) {
			if !packages[name] {
				t.Errorf("apt-get install %s: internal/interop/testdata/packages.txt has no such package", name)
			}
		}
	}

	module := regexp.MustCompile(`npm install .*?([a-z]+)@([0-9.]+)\n`).FindStringSubmatch(text)
	if module == nil {
		t.Fatal("got no npm install; want that of the module xmlrpc")
	}
	if want := `"` + module[1] + `": "` + module[2] + `"`; !strings.Contains(read("internal/interop/testdata/npm/package.json"), want) {
		t.Errorf("npm install %s@%s: internal/interop/testdata/npm/package.json has another version", module[1], module[2])
	}
}
