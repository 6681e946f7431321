package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// model is the command line as kong knows it.
func model(t *testing.T) *kong.Application {
	t.Helper()
	app, err := kong.New(&commands{}, variables())
	if err != nil {
		t.Fatal(err)
	}
	addExamples(app.Model)
	return app.Model
}

// docs/command.md has a section for each command, which names all its flags. What
// all have in common that call a server stands in that of call.
func TestCommandsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/command.md")
	if err != nil {
		t.Fatal(err)
	}
	section := func(title string) string {
		level, _, _ := strings.Cut(title, " ")
		_, body, ok := strings.Cut(string(text), "\n"+title+"\n")
		if !ok {
			t.Errorf("docs/command.md has no section %q", title)
		}
		body, _, _ = strings.Cut(body, "\n## ")
		if level == "###" {
			body, _, _ = strings.Cut(body, "\n### ")
		}
		return body
	}
	shared, list := section("## call"), findChild(model(t).Node, "list")
	seen := 0
	eachCommand(t, func(words string, n *kong.Node) {
		if words == "" {
			return
		}
		if !strings.Contains(string(text), "parley "+words) {
			t.Errorf("docs/command.md does not show parley %s", words)
		}
		title := "## " + words
		if strings.Contains(words, " ") {
			title = "### " + words
		}
		body := section(title)
		calls := len(n.Positional) > 0 && n.Positional[0].Name == "url"
		for _, f := range n.Flags {
			seen++
			known := regexp.MustCompile(`--` + regexp.QuoteMeta(f.Name) + `\b`).MatchString
			if f.Name != "help" && !known(body) && !(calls && findFlag(list, f.Name) != nil && known(shared)) {
				t.Errorf("docs/command.md does not name --%s of %s", f.Name, words)
			}
		}
	})
	if seen < 60 {
		t.Errorf("got %d flags; there are more", seen)
	}
}

// A flag means the same in all commands, as far as its value is concerned:
// arrange knows no command when it looks at one.
func TestFlagsAgree(t *testing.T) {
	takes := map[string]bool{}
	var look func(n *kong.Node)
	look = func(n *kong.Node) {
		for _, f := range n.Flags {
			value := !f.IsBool() && !f.IsCounter()
			if before, ok := takes[f.Name]; ok && before != value {
				t.Errorf("--%s has a value in one command and none in another", f.Name)
			}
			takes[f.Name] = value
		}
		for _, child := range n.Children {
			look(child)
		}
	}
	look(model(t).Node)
	if !takes["secret-out"] || takes["generate"] {
		t.Errorf("the flags of auth were not looked at: %v", takes)
	}
}

// Flags may stand anywhere, and the command may be two words.
func TestArrangeGroups(t *testing.T) {
	for line, want := range map[string]string{
		"auth add x --use http":            "auth add --use=http -- x",
		"auth --use http add x":            "auth add --use=http -- x",
		"--file f auth list":               "auth list --file=f",
		"auth revoke -- add":               "auth revoke -- add",
		"call auth add 1":                  "call -- auth add 1",
		"auth":                             "auth",
		"auth nope x":                      "auth -- nope x",
		"auth add add --generate --file=f": "auth add --generate --file=f -- add",
	} {
		if got := strings.Join(arrange(strings.Fields(line), model(t)), " "); got != want {
			t.Errorf("%q: got %q; want %q", line, got, want)
		}
	}
}
