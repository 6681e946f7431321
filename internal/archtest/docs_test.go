package archtest

import (
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/parley-rpc/parley/internal/doctest"
)

func documents(t *testing.T) []*doctest.Document {
	t.Helper()
	docs, err := doctest.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(docs) < 3 {
		t.Fatalf("got %d documents below %s; want README.md and those in docs", len(docs), root)
	}
	return docs
}

// links are the targets of Markdown links and images.
var links = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestLinksResolve(t *testing.T) {
	for _, doc := range documents(t) {
		for _, m := range links.FindAllStringSubmatch(doc.Prose(), -1) {
			if err := resolve(doc.Path, m[1]); err != nil {
				t.Errorf("%s: link %s: %v", doc.Path, m[1], err)
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
	doc, err := doctest.Parse(name, string(text))
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(doc.Headings(), func(title string) bool { return slug(title) == target.Fragment }) {
		return fmt.Errorf("%s has no heading #%s", name, target.Fragment)
	}
	return nil
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
