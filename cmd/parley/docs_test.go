package main

import (
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// model is the command line as kong knows it.
func model(t *testing.T) *kong.Application {
	t.Helper()
	app, err := kong.New(&commands{}, kong.Vars{"version": "", "timeout": ""})
	if err != nil {
		t.Fatal(err)
	}
	addExamples(app.Model)
	return app.Model
}

// docs/command.md has a section for each command of auth, and all its flags.
func TestAuthIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/command.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## auth\n")
	section, _, _ = strings.Cut(section, "\n## ")
	seen := 0
	for _, group := range model(t).Children {
		if group.Name != "auth" {
			continue
		}
		for _, n := range group.Children {
			seen++
			if !strings.Contains(section, "\n### auth "+n.Name+"\n") {
				t.Errorf("docs/command.md has no section on auth %s", n.Name)
			}
			for _, f := range n.Flags {
				if f.Name != "help" && !strings.Contains(section, "--"+f.Name) {
					t.Errorf("docs/command.md does not name --%s of auth %s", f.Name, n.Name)
				}
			}
		}
	}
	if seen != 6 {
		t.Errorf("got %d commands of auth; want 6", seen)
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
