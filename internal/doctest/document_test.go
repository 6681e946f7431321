package doctest

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	text := strings.ReplaceAll(`# Title

Words with ''''' no fence ''''' in them.

'''
plain
'''

## Second part

'''go file=main.go
package main
'''

1. In a list:

   '''sh run needs=ruby
   ruby client.rb
     deeper
   back

   '''

~~~~text output
~~~
'''
# no heading
~~~~
`, "'", "`")
	d, err := Parse("docs/x.md", text)
	if err != nil {
		t.Fatal(err)
	}
	want := []Block{
		{Document: "docs/x.md", Heading: "Title", Line: 5, Text: "plain\n"},
		{Document: "docs/x.md", Heading: "Second part", Line: 11, Language: "go", Words: []Word{{"file", "main.go"}}, Text: "package main\n"},
		{Document: "docs/x.md", Heading: "Second part", Line: 17, Language: "sh", Words: []Word{{"run", ""}, {"needs", "ruby"}}, Text: "ruby client.rb\n  deeper\nback\n\n"},
		{Document: "docs/x.md", Heading: "Second part", Line: 24, Language: "text", Words: []Word{{"output", ""}}, Text: "~~~\n```\n# no heading\n"},
	}
	if diff := cmp.Diff(want, d.Blocks); diff != "" {
		t.Errorf("blocks (-want +got):\n%s", diff)
	}
	if got, want := d.Headings(), []string{"Title", "Second part"}; !slices.Equal(got, want) {
		t.Errorf("headings: got %q; want %q", got, want)
	}
	if got, want := strings.Count(d.Prose(), "\n"), strings.Count(text, "\n"); got != want {
		t.Errorf("prose: got %d lines; want %d, as in the document", got, want)
	}
	b := d.Blocks[2]
	if !b.Has("run") || b.Has("start") || b.Value("needs") != "ruby" || b.Value("run") != "" || b.String() != "docs/x.md:17" {
		t.Errorf("block: got %v %+v", b, b.Words)
	}
}

func TestParseFindsOpenBlocks(t *testing.T) {
	for _, text := range []string{"```\nx\n", "````\nx\n```\n", "```\nx\n~~~\n", "```go\nx\n```go\n"} {
		if d, err := Parse("x.md", text); err == nil {
			t.Errorf("%q: got %+v; want an error", text, d.Blocks)
		}
	}
}
