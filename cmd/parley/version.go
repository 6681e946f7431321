package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
)

// versionFlag prints the version and ends the program.
type versionFlag bool

func (versionFlag) BeforeReset(app *kong.Kong, vars kong.Vars) error {
	fmt.Fprintln(app.Stdout, "parley", vars["version"])
	app.Exit(0)
	return nil
}

// versionCommand says what this program is, for who writes to its authors.
type versionCommand struct{ terminal.OutputFlag }

func (c *versionCommand) run(std terminal.Streams) error {
	b := readBuild()
	if c.AsJSON() {
		return terminal.PrintJSON(std.Out, b)
	}
	table := terminal.Table{}
	table.Add("parley", b.Version)
	if b.Revision != "" {
		table.Add("commit", b.commit())
	}
	table.Add("go", b.Go)
	table.Add("platform", b.OS+"/"+b.Arch)
	return table.Print(std.Out)
}

// build is what is known of how the program was built.
type build struct {
	Version  string `json:"version"`            // of the module; "devel" where nobody has given it one
	Revision string `json:"revision,omitempty"` // of the checkout that it was built in
	Time     string `json:"time,omitempty"`     // of that revision, RFC 3339
	Modified bool   `json:"modified,omitempty"` // whether the checkout was changed since
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
}

// readBuild reads it from what the compiler has left in the program.
func readBuild() build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return buildOf(info)
}

func buildOf(info *debug.BuildInfo) build {
	b := build{
		Version: cmp.Or(strings.Trim(info.Main.Version, "()"), "devel"),
		Go:      cmp.Or(info.GoVersion, runtime.Version()),
		OS:      runtime.GOOS,
		Arch:    runtime.GOARCH,
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

// line is the version in one line.
func (b build) line() string { return b.Version + " " + b.Go }

// commit names the revision as git does in short, with its date.
func (b build) commit() string {
	text := b.Revision[:min(len(b.Revision), 12)]
	if b.Time != "" {
		text += " of " + b.Time
	}
	if b.Modified {
		text += ", modified"
	}
	return text
}
