package archtest

import (
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// document is one Markdown file of the module.
type document struct {
	path string // slash-separated, from the root
	text string
}

func documents(t *testing.T) []document {
	t.Helper()
	var docs []document
	err := walk(".md", func(name string, text []byte) error {
		docs = append(docs, document{name, string(text)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(docs) < 3 {
		t.Fatalf("got %d documents below %s; want README.md and those in docs", len(docs), root)
	}
	return docs
}

// fences are the code blocks of a document: its language and its content.
var fences = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")

// links are the targets of Markdown links and images.
var links = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestLinksResolve(t *testing.T) {
	docs := documents(t)
	for _, doc := range docs {
		prose := fences.ReplaceAllString(doc.text, "")
		for _, m := range links.FindAllStringSubmatch(prose, -1) {
			if err := resolve(doc.path, m[1]); err != nil {
				t.Errorf("%s: link %s: %v", doc.path, m[1], err)
			}
		}
	}
}

// resolve looks for what a link of the document at from leads to. Links out of
// the project are not followed.
func resolve(from, link string) error {
	target, err := url.Parse(link)
	if err != nil {
		return err
	}
	if target.Scheme != "" {
		return nil
	}
	name := from
	if target.Path != "" {
		name = path.Join(path.Dir(from), target.Path)
	}
	file := filepath.Join(root, filepath.FromSlash(name))
	if _, err := os.Stat(file); err != nil {
		return fmt.Errorf("%s does not exist", name)
	}
	if target.Fragment == "" {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !hasHeading(string(text), target.Fragment) {
		return fmt.Errorf("%s has no heading #%s", name, target.Fragment)
	}
	return nil
}

func hasHeading(text, anchor string) bool {
	for line := range strings.Lines(fences.ReplaceAllString(text, "")) {
		if title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && line[0] == '#' && slug(title) == anchor {
			return true
		}
	}
	return false
}

// slug is the anchor that the usual Markdown renderers give to a heading.
func slug(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			return unicode.ToLower(r)
		}
		return -1
	}, strings.TrimSpace(title))
}

// shown are the documents whose Go and Python blocks are pieces of programs that run,
// and how many of them there are at least.
var shown = map[string]int{"README.md": 2, "docs/from-kolo.md": 3}

func TestShownCodeIsReal(t *testing.T) {
	sources := map[string]string{"go": "", "python": ""}
	for language, suffix := range map[string]string{"go": ".go", "python": ".py"} {
		err := walk(suffix, func(name string, text []byte) error {
			if strings.HasPrefix(name, "examples/") {
				sources[language] += normalize(string(text))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, least := range shown {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for _, m := range fences.FindAllStringSubmatch(string(text), -1) {
			source, ok := sources[m[1]]
			if !ok {
				continue
			}
			seen++
			if !strings.Contains(source, normalize(m[2])) {
				t.Errorf("%s: this %s block is in no file of examples, line by line:\n%s", name, m[1], m[2])
			}
		}
		if seen < least {
			t.Errorf("%s: got %d Go and Python blocks; want at least %d", name, seen, least)
		}
	}
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

var (
	goRuns     = regexp.MustCompile(`(?:cd ([\w-]+) && )?go run (\./[\w./-]+)`)
	makes      = regexp.MustCompile("(?m)(?:^|`)make ([a-z]+)")
	makeTarget = regexp.MustCompile(`(?m)^([a-z-]+):`)
)

// The commands that the documents name exist.
func TestCommandsExist(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	targets := map[string]bool{}
	for _, m := range makeTarget.FindAllStringSubmatch(string(makefile), -1) {
		targets[m[1]] = true
	}
	for _, doc := range documents(t) {
		for _, m := range goRuns.FindAllStringSubmatch(doc.text, -1) {
			if strings.Contains(doc.text, " file="+strings.TrimPrefix(m[2], "./")+"/main.go\n") {
				continue // a program that the document makes
			}
			dir := filepath.Join(m[1], strings.TrimRight(m[2], "."))
			if found, _ := filepath.Glob(filepath.Join(root, dir, "*.go")); len(found) == 0 {
				t.Errorf("%s: %s: there is no program in %s", doc.path, m[0], dir)
			}
		}
		for _, m := range makes.FindAllStringSubmatch(doc.text, -1) {
			if !targets[m[1]] {
				t.Errorf("%s: make %s: the Makefile has no such target", doc.path, m[1])
			}
		}
	}
}

func TestSlug(t *testing.T) {
	for title, want := range map[string]string{
		"Errors and limits":       "errors-and-limits",
		" `parley serve`, really": "parley-serve-really",
		"3.12+ and SHA-256":       "312-and-sha-256",
	} {
		if got := slug(title); got != want {
			t.Errorf("slug(%q): got %q; want %q", title, got, want)
		}
	}
}

func TestResolveFindsDeadLinks(t *testing.T) {
	for link, ok := range map[string]bool{
		"https://example.com/nowhere":        true,
		"../../go.mod":                       true,
		"../../nowhere.md":                   false,
		"../../CONTRIBUTING.md#no-such-head": false,
	} {
		if err := resolve("internal/archtest/x.md", link); (err == nil) != ok {
			t.Errorf("resolve %s: got %v; want ok %v", link, err, ok)
		}
	}
}
